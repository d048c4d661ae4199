/** Generated files: written, or only compared. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export type GeneratedFiles = ReadonlyMap<string, string>;

/** Returns the files that are not what they should be. */
export function differing(files: GeneratedFiles): string[] {
  return [...files].filter(([path, text]) => readIfThere(path) !== text).map(([path]) => path);
}

export function write(files: GeneratedFiles): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
