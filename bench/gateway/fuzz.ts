/**
 * Mutated packets to each port of a gateway in a process of its own.
 * `node dist/bench/gateway/fuzz.js [packets for each port] [seed]`
 */
import { spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { encodeRequest, encodeResponse } from "../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../src/radius/codes.js";
import { hidePassword, hideSalted } from "../../src/radius/hiding.js";
import { type Attribute, decodePacket } from "../../src/radius/packet.js";
import { vendorValue } from "../../src/radius/vendor.js";
import { bend, Dice, mutate } from "../../test/lab/parts/radius-fuzz.js";

export interface FuzzReport {
  readonly port: string;
  readonly sent: number;
  /** Answers to packets that do not authenticate: must be none. */
  readonly answered: number;
  /** Of packets that do authenticate, with bent attributes in them. */
  readonly believed: number;
  readonly believedAnswered: number;
  readonly seconds: number;
}

export interface FuzzResult {
  readonly reports: readonly FuzzReport[];
  /** Resident memory of the gateway in MiB: after a tenth of the packets, and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
  readonly exited: boolean;
}

interface Stats {
  readonly rss: number;
}

const SECRET = Buffer.from("the fuzzer knows it");
/** Packets between two questions whether the gateway is still there; few enough to fit its receive buffer. */
const BATCH = 200;
/** One in so many is signed after it was bent. */
const BELIEVED_ONE_IN = 10;

type PortName = "auth" | "accounting" | "coa";

class FuzzedGateway {
  readonly #lines: AsyncIterator<string>;

  private constructor(
    readonly child: ReturnType<typeof spawn>,
    lines: AsyncIterator<string>,
  ) {
    this.#lines = lines;
  }

  static async start(upstream: number): Promise<{ gateway: FuzzedGateway; ports: Record<PortName, number> }> {
    const config = {
      listen: { addresses: ["127.0.0.1"], auth: 0, accounting: 0, coa: 0 },
      clients: [{ name: "fuzzer", address: "127.0.0.1", secret: SECRET.toString() }],
      upstreams: [
        { name: "aaa", address: "127.0.0.1", secret: SECRET.toString(), auth: upstream, accounting: upstream },
      ],
      coaClients: [{ name: "fuzzer", address: "127.0.0.1", secret: SECRET.toString() }],
      coaTimeoutMs: 20,
      holdMs: 20,
    };
    const script = fileURLToPath(new URL("run-gateway.js", import.meta.url));
    const child = spawn(process.execPath, ["--expose-gc", script, JSON.stringify(config)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const gateway = new FuzzedGateway(child, lines);
    return { gateway, ports: (await gateway.#line()) as Record<PortName, number> };
  }

  async stats(): Promise<Stats> {
    this.child.stdin?.write("stats\n");
    return (await this.#line()) as Stats;
  }

  async #line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the gateway ended");
    return JSON.parse(value);
  }
}

/** Answers whatever is asked, also with attributes that are bent, LI ones among them. */
async function startUpstream(dice: Dice): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  socket.on("message", (bytes, { port }) => {
    const request = decodePacket(bytes);
    const isAccounting = request.code === CODE.accountingRequest;
    const code = isAccounting
      ? CODE.accountingResponse
      : dice.pick([CODE.accessAccept, CODE.accessReject, CODE.accessChallenge]);
    const hop = { secret: SECRET, authenticator: request.authenticator };
    const attributes = [...bend(liAttributes(hop.authenticator), dice), ...request.attributes.slice(-1)];
    const answer = encodeResponse({ code, identifier: request.identifier, attributes }, SECRET, request.authenticator);
    socket.send(answer, port, "127.0.0.1");
  });
  return { socket, port: socket.address().port };
}

function liAttributes(authenticator: Buffer): Attribute[] {
  const hop = { secret: SECRET, authenticator };
  const values: readonly [number, string][] = [
    [58, "00000001"],
    [59, "0000030000000090"],
    [60, "c6336409"],
    [61, "0000754e"],
  ];
  return values.map(([type, hex]) => ({
    type: TYPE.vendorSpecific,
    value: vendorValue(4874, type, hideSalted(Buffer.from(hex, "hex"), hop, 0x8000 + type)),
  }));
}

/** A good packet, bent before it is signed where `dice` are given. */
function packetFor(port: PortName, identifier: number, authenticator: Buffer, dice?: Dice): Buffer {
  const text = (type: number, value: string) => ({ type, value: Buffer.from(value) });
  const number = (type: number, value: number) => ({ type, value: Buffer.of(0, 0, 0, value) });
  const common = [
    text(TYPE.userName, "someone"),
    text(TYPE.nasIdentifier, "bng1"),
    text(TYPE.callingStationId, "line-1"),
  ];
  const attributes: Record<PortName, Attribute[]> = {
    auth: [
      ...common,
      { type: TYPE.userPassword, value: hidePassword(Buffer.from("password"), { secret: SECRET, authenticator }) },
      { type: TYPE.eapMessage, value: Buffer.from("0201000a01736f6d65", "hex") },
    ],
    accounting: [...common, number(TYPE.acctStatusType, 1), text(TYPE.acctSessionId, "1048577")],
    coa: [...common, text(TYPE.acctSessionId, "1048577"), ...liAttributes(Buffer.alloc(16))],
  };
  const codes = { auth: CODE.accessRequest, accounting: CODE.accountingRequest, coa: CODE.coaRequest };
  const packet = {
    code: codes[port],
    identifier,
    attributes: dice === undefined ? attributes[port] : bend(attributes[port], dice),
  };
  return port === "auth" ? encodeRequest(packet, SECRET, authenticator) : encodeRequest(packet, SECRET);
}

/** A request that is answered at once, whatever else is going on: when its answer is there, all before it was looked at. */
function barrier(port: PortName, identifier: number, dice: Dice): Buffer {
  if (port === "coa") {
    // Names no session: refused without asking anyone. The Proxy-State makes it a new one.
    const attributes = [{ type: TYPE.proxyState, value: dice.bytes(8) }];
    return encodeRequest({ code: CODE.coaRequest, identifier, attributes }, SECRET);
  }
  return encodeRequest({ code: CODE.statusServer, identifier, attributes: [] }, SECRET, dice.bytes(16));
}

class Fuzzer {
  readonly #strangers = createSocket("udp4");
  readonly #believed = createSocket("udp4");
  readonly #barriers = createSocket("udp4");
  #answered = 0;
  #believedAnswered = 0;

  constructor(
    private readonly name: PortName,
    private readonly port: number,
    private readonly dice: Dice,
  ) {
    this.#strangers.on("message", () => this.#answered++);
    this.#believed.on("message", () => this.#believedAnswered++);
  }

  async run(count: number): Promise<FuzzReport> {
    const started = performance.now();
    let believed = 0;
    for (let sent = 0; sent < count; sent++) {
      const isBelieved = sent % BELIEVED_ONE_IN === 0;
      if (isBelieved) believed++;
      const authenticator = this.dice.bytes(16);
      if (isBelieved) this.#send(this.#believed, this.#believable(sent & 255, authenticator));
      else this.#send(this.#strangers, this.#unbelievable(sent & 255, authenticator));
      if (sent % BATCH === BATCH - 1) await this.#wait(Math.floor(sent / BATCH) & 255);
    }
    await this.#wait(255);
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const socket of [this.#strangers, this.#believed, this.#barriers]) socket.close();
    return {
      port: this.name,
      sent: count,
      answered: this.#answered,
      believed,
      believedAnswered: this.#believedAnswered,
      seconds: (performance.now() - started) / 1000,
    };
  }

  #believable(identifier: number, authenticator: Buffer): Buffer {
    for (;;) {
      try {
        return packetFor(this.name, identifier, authenticator, this.dice);
      } catch {
        // Bent beyond what a packet can hold.
      }
    }
  }

  /** Never one whose bytes up to its length are still those that were signed. */
  #unbelievable(identifier: number, authenticator: Buffer): Buffer {
    const good = packetFor(this.name, identifier, authenticator);
    for (;;) {
      const bytes = mutate(good, this.dice);
      if (!bytes.subarray(0, good.length).equals(good)) return bytes;
    }
  }

  #send(socket: Socket, bytes: Buffer): void {
    socket.send(bytes, this.port, "127.0.0.1", () => undefined);
  }

  /** Fails when the gateway does not answer any more. */
  async #wait(identifier: number): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt++) {
      this.#send(this.#barriers, barrier(this.name, identifier, this.dice));
      const answered = await Promise.race([
        once(this.#barriers, "message").then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1000)),
      ]);
      if (answered) return;
    }
    throw new Error(`the ${this.name} port does not answer any more`);
  }
}

export async function fuzz(packetsPerPort: number, seed: number): Promise<FuzzResult> {
  const dice = new Dice(seed);
  const upstream = await startUpstream(dice);
  const { gateway, ports } = await FuzzedGateway.start(upstream.port);
  try {
    const reports: FuzzReport[] = [];
    for (const name of ["auth", "accounting", "coa"] as const) {
      await new Fuzzer(name, ports[name], dice).run(Math.ceil(packetsPerPort / 10));
    }
    const early = (await gateway.stats()).rss;
    for (const name of ["auth", "accounting", "coa"] as const) {
      reports.push(await new Fuzzer(name, ports[name], dice).run(packetsPerPort));
    }
    const late = (await gateway.stats()).rss;
    return { reports, memory: { early, late }, exited: gateway.child.exitCode !== null };
  } finally {
    gateway.child.kill();
    upstream.socket.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
  process.stdout.write(`seed ${seed}\n`);
  process.stdout.write(`${JSON.stringify(await fuzz(Number(process.argv[2] ?? 100_000), seed), undefined, 2)}\n`);
}
