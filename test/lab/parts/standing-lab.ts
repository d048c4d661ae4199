/** A lab that stands until it is ended, a program of its own: what the test of cleaning up ends in every way. */
import { setTimeout as sleep } from "node:timers/promises";
import { Lab } from "./lab.js";

const lab = new Lab();
const one = await lab.namespace("one");
const other = await lab.namespace("other");
await lab.link(
  { namespace: one, device: "eth0", mac: "02:00:5e:10:00:01", addresses: ["192.0.2.1/24"] },
  { namespace: other, device: "eth0", mac: "02:00:5e:10:00:02", addresses: ["192.0.2.2/24"] },
);
lab.bpffs();
const daemon = one.start("sleeper", ["sleep", "600"]);
// A program that a daemon started, and that would outlive it.
one.start("forker", ["sh", "-c", "sleep 601 & wait"]);
process.stdout.write(`${JSON.stringify({ namespace: one.name, directory: lab.directory, daemon: daemon.pid })}\n`);
if (process.argv[2] === "throw") throw new Error("something went wrong in the test");
if (process.argv[2] === "return") process.exit(0);
await sleep(600_000);
