#!/usr/bin/env node
/** Prints everything that passes the bus, as somebody does who may read all of it. */
import { connect } from "@nats-io/transport-node";

const connection = await connect({ servers: "nats://127.0.0.1:4222" });
const messages = connection.subscribe(">");
await connection.flush();
process.stdout.write("listening\n");
for await (const { subject, data, headers } of messages) {
  process.stdout.write(`${subject} ${headers?.toString() ?? ""} ${Buffer.from(data).toString("latin1")}\n`);
}
