/** Packets out of a byte stream: RADIUS over TCP and TLS (RFC 6613 section 2.6.4) has no other framing than the length field. */
import { RadiusError } from "./errors.js";
import { HEADER_BYTES, MAX_PACKET_BYTES } from "./packet.js";

export class PacketSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * The packets that `chunk` completes. Throws RadiusError "malformed" for a length that no packet has:
   * the stream is lost then and the connection must be closed.
   */
  push(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: Buffer[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt16BE(2);
      if (length < HEADER_BYTES || length > MAX_PACKET_BYTES) {
        throw new RadiusError("malformed", "a length field in the stream is not between 20 and 4096");
      }
      if (this.#rest.length < length) break;
      packets.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
    return packets;
  }
}
