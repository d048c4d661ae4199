/** Running the XDP program that is on an interface. */
import assert from "node:assert/strict";
import { BpfProgram } from "libbpf-ts";
import { ip } from "./network.js";

export const XDP = { DROP: 1, PASS: 2, REDIRECT: 4 } as const;

/** `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. */
const CONTEXT_BYTES = 24;

function contextOf(frame: Buffer, ingressIfindex: number): Buffer {
  const context = Buffer.alloc(CONTEXT_BYTES);
  context.writeUInt32LE(frame.length, 4);
  context.writeUInt32LE(ingressIfindex, 12);
  return context;
}

interface XdpLink {
  readonly ifindex: number;
  readonly xdp?: { readonly prog: { readonly id: number } };
}

export class AttachedXdp implements Disposable {
  readonly #program: BpfProgram;
  readonly #ifindex: number;

  /** Of the interface `name`. */
  constructor(name: string) {
    const [link] = JSON.parse(ip("-json", "link", "show", "dev", name)) as XdpLink[];
    assert.ok(link?.xdp, `no XDP program on ${name}`);
    this.#program = BpfProgram.openById(link.xdp.prog.id);
    this.#ifindex = link.ifindex;
  }

  /** BPF_PROG_TEST_RUN, as on the interface. The frame comes back with its metadata in front. */
  run(frame: Buffer): { verdict: number; frame: Buffer } {
    const { retval, data } = this.#program.testRun({ data: frame, ctx: contextOf(frame, this.#ifindex) });
    return { verdict: retval, frame: data };
  }

  /** Really redirects, `repeat` times, up to 64 frames in one turn. */
  runLive(frame: Buffer, repeat: number): void {
    this.#program.testRun({
      data: frame,
      ctx: contextOf(frame, this.#ifindex),
      liveFrames: true,
      repeat,
      batchSize: 64,
    });
  }

  [Symbol.dispose](): void {
    this.#program.close();
  }
}

export function runXdp(name: string, frame: Buffer): { verdict: number; frame: Buffer } {
  using program = new AttachedXdp(name);
  return program.run(frame);
}
