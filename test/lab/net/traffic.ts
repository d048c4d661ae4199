/** Traffic that does not stand still while this thread does. */
import { Worker } from "node:worker_threads";
import { offloadHeader, type Wire } from "../../bpf/network.js";
import { numberedFrame } from "./edge.js";

/** Where `numberedFrame` has the number: behind Ethernet, IPv4 and UDP. */
const NUMBER_AT = 14 + 20 + 8;

/** Writes numbered packets a few at a time; their UDP checksum is 0, none, so that numbering them changes nothing else. */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const { fd, perSecond, stop, numberAt } = workerData;
const frame = Buffer.from(workerData.frame);
const start = performance.now();
let sent = 0;
function some() {
  const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
  for (; sent < due; sent++) {
    frame.writeUInt32BE(sent, numberAt);
    writeSync(fd, frame);
  }
  if (Atomics.load(stop, 0) === 0) setTimeout(some, 1);
  else parentPort.postMessage(sent);
}
some();
`;

export class Traffic {
  readonly #worker: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));

  constructor(wire: Wire, perSecond: number, bytes = 32) {
    const frame = numberedFrame(0, bytes);
    frame.writeUInt16BE(0, NUMBER_AT - 2);
    const header = offloadHeader(undefined);
    this.#worker = new Worker(PROGRAM, {
      eval: true,
      workerData: {
        fd: wire.fd,
        perSecond,
        stop: this.#stop,
        frame: Buffer.concat([header, frame]),
        numberAt: header.length + NUMBER_AT,
      },
    });
  }

  /** Returns how many packets were sent: numbers 0 to that less 1. */
  async stop(): Promise<number> {
    const done = new Promise<number>((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
    });
    Atomics.store(this.#stop, 0, 1);
    return done;
  }
}
