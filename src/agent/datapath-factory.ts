/** The one place that knows which datapath an agent runs on. */
import type { Logger } from "pino";
import type { AgentConfig } from "../config/schema.js";
import type { Datapath } from "../datapath/port.js";

export type OpenDatapath = (config: AgentConfig, log: Logger) => Datapath | Promise<Datapath>;

/** Loaded when the prerequisites have been checked: it needs libbpf. */
export async function loadKernelDatapath(): Promise<OpenDatapath> {
  const module: string = "../datapath/kernel.js";
  return ((await import(module)) as { openDatapath: OpenDatapath }).openDatapath;
}
