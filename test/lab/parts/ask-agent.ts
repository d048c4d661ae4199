/**
 * Whoever publishes events himself, a program of its own: takes an array of events on its input, publishes one after the
 * other, and prints the agent's answers, null for what asks for none.
 */
import { text } from "node:stream/consumers";
import { connect } from "@nats-io/transport-node";
import { EventPublisher } from "../../../src/bus/publisher.js";
import type { EventResult, RadiusEvent } from "../../../src/events/types.js";

const ANSWER_MS = 15_000;

async function ask(publisher: EventPublisher, event: RadiusEvent): Promise<EventResult | null> {
  const results = publisher.results(event.id, AbortSignal.timeout(ANSWER_MS));
  await publisher.publish(event);
  if (event.data.li === undefined) return null;
  for await (const result of results) return result;
  throw new Error(`no answer to ${event.type} within ${ANSWER_MS} ms`);
}

const connection = await connect({ servers: "nats://127.0.0.1:4222" });
const publisher = new EventPublisher(connection);
const answers: (EventResult | null)[] = [];
for (const event of JSON.parse(await text(process.stdin)) as RadiusEvent[]) answers.push(await ask(publisher, event));
publisher.close();
await connection.drain();
process.stdout.write(JSON.stringify(answers));
