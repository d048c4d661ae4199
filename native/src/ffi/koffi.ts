import type * as koffi from "koffi";

/** The foreign function interface as a type; `native.ts` loads it on first use. */
export type Koffi = typeof koffi;
