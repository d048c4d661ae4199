/** Captures where the truth is: on the subscribers' own interfaces, at the server beyond, at the mediation device. */
import { setTimeout as sleep } from "node:timers/promises";
import { Capture } from "./capture.js";
import { type ByDirection, type Comparison, compareFiles, type Window } from "./compare.js";
import { comparePassage, type Passage } from "./originals.js";
import { ipOf, sourceAddress } from "./packet.js";
import { readFrames } from "./pcap.js";
import { until } from "./poll.js";
import { SUBSCRIBER_DEVICE, type Subscriber, type Topology } from "./topology.js";

/** Enough for the headers of a mirrored packet and of what is in it. */
const HEADERS = 128;
/** What a packet may measure on links with an MTU of 1500, with its Ethernet header. */
const LARGEST_FRAME = 1514;

type Place = "alice" | "bob" | "server" | "core" | "access" | "mediation";

export class Witness {
  private constructor(private readonly captures: Record<Place, Capture>) {}

  static async start(topology: Topology): Promise<Witness> {
    const { lab, edge, server, mediation, alice, bob } = topology;
    const file = (name: string): string => lab.path(`${name}.pcap`);
    const [aliceSide, bobSide, serverSide, core, access, mediationSide] = await Promise.all([
      Capture.start(alice.namespace, SUBSCRIBER_DEVICE, file("alice")),
      Capture.start(bob.namespace, SUBSCRIBER_DEVICE, file("bob")),
      Capture.start(server, "eth0", file("server")),
      Capture.start(edge, "core0", file("core"), { snapLength: HEADERS }),
      Capture.start(edge, alice.accessDevice, file("access"), { snapLength: HEADERS }),
      Capture.start(mediation, "eth0", file("mediation"), { snapLength: HEADERS }),
    ]);
    return new Witness({
      alice: aliceSide,
      bob: bobSide,
      server: serverSide,
      core,
      access,
      mediation: mediationSide,
    });
  }

  /** Bob's interface is gone, and what was captured on it with it: whatever passes a new one is captured anew. */
  async bobAnew({ lab, bob }: Topology): Promise<void> {
    await this.captures.bob.daemon.stop().catch(() => undefined);
    this.captures.bob = await Capture.start(bob.namespace, SUBSCRIBER_DEVICE, lab.path("bob-anew.pcap"));
  }

  file(name: Place): string {
    return this.captures[name].file;
  }

  /** Waits until no packet is under way to or from the subscriber; returns that moment, in nanoseconds since the epoch. */
  async quiet({ name, namespace }: Subscriber): Promise<bigint> {
    const count = async (): Promise<number> =>
      (await namespace.statistic("rx_packets")) + (await namespace.statistic("tx_packets"));
    await until(
      async () => {
        const before = await count();
        await sleep(150);
        return (await count()) === before;
      },
      { what: `the end of ${name}'s traffic` },
    );
    return BigInt(Date.now()) * 1_000_000n;
  }

  /** Packets of more than one frame that the edge's interfaces took in whole, and the largest of them, in bytes. */
  superPackets(side: "core" | "access", isSource: (address: Buffer) => boolean): { count: number; largest: number } {
    const found = { count: 0, largest: 0 };
    for (const frame of readFrames(this.file(side))) {
      const packet = ipOf(frame);
      if (packet === undefined || frame.originalLength <= LARGEST_FRAME || !isSource(sourceAddress(packet))) continue;
      found.count++;
      found.largest = Math.max(found.largest, frame.originalLength);
    }
    return found;
  }

  /** Ends all captures; throws LabError where one is not complete. */
  async finish(): Promise<void> {
    await Promise.all(Object.values(this.captures).map((capture) => capture.stop()));
  }

  /** What the subscriber's interface carried within the window against what the mediation device wrote down. */
  mirrored(subscriber: Subscriber, mirroredFiles: readonly string[], window: Window = {}): ByDirection<Comparison> {
    return compareFiles(this.file(subscriber.name), mirroredFiles, subscriber.addresses, window);
  }

  /** Did the subscriber's own packets pass the edge unchanged? Those between subscriber and server are looked at. */
  originals({ name, addresses }: Subscriber): ByDirection<Passage> {
    const [own, server] = [this.file(name), this.file("server")];
    return {
      from: comparePassage(own, server, (ip) => addresses.has(ip.source), "sent"),
      to: comparePassage(server, own, (ip) => addresses.has(ip.destination), "arrived"),
    };
  }
}
