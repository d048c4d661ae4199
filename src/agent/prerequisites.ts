/** What this node must have before anything is loaded into its kernel. One sentence for each thing that is missing. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentConfig } from "../config/schema.js";
import { isGlob } from "../net/globs.js";

/** Bits of linux/capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_PERFMON: 38, CAP_BPF: 39 } as const;
const CAP_SYS_ADMIN = 21;

/** Where to look; tests point it at a tree of their own. */
export interface NodeView {
  /** Stands for `/`. */
  readonly root: string;
}

const HOST: NodeView = { root: "/" };

export function checkPrerequisites(config: AgentConfig, view: NodeView = HOST): string[] {
  return [
    checkCapabilities(view),
    checkBtf(view),
    checkLibbpf(view),
    ...checkInterfaces(config.interfaces, view),
  ].filter((problem) => problem !== undefined);
}

export function checkCapabilities(view: NodeView = HOST): string | undefined {
  const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText(view, "proc/self/status") ?? "")?.[1];
  const bits = BigInt(`0x${held ?? "0"}`);
  const has = (bit: number): boolean => ((bits >> BigInt(bit)) & 1n) === 1n;
  const missing = Object.entries(CAPABILITIES)
    .filter(([, bit]) => !has(bit) && !(has(CAP_SYS_ADMIN) && bit !== CAPABILITIES.CAP_NET_ADMIN))
    .map(([name]) => name);
  if (missing.length === 0) return undefined;
  return `the agent lacks ${missing.join(", ")}: run it as root, or give it CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON`;
}

function checkBtf(view: NodeView): string | undefined {
  try {
    accessSync(join(view.root, "sys/kernel/btf/vmlinux"), constants.R_OK);
    return undefined;
  } catch {
    return "/sys/kernel/btf/vmlinux cannot be read: run a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys";
  }
}

export function checkLibbpf(view: NodeView = HOST): string | undefined {
  const library = "libbpf.so.1";
  if (readText(view, "etc/ld.so.cache", "latin1")?.includes(library)) return undefined;
  const folders = ["lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib"].map((folder) => join(view.root, folder));
  const nested = folders.flatMap((folder) => subfolders(folder));
  const named = (process.env.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder !== "");
  if ([...folders, ...nested, ...named].some((folder) => existsSync(join(folder, library)))) return undefined;
  return `${library} is not there: install the package libbpf1 (Debian, Ubuntu) or libbpf`;
}

/** A glob may match nothing yet; a plain name that is not there is a mistake. */
function checkInterfaces(interfaces: AgentConfig["interfaces"], view: NodeView): string[] {
  const present = new Set(listInterfaces(view));
  return (["access", "core", "mediation"] as const).flatMap((role) =>
    interfaces[role]
      .filter((name) => !isGlob(name) && !present.has(name))
      .map(
        (name) => `the interface ${name} of interfaces.${role} is not there: create it, or correct the configuration`,
      ),
  );
}

function listInterfaces(view: NodeView): string[] {
  // Unlike /sys/class/net, this is always that of our own network namespace.
  const table = readText(view, "proc/self/net/dev") ?? "";
  return [...table.matchAll(/^\s*(\S+?):/gm)].map((match) => match[1] ?? "");
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.includes("linux-gnu"))
      .map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}

function readText(view: NodeView, path: string, encoding: BufferEncoding = "utf8"): string | undefined {
  try {
    return readFileSync(join(view.root, path), encoding);
  } catch {
    return undefined;
  }
}
