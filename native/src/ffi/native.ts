/** Loads koffi, libbpf and libc once, on first use. Nothing else in the package touches koffi. */
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import type { LibraryHandle } from "koffi";
import { BpfUsageError, LibbpfMissingError } from "../errors.js";
import type { Koffi } from "./koffi.js";
import { type Libbpf, libbpfPrototypes } from "./libbpf.js";
import { type Libc, libcPrototypes } from "./libc.js";
import { installPrintCapture } from "./messages.js";

export interface Native {
  readonly koffi: Koffi;
  readonly libbpf: Libbpf;
  readonly libc: Libc;
}

const LIBBPF = "libbpf.so.1";
const LIBC = "libc.so.6";

let loaded: Native | undefined;

/** The native functions. Throws LibbpfMissingError where they cannot be had. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  // libbpf's print callback is one for the process: a worker's would dangle when the worker ends.
  if (!isMainThread) throw new BpfUsageError("libbpf-ts works on the main thread only");
  const koffi = loadKoffi();
  const libbpf = bind<Libbpf>(koffi, LIBBPF, libbpfPrototypes, "install the package libbpf1, version 1.1 or later");
  const libc = bind<Libc>(koffi, LIBC, libcPrototypes, "a system with glibc is needed");
  installPrintCapture(koffi, libbpf, libc);
  return { koffi, libbpf, libc };
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    throw new LibbpfMissingError(
      "koffi, the foreign function interface, could not be loaded: install with npm ci and without --omit=optional",
      { cause },
    );
  }
}

type Prototypes<T> = Readonly<Record<keyof T & string, string>>;

function bind<T>(koffi: Koffi, name: string, prototypes: Prototypes<T>, remedy: string): T {
  const library = open(koffi, name, remedy);
  const functions: Record<string, unknown> = {};
  for (const symbol of Object.keys(prototypes) as (keyof T & string)[]) {
    try {
      functions[symbol] = library.func(prototypes[symbol]);
    } catch (cause) {
      throw new LibbpfMissingError(`${name} lacks ${symbol}: ${remedy}`, { cause });
    }
  }
  return functions as T;
}

function open(koffi: Koffi, name: string, remedy: string): LibraryHandle {
  try {
    return koffi.load(name);
  } catch (cause) {
    throw new LibbpfMissingError(`${name} was not found: ${remedy}`, { cause });
  }
}
