/** What the datapath knows of the ways to the mediation devices, and does to keep them usable. */
import { IpsecPolicies } from "../net/ipsec.js";
import type { DeviceSurroundings, MediationDevices } from "./mediation-devices.js";
import { type MediationPath, type MediationPeer, NextHops, type PathEvents } from "./next-hops.js";

export type { MediationPath, PathEvents } from "./next-hops.js";

export class MediationPaths implements DeviceSurroundings {
  readonly #policies: IpsecPolicies;
  #devices: MediationDevices | undefined;
  #nextHops: NextHops | undefined;

  /** Throws NetlinkError. */
  constructor(private readonly events: PathEvents) {
    this.#policies = new IpsecPolicies(() => this.#devices?.followPolicies());
  }

  /** From now on the devices' next hops are kept known. `input`: ifindex by which copies come into the stack. */
  start(devices: MediationDevices, input: number): void {
    this.#devices = devices;
    devices.followPolicies();
    this.#nextHops = new NextHops({ input, peers: () => devices.peers() }, this.events);
    this.#nextHops.start();
  }

  stop(): void {
    this.#policies.close();
    this.#nextHops?.stop();
  }

  paths(): MediationPath[] {
    return this.#nextHops?.paths() ?? [];
  }

  lookAtPolicies(): void {
    this.#policies.catchUp();
  }

  isUnderPolicy({ source, destination }: MediationPeer): boolean {
    return this.#policies.covers(source, destination);
  }

  appeared(peer: MediationPeer): void {
    this.#nextHops?.greet(peer);
  }
}
