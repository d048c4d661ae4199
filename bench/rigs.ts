/** The rigs of all cases, each made once. */
import { type Case, caseKey } from "./cases/case.js";
import { command, Namespace } from "./namespaces.js";
import { Rig } from "./rig.js";

export class Rigs implements Disposable {
  readonly #outside = new Namespace();
  /** Undefined: absent on this machine or in this version. */
  readonly #rigs = new Map<string, Rig | undefined>();

  constructor(private readonly objectPath: string) {
    const sysctls = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];
    this.#outside.run(() => command("sysctl", "-qw", ...sysctls));
  }

  /** Undefined where the case is absent. */
  async rigOf(wanted: Case): Promise<Rig | undefined> {
    const key = caseKey(wanted);
    if (!this.#rigs.has(key)) this.#rigs.set(key, await this.#make(wanted));
    return this.#rigs.get(key);
  }

  async #make(wanted: Case): Promise<Rig | undefined> {
    const rig = new Rig(this.#outside, this.#rigs.size, this.objectPath, wanted);
    const close = await rig.runInEdge(() => wanted.setUp(rig));
    if (close === "absent") {
      rig.close();
      return undefined;
    }
    if (close) rig.atEnd(close);
    return rig;
  }

  close(): void {
    for (const rig of this.#rigs.values()) rig?.close();
    this.#outside.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
