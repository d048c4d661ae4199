/** Who sends us datagrams. What is made of a sender's address is made once: as an object, a login after another costs nothing. */
import { formatAddress } from "../net/addresses.js";
import { SOCKADDR, socketAddress } from "../net/datagrams.js";

export interface Sender {
  /** Without a zone. */
  readonly address: string;
  readonly port: number;
  /** Address and port, with a blank between. */
  readonly text: string;
  /** The `sockaddr` that answers go to. */
  readonly name: Buffer;
}

/** Senders that are kept: a client may send each request from another port. */
const MAX_KNOWN = 65_536;

export class Senders {
  readonly #byName = new Map<string, Sender>();
  readonly #byText = new Map<string, Sender>();
  readonly #place: { readonly from: number; readonly to: number };

  constructor(private readonly family: 4 | 6) {
    this.#place = SOCKADDR[family];
  }

  /** Of the `sockaddr` that begins at `at`. */
  at(names: Buffer, at: number): Sender {
    const { from, to } = this.#place;
    // The port stands before the address, and between them in IPv6 what a sender may change from packet to packet.
    const port = names.readUInt16BE(at + 2);
    const key = `${names.toString("latin1", at + from, at + to)}${port}`;
    const known = this.#byName.get(key);
    if (known !== undefined) return known;
    const sender = this.of(formatAddress({ family: this.family, bytes: names.subarray(at + from, at + to) }), port);
    remember(this.#byName, key, sender);
    return sender;
  }

  /** Of an address as Node writes it. */
  of(address: string, port: number): Sender {
    const text = `${address} ${port}`;
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const sender = newSender(address.replace(/%.*$/, ""), port);
    remember(this.#byText, text, sender);
    return sender;
  }
}

function newSender(address: string, port: number): Sender {
  const name = socketAddress(address, port);
  if (name === undefined) throw new RangeError("a sender's address is no IP address");
  return { address, port, text: `${address} ${port}`, name };
}

function remember(known: Map<string, Sender>, key: string, sender: Sender): void {
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, sender);
}
