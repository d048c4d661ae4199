/** A host of the lab with its own /etc, /var, /run, /usr/local and bpffs: what is written there is written nowhere else. */
import { mkdirSync } from "node:fs";
import type { Daemon } from "./daemon.js";
import type { Lab } from "./lab.js";
import type { Namespace } from "./namespace.js";
import { type RunResult, run } from "./run.js";

const OWN = ["etc", "var", "run", "usr/local"];
const READY = "mounted";

export class OwnFiles {
  private constructor(
    private readonly namespace: Namespace,
    private readonly holder: Daemon,
  ) {}

  /** Changes lie in the lab's directory, and go with it. */
  static async of(lab: Lab, namespace: Namespace): Promise<OwnFiles> {
    const directory = lab.path(`${namespace.role}-files`);
    const mounts = OWN.map((path) => {
      const [upper, work] = ["upper", "work"].map((kind) => `${directory}/${path.replace("/", "-")}/${kind}`);
      for (const made of [upper, work]) mkdirSync(made ?? "", { recursive: true });
      return `mount -t overlay overlay -o lowerdir=/${path},upperdir=${upper},workdir=${work} /${path}`;
    });
    const script = [...mounts, "mount -t bpf bpf /sys/fs/bpf", `echo ${READY}`, "exec sleep infinity"].join("\n");
    const holder = namespace.start(`${namespace.role}-files`, ["unshare", "--mount", "bash", "-euc", script]);
    await holder.ready("its file systems", () => holder.stdout().includes(READY));
    return new OwnFiles(namespace, holder);
  }

  run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<RunResult> {
    return run(this.namespace.enter(this.#enter(argv)), { env, timeout: 60_000 });
  }

  start(name: string, argv: readonly string[], env: NodeJS.ProcessEnv): Daemon {
    return this.namespace.start(name, this.#enter(argv), { env });
  }

  #enter(argv: readonly string[]): string[] {
    return ["nsenter", `--mount=/proc/${this.holder.pid}/ns/mnt`, ...argv];
  }
}
