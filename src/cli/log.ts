import { type Logger, pino } from "pino";
import type { Config } from "../config/schema.js";

/** JSON lines on stdout. Time in RFC 3339, level by name. */
export function createLog(component: string, config: Pick<Config, "log" | "node">): Logger {
  return pino({
    level: config.log.level,
    base: { component, node: config.node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
