/** A gateway in a process of its own, whose events go nowhere: configuration as JSON in the first argument. */
import { Registry } from "prom-client";
import { radiusConfigSchema } from "../../src/gateway/config.js";
import { startGateway } from "../../src/gateway/gateway.js";

const silent = () => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };
const bus = {
  publish: () => Promise.resolve(),
  results: async function* () {},
};

const config = radiusConfigSchema.parse(JSON.parse(process.argv[2] ?? "{}"));
const registry = new Registry();
const gateway = startGateway(config, { bus, log, metricsRegistry: registry });
const ports = await gateway.ready;
process.stdout.write(`${JSON.stringify(ports)}\n`);
// A line asks for the resident memory, in MiB, after collecting what can be collected.
process.stdin.on("data", () => {
  globalThis.gc?.();
  process.stdout.write(`${JSON.stringify({ rss: Math.round(process.memoryUsage().rss / 2 ** 20) })}\n`);
});
