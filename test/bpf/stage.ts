/** Runs programs under test on packets whose outermost VLAN tag is in the skb's metadata (stage.bpf.c). */
import { execFileSync } from "node:child_process";
import { BpfObject, type BpfProgram, type LoadedObject, type TestRunResult } from "libbpf-ts";
import { type Context, contextBytes } from "./context.js";
import { ETHERTYPE, type VlanTag } from "./packets.js";

const OBJECT = "build/test-bpf/stage.o";

export class Stage implements Disposable {
  readonly #object: LoadedObject;

  constructor() {
    execFileSync("make", ["-s", "-C", "test/bpf"], { stdio: ["ignore", "ignore", "inherit"] });
    this.#object = BpfObject.open(OBJECT).load();
  }

  run(underTest: BpfProgram, packet: Buffer, context: Context, tag: VlanTag): TestRunResult {
    const { id, priority = 0, type = ETHERTYPE.vlan } = tag;
    const program = Buffer.alloc(4);
    program.writeUInt32LE(underTest.fd);
    this.#object.map("under_test").update(Buffer.alloc(4), program);
    const ctx = contextBytes({ ...context, cb: [type, (priority << 13) | id] });
    return this.#object.program("tag_in_metadata").testRun({ data: packet, ctx });
  }

  [Symbol.dispose](): void {
    this.#object.close();
  }
}
