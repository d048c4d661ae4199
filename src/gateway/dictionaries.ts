/** Dictionary files on disk. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Dictionary } from "../radius/dictionary.js";
import { type DictionaryFile, readDictionary } from "../radius/dictionary-reader.js";
import { RadiusError } from "../radius/errors.js";

/** From dist/src/gateway up to the package's root. */
const SHIPPED = fileURLToPath(new URL("../../../share/dictionaries/dictionary", import.meta.url));

/** The shipped dictionary with `paths` on top. Throws RadiusError "dictionary", whose message names file and line. */
export function loadDictionary(paths: readonly string[] = []): Dictionary {
  const files = [SHIPPED, ...paths].map((path) => {
    const file = readFile(resolve(path));
    if (file === undefined) throw new RadiusError("dictionary", `${path}: the dictionary file is missing`);
    return file;
  });
  return readDictionary(files, (from, name) => readFile(join(dirname(from), name)));
}

function readFile(path: string): DictionaryFile | undefined {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new RadiusError("dictionary", `${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
