/**
 * Passes datagrams on and does nothing else, one end of a chain each: `relay.js in SERVER ADDRESS PORT` from UDP into
 * JetStream, `relay.js out SERVER ADDRESS PORT` from there to UDP. Writes "ready"; until it is ended.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const STREAM = "RELAYED";
const SUBJECT = "relayed";
/** Acknowledgements of the stream come here; nobody waits for them. */
const INBOX = "_INBOX.relay";
const CONSUMER = "out";

const [end = "", servers = "", address = "", port = ""] = process.argv.slice(2);
const connection = await connect({ servers });
const manager = await jetstreamManager(connection);
const socket = createSocket("udp4");

if (end === "in") {
  connection.subscribe(INBOX, { callback: () => undefined });
  socket.on("message", (bytes) => connection.publish(SUBJECT, bytes, { reply: INBOX }));
  socket.bind(Number(port), address);
  await once(socket, "listening");
} else {
  await manager.streams.add({ name: STREAM, subjects: [SUBJECT] });
  await manager.consumers.add(STREAM, { durable_name: CONSUMER, ack_policy: AckPolicy.All });
  socket.connect(Number(port), address);
  await once(socket, "connect");
  const consumer = await jetstream(connection).consumers.get(STREAM, CONSUMER);
  await consumer.consume({
    callback: (message) => {
      socket.send(message.data);
      message.ack();
    },
  });
}
process.stdout.write("ready\n");
