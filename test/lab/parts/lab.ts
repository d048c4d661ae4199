/**
 * A lab: network namespaces, the links between them, the programs in them, a directory for what they write.
 * Whatever ends this process, nothing of it stays: what it can clean up it does, and the next lab removes the rest.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Daemon } from "./daemon.js";
import { LabError } from "./errors.js";
import { type LinkEnd, makeLink } from "./link.js";
import { Namespace } from "./namespace.js";
import { runSync } from "./run.js";

const NAMESPACE_NAME = /^sm-(\d+)-[0-9a-f]{4}-[a-z0-9]+$/;
const DIRECTORY_NAME = /^submirror-lab-(\d+)-\w{6}$/;
/** Mount point of a lab's own bpffs, within its directory. */
const BPFFS = "bpffs";
/** Set to keep the lab's directory (captures, logs, configuration) for a look afterwards. */
const KEEP = "LAB_KEEP";

export class Lab {
  readonly directory: string;
  readonly #tag = randomBytes(2).toString("hex");
  readonly #namespaces: Namespace[] = [];
  readonly #daemons: Daemon[] = [];
  readonly #onExit = (): void => this.destroy();
  readonly #undo: (() => void)[] = [];
  #closed = false;

  constructor() {
    if (process.getuid?.() !== 0)
      throw new LabError("the lab makes network namespaces and needs root; run it with sudo");
    removeStale();
    this.directory = mkdtempSync(join(tmpdir(), `submirror-lab-${process.pid}-`));
    process.on("exit", this.#onExit);
    endOnSignals();
  }

  async namespace(role: string): Promise<Namespace> {
    const name = `sm-${process.pid}-${this.#tag}-${role}`;
    const logs = join(this.directory, role);
    mkdirSync(logs, { recursive: true });
    const namespace = new Namespace(role, name, logs, this.#daemons);
    this.#namespaces.push(namespace);
    // Blocking: were this process interrupted meanwhile, the namespace would appear after everything was cleaned up.
    runSync(["ip", "netns", "add", name]);
    // Nothing of the lab may depend on address or router discovery; it would only add packets of its own.
    await namespace.sysctl({
      "net.ipv6.conf.all.accept_dad": 0,
      "net.ipv6.conf.default.accept_dad": 0,
      "net.ipv6.conf.all.accept_ra": 0,
      "net.ipv6.conf.default.accept_ra": 0,
    });
    await namespace.ip("link set lo up");
    return namespace;
  }

  /** A virtual cable between two namespaces. */
  link(one: LinkEnd, other: LinkEnd): Promise<void> {
    return makeLink(one, other);
  }

  /** A file or directory name within the lab's directory. */
  path(...parts: readonly string[]): string {
    return join(this.directory, ...parts);
  }

  /** A BPF file system that is this lab's alone: what is pinned in it goes with the lab. */
  bpffs(): string {
    const path = this.path(BPFFS);
    if (!existsSync(path)) {
      mkdirSync(path);
      runSync(["mount", "-t", "bpf", "bpf", path]);
    }
    return path;
  }

  /** Something to undo when the lab ends, last first; must be quick and must not throw. */
  onDestroy(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Ends the programs, last started first and with time to say good-bye, then removes everything. */
  async close(): Promise<void> {
    try {
      for (const daemon of this.#daemons.toReversed()) await daemon.stop("SIGTERM", 5000).catch(() => daemon.kill());
    } finally {
      this.destroy();
    }
  }

  /** Removes everything at once. Synchronous, since the process may be ending. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off("exit", this.#onExit);
    for (const daemon of this.#daemons) daemon.kill();
    for (const undo of this.#undo.toReversed()) undo();
    for (const { name } of this.#namespaces) removeNamespace(name);
    unmount(this.directory);
    if (process.env[KEEP] === undefined) rmSync(this.directory, { recursive: true, force: true });
    else process.stderr.write(`lab: kept ${this.directory}\n`);
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

let signalsHandled = false;

function endOnSignals(): void {
  if (signalsHandled) return;
  signalsHandled = true;
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
  for (const [signal, number] of Object.entries(numbers)) process.on(signal, () => process.exit(128 + number));
}

/** Namespaces and directories of labs whose process is gone, by SIGKILL say. */
function removeStale(): void {
  const dead = (pid: string | undefined): boolean => pid !== undefined && !existsSync(`/proc/${pid}`);
  const names = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);
  for (const name of names("/run/netns")) if (dead(NAMESPACE_NAME.exec(name)?.[1])) removeNamespace(name);
  for (const name of names(tmpdir())) {
    if (!dead(DIRECTORY_NAME.exec(name)?.[1])) continue;
    unmount(join(tmpdir(), name));
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function unmount(directory: string): void {
  const path = join(directory, BPFFS);
  if (existsSync(path)) runSync(["umount", "-l", path]);
}

/** Ends what still runs in the namespace (programs that daemons started), then removes it. */
function removeNamespace(name: string): void {
  for (const pid of runSync(["ip", "netns", "pids", name]).split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // Ended by itself meanwhile.
    }
  }
  runSync(["ip", "netns", "del", name]);
}
