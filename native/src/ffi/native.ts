/** Loads koffi, libbpf and libc once, on first use. Nothing else in the package touches koffi. */
import { createRequire } from "node:module";
import type { LibraryHandle } from "koffi";
import { LibbpfMissingError } from "../errors.js";
import { type Libbpf, libbpfPrototypes } from "./libbpf.js";
import { type Libc, libcPrototypes } from "./libc.js";
import { installPrintCapture } from "./messages.js";

type Koffi = typeof import("koffi");

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
  const koffi = loadKoffi();
  const libbpf = bind<Libbpf>(open(koffi, LIBBPF, "install the package libbpf1"), libbpfPrototypes);
  const libc = bind<Libc>(open(koffi, LIBC, "a glibc system is needed"), libcPrototypes);
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

function open(koffi: Koffi, library: string, remedy: string): LibraryHandle {
  try {
    return koffi.load(library);
  } catch (cause) {
    throw new LibbpfMissingError(`${library} was not found: ${remedy}`, { cause });
  }
}

function bind<T>(library: LibraryHandle, prototypes: Readonly<Record<keyof T & string, string>>): T {
  const functions: Record<string, unknown> = {};
  for (const name of Object.keys(prototypes) as (keyof T & string)[]) {
    try {
      functions[name] = library.func(prototypes[name]);
    } catch (cause) {
      throw new LibbpfMissingError(`${LIBBPF} lacks ${name}: libbpf 1.1 or later is needed`, { cause });
    }
  }
  return functions as T;
}
