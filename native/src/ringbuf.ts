/** Reads records that programs put into a ring buffer map. */
import type { TypeObject } from "koffi";
import { requireInteger } from "./bytes.js";
import { BpfError, BpfUsageError } from "./errors.js";
import { noteClosed, noteOpen } from "./fd.js";
import type { Pointer } from "./ffi/memory.js";
import { native } from "./ffi/native.js";
import type { BpfMap } from "./map.js";

/** Gets a copy of each record. */
export type RecordHandler = (record: Buffer) => void;

const ECANCELED = 125;
const PROTOTYPE = "int libbpf_ts_record(void *context, void *data, size_t size)";
let prototype: TypeObject | undefined;

export class RingBuffer implements Disposable {
  #ring: Pointer | undefined;
  readonly #callback: bigint;
  #reading = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    map: BpfMap,
    private readonly handler: RecordHandler,
  ) {
    if (map.type !== "ringbuf") throw new BpfUsageError(`${map.what} is of type ${map.type}, not ringbuf`);
    const { koffi, libbpf } = native();
    prototype ??= koffi.proto(PROTOTYPE);
    this.#callback = koffi.register(
      (_context: unknown, data: Pointer, size: number | bigint) => this.#receive(data, Number(size)),
      koffi.pointer(prototype),
    );
    const ring = libbpf.ring_buffer__new(map.fd, this.#callback, null, null);
    if (ring === null) {
      const errno = koffi.errno();
      koffi.unregister(this.#callback);
      throw new BpfError(`open the ring buffer of ${map.what}`, errno);
    }
    this.#ring = ring;
    noteOpen(this, `ring buffer of ${map.what}`);
  }

  /** Hands over all records that are there, without waiting. Returns how many. Rethrows what the handler threw. */
  consume(): number {
    return this.#read((ring) => native().libbpf.ring_buffer__consume(ring));
  }

  /** Like `consume`, and waits for a first record up to `timeoutMs`, which blocks the whole process. */
  poll(timeoutMs = 0): number {
    requireInteger(timeoutMs, 0, 0x7fff_ffff, "timeout in ms");
    return this.#read((ring) => native().libbpf.ring_buffer__poll(ring, timeoutMs));
  }

  close(): void {
    if (this.#ring === undefined) return;
    this.#refuseInHandler();
    const { koffi, libbpf } = native();
    libbpf.ring_buffer__free(this.#ring);
    this.#ring = undefined;
    koffi.unregister(this.#callback);
    noteClosed(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(call: (ring: Pointer) => number): number {
    if (this.#ring === undefined) throw new BpfUsageError("the ring buffer is closed");
    this.#refuseInHandler();
    this.#reading = true;
    const result = call(this.#ring);
    this.#reading = false;
    return this.#finish(result);
  }

  /** libbpf is in the middle of the ring while a handler runs. */
  #refuseInHandler(): void {
    if (this.#reading) throw new BpfUsageError("a ring buffer's handler may neither read nor close it");
  }

  /** Called from C, through which no exception may pass: it stops the reading and is rethrown afterwards. */
  #receive(data: Pointer, size: number): number {
    try {
      const record = Buffer.allocUnsafe(size);
      if (size > 0) native().libc.memcpy(record, data, size);
      this.handler(record);
      return 0;
    } catch (error) {
      this.#failure = { error };
      return -ECANCELED;
    }
  }

  #finish(result: number): number {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    if (result < 0) throw new BpfError("read the ring buffer", -result);
    return result;
  }
}
