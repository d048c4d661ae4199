/** Another build of the product, as an upgrade would bring it: other sources of the eBPF programs, other layouts of maps. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lab } from "./lab.js";
import { run } from "./run.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** Files of `bpf/`, by name: what their text becomes. */
export type Changes = Readonly<Record<string, (text: string) => string>>;

/** Builds it in the lab's directory. Returns its program. */
export async function buildOther(lab: Lab, name: string, changes: Changes): Promise<string> {
  const build = lab.path(name);
  mkdirSync(join(build, "dist"), { recursive: true });
  cpSync(join(ROOT, "dist", "src"), join(build, "dist", "src"), { recursive: true });
  cpSync(join(ROOT, "bpf"), join(build, "bpf"), { recursive: true });
  cpSync(join(ROOT, "share"), join(build, "share"), { recursive: true });
  cpSync(join(ROOT, "package.json"), join(build, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(build, "node_modules"));
  for (const [file, change] of Object.entries(changes)) {
    const path = join(build, "bpf", file);
    const text = readFileSync(path, "utf8");
    const changed = change(text);
    if (changed === text) throw new Error(`the change to ${file} changes nothing`);
    writeFileSync(path, changed);
  }
  const objects = join(build, "build", "bpf");
  // The object that is tried first, and all that a node in the mode `tc` needs.
  await run(["make", "-s", "-C", join(build, "bpf"), `OUT=${objects}`, join(objects, "tc.o")]);
  await generateLayouts(build, objects);
  return join(build, "dist", "src", "cli", "main.js");
}

async function generateLayouts(build: string, objects: string): Promise<void> {
  const source = join(build, "layout.gen.ts");
  const enums =
    /codegen ([^\n]*)/.exec(readFileSync(join(ROOT, "src", "datapath", "layout.gen.ts"), "utf8"))?.[1] ?? "";
  const options = [...enums.matchAll(/--enum=\w+/g)].map(([option]) => option);
  await run([
    process.execPath,
    join(ROOT, "native", "dist", "src", "codegen", "main.js"),
    join(objects, "tc.o"),
    "--out",
    source,
    ...options,
  ]);
  const compiler = ["--ignoreConfig", "--noCheck", "--module", "nodenext", "--target", "es2023", "--types", "node"];
  const out = join(build, "dist", "src", "datapath");
  await run([join(ROOT, "node_modules", ".bin", "tsc"), ...compiler, "--outDir", out, source]);
}
