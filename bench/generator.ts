/** Makes traffic: live frames of an XDP program, sent out of a veth whose other end is the edge's access interface. */
import { BpfObject, type LoadedObject } from "libbpf-ts";
import { Traffic, TrafficLimits } from "./layout.gen.js";
import { MACS } from "./rig.js";

export interface TrafficSpec {
  /** Bytes of the frames in turn, from the Ethernet header on, without check sequence. One of them, or twelve. */
  readonly sizes: readonly number[];
  readonly flows: number;
  /** Share of the packets that belongs to subscribers under intercept, 0 to 1. */
  readonly intercepted: number;
  /** Subscribers of either kind that the flows are spread over. */
  readonly subscribers: number;
}

const ZERO = Buffer.alloc(4);
/** As many as NAPI polls at a time; four of them fit veth's ring. */
const BATCH = 64;
const MIN_FRAME = 60;

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

function encodeTraffic(spec: TrafficSpec): Buffer {
  const { sizes, flows, subscribers, intercepted } = spec;
  if (sizes.some((size) => size < MIN_FRAME)) throw new RangeError(`A frame has at least ${MIN_FRAME} bytes.`);
  return Traffic.encode({
    flows,
    subscribers,
    stride: Math.max(1, Math.floor(subscribers / flows)),
    intercepted: Math.round(intercepted * TrafficLimits.WHOLE_SHARE),
    random: 0x2545f491,
    sequence: 0,
    turn: 0,
    sizes: Array.from({ length: TrafficLimits.SIZES }, (_, index) => sizes[index % sizes.length] ?? MIN_FRAME),
    source_mac: mac(MACS.source),
    destination_mac: mac(MACS.destination),
  });
}

export class Generator implements Disposable {
  readonly #object: LoadedObject;
  #template = Buffer.alloc(MIN_FRAME);

  constructor(objectPath: string) {
    this.#object = BpfObject.open(objectPath).load();
  }

  /** Where to: an interface of the calling thread's namespace. */
  aim(ifindex: number): void {
    const value = Buffer.alloc(4);
    value.writeUInt32LE(ifindex);
    this.#object.map("outlets").update(ZERO, value);
  }

  shape(spec: TrafficSpec): void {
    this.#object.map("traffics").update(ZERO, encodeTraffic(spec));
    this.#template = Buffer.alloc(Math.max(...spec.sizes));
  }

  /** Sends `packets` as fast as they are taken, and returns when they are dealt with. Milliseconds that it took. */
  send(packets: number): number {
    const begin = process.hrtime.bigint();
    const options = { data: this.#template, repeat: packets, batchSize: BATCH, liveFrames: true };
    this.#object.program("generate").testRun(options);
    return Number(process.hrtime.bigint() - begin) / 1e6;
  }

  close(): void {
    this.#object.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
