import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Where the shell would find a program; undefined where it would not. */
export function findProgram(name: string, path = process.env["PATH"] ?? ""): string | undefined {
  const candidates = name.includes("/") ? [name] : path.split(":").map((directory) => join(directory, name));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
