/**
 * A gateway in a process of its own, for benches: its configuration as JSON in the first argument, and in the second the
 * URL of a NATS server where events are stored; without it they go nowhere.
 */
import { connect } from "@nats-io/transport-node";
import { pino } from "pino";
import { Registry } from "prom-client";
import { configSchema } from "../../src/config/schema.js";
import { radiusConfigSchema } from "../../src/gateway/config.js";
import { startGateway } from "../../src/gateway/gateway.js";
import { NatsBus } from "../../src/gateway/nats-bus.js";
import type { EventBus } from "../../src/gateway/ports.js";

const [, , radius = "{}", natsUrl] = process.argv;
const log = pino({ level: "silent" });

async function natsBus(servers: string): Promise<EventBus> {
  const bus = new NatsBus(configSchema.parse({ node: "bench" }).nats.stream, log, new AbortController().signal);
  await bus.attach(await connect({ servers, maxReconnectAttempts: -1 }));
  return bus;
}

const nowhere: EventBus = {
  publish: () => Promise.resolve(),
  results: async function* () {},
};

const config = radiusConfigSchema.parse(JSON.parse(radius));
const bus = natsUrl === undefined ? nowhere : await natsBus(natsUrl);
const gateway = startGateway(config, { bus, log, metricsRegistry: new Registry() });
const ports = await gateway.ready;
process.stdout.write(`${JSON.stringify(ports)}\n`);

// A line asks for the resident memory, in MiB; node --expose-gc collects first.
process.stdin.on("data", () => {
  globalThis.gc?.();
  process.stdout.write(`${JSON.stringify({ rss: Math.round(process.memoryUsage().rss / 2 ** 20) })}\n`);
});
