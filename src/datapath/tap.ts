/** xdp-tap: the program on access interfaces, and the mediation interfaces that take its frames. */
import type { Attachment, LoadedObject } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import { takesRedirects } from "../net/xdp-features.js";
import { type Role, takeOff } from "./attach.js";
import { devmapValue, NO_PROGRAM } from "./forward-maps.js";
import type { Hooks } from "./hooks.js";
import { indexKey } from "./registers.js";
import { Written } from "./written.js";
import type { XdpLayer } from "./xdp.js";

export class TapLayer implements XdpLayer {
  readonly mode = "xdp-tap";
  readonly #mediation = new Set<number>();
  readonly #attachments = new Map<number, Attachment>();
  readonly #ports: Written<number, true>;

  constructor(
    private readonly object: LoadedObject,
    private readonly hooks: Hooks,
  ) {
    const ports = object.map("mediation_ports");
    this.#ports = new Written((ifindex, isThere) => {
      if (isThere) ports.update(indexKey(ifindex), devmapValue(ifindex, NO_PROGRAM));
      else ports.delete(indexKey(ifindex));
    });
  }

  linkChanged(): void {}

  linkGone(): void {}

  linkTold(ifindex: number): void {
    if (this.#mediation.has(ifindex)) this.#look(ifindex);
  }

  /** Throws where the driver refuses XDP: there is no other way to copy a tap's frames at that rate. */
  serve({ ifindex }: NetworkLink, roles: readonly Role[]): void {
    if (roles.includes("access") && !this.#attachments.has(ifindex))
      this.#attachments.set(ifindex, this.hooks.attachXdp(this.object.program("xdp_tap"), ifindex));
    if (roles.includes("mediation")) this.#mediation.add(ifindex);
    this.#look(ifindex);
  }

  withdraw(ifindex: number): void {
    this.#mediation.delete(ifindex);
    this.#look(ifindex);
    const attachment = this.#attachments.get(ifindex);
    if (attachment) takeOff(attachment);
    this.#attachments.delete(ifindex);
  }

  /** What a veth sends changes with the programs and offloads at its other end. */
  look(): void {
    for (const ifindex of this.#mediation) this.#look(ifindex);
  }

  close(): void {
    for (const attachment of this.#attachments.values()) attachment.close();
    this.object.close();
  }

  #look(ifindex: number): void {
    this.#ports.set(ifindex, (this.#mediation.has(ifindex) && takesRedirects(ifindex)) || undefined);
  }
}
