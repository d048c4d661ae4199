/** The way in: `BpfObject.open(path)`. */
import type { LoadedObject } from "./loaded.js";
import { ObjectSpec } from "./spec.js";

export type BpfObject = LoadedObject;

export const BpfObject = {
  /** Reads an object file. Nothing is in the kernel before `load`. */
  open(path: string): ObjectSpec {
    return ObjectSpec.open(path);
  },
} as const;
