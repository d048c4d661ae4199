/**
 * What libbpf prints. By default it writes to stderr; here its warnings are kept for the error that follows and
 * everything else is dropped. The callback is process-wide: use the package from one thread only.
 */
import type { Koffi } from "./koffi.js";
import type { Libbpf } from "./libbpf.js";
import type { Libc } from "./libc.js";
import type { Pointer } from "./memory.js";

const LEVEL_INFO = 1;
/** Enough of `va_list` to copy it: 24 bytes on x86-64, 32 on arm64, a structure passed by reference on both. */
const VA_LIST_BYTES = 32;
/** A verifier log may have 16 MiB. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

let captured: string[] | undefined;

/** Runs `call` and returns its result with the messages that libbpf gave meanwhile. */
export function captureMessages<T>(call: () => T): { readonly result: T; readonly messages: readonly string[] } {
  const outer = captured;
  const messages: string[] = [];
  captured = messages;
  try {
    return { result: call(), messages };
  } finally {
    captured = outer;
  }
}

/** Last message without the prefix, for an error's detail. */
export function lastMessage(messages: readonly string[]): string | undefined {
  return messages
    .at(-1)
    ?.replace(/^libbpf: /, "")
    .trim();
}

export function installPrintCapture(koffi: Koffi, libbpf: Libbpf, libc: Libc): void {
  const prototype = koffi.proto("int libbpf_ts_print(int level, void *format, void *list)");
  const print = (level: number, format: Pointer, list: Pointer): number => {
    if (captured !== undefined && level <= LEVEL_INFO) captured.push(formatMessage(libc, format, list));
    return 0;
  };
  // Registered for the life of the process: libbpf may call it from any of its functions.
  libbpf.libbpf_set_print(koffi.register(print, koffi.pointer(prototype)));
}

function formatMessage(libc: Libc, format: Pointer, list: Pointer): string {
  // vsnprintf uses the list up, so the length is taken with a copy.
  const copy = Buffer.alloc(VA_LIST_BYTES);
  libc.memcpy(copy, list, VA_LIST_BYTES);
  const length = Math.min(libc.vsnprintf(null, 0, format, copy), MAX_MESSAGE_BYTES);
  if (length <= 0) return "";
  const buffer = Buffer.alloc(length + 1);
  libc.vsnprintf(buffer, buffer.length, format, list);
  return buffer.toString("utf8", 0, length);
}
