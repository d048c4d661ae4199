#!/usr/bin/env node
/** `nats pub SUBJECT PAYLOAD`, as the NATS command line does it, for machines that do not have that. */
import { connect } from "@nats-io/transport-node";

const [verb, subject = "", payload = ""] = process.argv.slice(2);
if (verb !== "pub") throw new Error(`only "pub" is known here, not "${verb}"`);
const connection = await connect({ servers: "nats://127.0.0.1:4222" });
connection.publish(subject, payload);
await connection.drain();
