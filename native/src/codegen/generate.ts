import { elfSection } from "../btf/elf.js";
import { parseBtf } from "../btf/parse.js";
import { BtfError } from "../btf/types.js";
import { emit } from "./emit.js";
import { buildModel, type Selection } from "./model.js";

export interface GenerateOptions extends Selection {
  /** Shown in the file's first line. */
  readonly command: string;
}

/** TypeScript for an object file's structures. Throws BtfError where the file does not allow it. */
export function generate(objectFile: Buffer, options: GenerateOptions): string {
  const btf = elfSection(objectFile, ".BTF");
  if (btf === undefined) throw new BtfError("there is no type information: compile with -g");
  return emit(buildModel(parseBtf(btf), options), options.command);
}
