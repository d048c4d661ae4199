/** Stands in a UDP path and remembers what passes, both ways, byte for byte. */
import { createSocket, type Socket } from "node:dgram";

export interface Recorded {
  readonly direction: "up" | "down";
  readonly bytes: Buffer;
}

export class UdpRecorder implements AsyncDisposable {
  readonly passed: Recorded[] = [];
  readonly #down = createSocket("udp4");
  readonly #up = new Map<number, Socket>();

  /** Passes what comes to its `port` on to `target`, both on 127.0.0.1. */
  static async open(target: number): Promise<UdpRecorder> {
    const recorder = new UdpRecorder();
    await new Promise<void>((resolve) => recorder.#down.bind(0, "127.0.0.1", resolve));
    recorder.#down.on("message", (bytes, { port }) => {
      recorder.passed.push({ direction: "up", bytes });
      recorder.#socketOf(port).send(bytes, target, "127.0.0.1");
    });
    return recorder;
  }

  get port(): number {
    return this.#down.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of [this.#down, ...this.#up.values()]) {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    }
  }

  #socketOf(port: number): Socket {
    const known = this.#up.get(port);
    if (known !== undefined) return known;
    const socket = createSocket("udp4");
    socket.on("error", () => undefined);
    socket.on("message", (bytes) => {
      this.passed.push({ direction: "down", bytes });
      this.#down.send(bytes, port, "127.0.0.1");
    });
    this.#up.set(port, socket);
    return socket;
  }
}
