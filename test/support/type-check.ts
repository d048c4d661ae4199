/** Whether values, written out as literals, are of a type: the compiler finds what is missing, and what nobody knows. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** From dist/test/support. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface TypedValue {
  /** As TypeScript writes it, such as `import("module").Name`. */
  readonly type: string;
  readonly value: unknown;
}

/** What the compiler says; empty where all is well. `name`: of a directory that is this check's own. */
export function typeErrors(name: string, values: readonly TypedValue[]): string {
  const directory = join(ROOT, "build/type-check", name);
  mkdirSync(directory, { recursive: true });
  const lines = values.map(
    ({ type, value }, index) => `export const v${index}: Plain<${type}> = ${JSON.stringify(value, undefined, 1)};`,
  );
  // In JSON an enumeration's member is a string, or number, like any other.
  const plain =
    "type Plain<T> = unknown extends T ? T : T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;";
  writeFileSync(join(directory, "values.ts"), `${plain}\n${lines.join("\n")}\n`);
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  const options = { module: "nodenext", target: "es2022", skipLibCheck: true, noEmit: true, types: [], strict: true };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["values.ts"] }));
  const { status, stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", directory], { encoding: "utf8" });
  return status === 0 ? "" : stdout || "the compiler failed";
}
