/** xdp-forward: what the kernel has of the interfaces, kept up to date. */
import type { LoadedObject } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import type { Role } from "./attach.js";
import { ForwardMaps } from "./forward-maps.js";
import { type ForwardEvents, ForwardWays } from "./forward-ways.js";
import type { Hooks } from "./hooks.js";
import type { XdpLayer } from "./xdp.js";

/** A round asks so many drivers at most, some 0.2 ms each. */
const DEVICES_A_ROUND = 32;

export class ForwardLayer implements XdpLayer {
  readonly mode = "xdp-forward";
  readonly #maps: ForwardMaps;
  readonly #ways: ForwardWays;
  #next = 0;

  constructor(
    private readonly object: LoadedObject,
    hooks: Hooks,
    events: ForwardEvents,
  ) {
    this.#maps = new ForwardMaps(object, hooks);
    this.#ways = new ForwardWays(this.#maps, events);
  }

  linkChanged(link: NetworkLink): void {
    this.#ways.linkChanged(link);
  }

  linkGone(ifindex: number): void {
    this.#ways.linkGone(ifindex);
  }

  linkTold(ifindex: number): void {
    this.#ways.look(ifindex);
  }

  serve(link: NetworkLink, roles: readonly Role[], zone: number): void {
    this.#ways.serve(link, roles, zone);
  }

  withdraw(ifindex: number): void {
    this.#ways.withdraw(ifindex);
  }

  look(): void {
    const devices = this.#ways.devices();
    if (this.#next >= devices.length) this.#next = 0;
    for (const ifindex of devices.slice(this.#next, this.#next + DEVICES_A_ROUND)) this.#ways.look(ifindex);
    this.#next += DEVICES_A_ROUND;
  }

  close(): void {
    this.#maps.close();
    this.object.close();
  }
}
