import type { Config } from "./schema.js";

/** The servers that the configuration means. */
export function natsServers(config: Config["nats"]): string[] {
  return config.embedded ? [`nats://127.0.0.1:${config.port}`] : config.servers;
}
