/** A BPF file system of the test's own in a temporary folder. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./cleanup.js";

export class BpfFs implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "libbpf-ts-"));

  readonly #remove: () => void;

  constructor() {
    execFileSync("mount", ["-t", "bpf", "bpf", this.path]);
    this.#remove = atExit(() => {
      execFileSync("umount", [this.path]);
      rmdirSync(this.path);
    });
  }

  join(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    this.#remove();
  }
}
