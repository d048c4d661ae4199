/** Keeps the programs on the interfaces that the configuration names, as those appear, rename and vanish. */
import type { Attachment, BpfMap, LoadedObject } from "libbpf-ts";
import { globMatcher } from "../net/globs.js";
import type { NetworkLink } from "../net/links.js";
import { hooksOf, type Role } from "./attach.js";
import { ensureSpringboard, HELPER_DEVICES } from "./helper-devices.js";
import type { Hooks } from "./hooks.js";
import { MediationInterface } from "./layout.gen.js";
import type { DatapathOptions } from "./options.js";
import { indexKey } from "./registers.js";
import type { XdpLayer } from "./xdp.js";
import { zoneNumber } from "./zones.js";

interface Attached {
  readonly link: NetworkLink;
  readonly roles: readonly Role[];
  readonly attachments: readonly Attachment[];
}

export interface InterfaceEvents {
  /** An interface could not be taken into service; `reason` is one sentence with the remedy. */
  failed(name: string, reason: string): void;
  attached(name: string, roles: readonly Role[]): void;
  gone(name: string): void;
  /** The springboard was made: its ifindex must reach the kernel before the first packet. */
  springboard(ifindex: number): void;
}

export class Interfaces {
  readonly #attached = new Map<number, Attached>();
  readonly #own: Attachment[] = [];
  readonly #isAccess: (name: string) => boolean;
  readonly #isCore: (name: string) => boolean;
  readonly #isMediation: (name: string) => boolean;
  readonly #zones: readonly { readonly fits: (name: string) => boolean; readonly zone: number }[];
  #names = new Map<string, number>();
  #hasSpringboard = false;

  constructor(
    private readonly object: LoadedObject,
    options: DatapathOptions["interfaces"],
    private readonly hooks: Hooks,
    private readonly events: InterfaceEvents,
    private readonly xdp?: XdpLayer,
  ) {
    this.#isAccess = globMatcher(options.access);
    this.#isCore = globMatcher(xdp ? (options.core ?? []) : []);
    this.#isMediation = globMatcher(options.mediation);
    this.#zones = Object.entries(options.zones ?? {}).map(([glob, zone]) => ({
      fits: globMatcher([glob]),
      zone: zoneNumber(zone),
    }));
  }

  get usesZones(): boolean {
    return this.#zones.length > 0;
  }

  ifindexOf(name: string): number | undefined {
    return this.#names.get(name);
  }

  /** Names of the interfaces that carry programs now, by role. */
  names(role: Role): string[] {
    return [...this.#attached.values()].filter(({ roles }) => roles.includes(role)).map(({ link }) => link.name);
  }

  attachOwn(link: NetworkLink, role: Role): void {
    this.#own.push(...this.#attachRole(link, role));
  }

  /** Makes what is attached equal to what `links` and the configuration ask for. */
  reconcile(links: readonly NetworkLink[]): void {
    const present = new Map(links.map((link) => [link.ifindex, link]));
    this.#names = new Map(links.map((link) => [link.name, link.ifindex]));
    for (const [ifindex, { link }] of this.#attached) {
      if (present.get(ifindex)?.name !== link.name) this.#drop(ifindex, link.name);
    }
    for (const link of links) {
      const roles = this.#rolesOf(link.name);
      if (roles.length > 0 && !this.#attached.has(link.ifindex)) this.#take(link, roles);
    }
  }

  /** Takes every program off its interface. */
  detach(): void {
    for (const [ifindex, { link }] of this.#attached) this.#drop(ifindex, link.name);
    for (const attachment of this.#own) attachment.detach();
  }

  /** Lets go of the programs; those that are pinned go on. */
  close(): void {
    for (const { attachments } of this.#attached.values()) for (const attachment of attachments) attachment.close();
    for (const attachment of this.#own) attachment.close();
  }

  #rolesOf(name: string): Role[] {
    if (HELPER_DEVICES.includes(name)) return [];
    const roles: Role[] = [];
    if (this.#isAccess(name)) roles.push("access");
    if (this.#isCore(name)) roles.push("core");
    // Behind access: at the head of the chain, a copy is recognised before anything could match it.
    if (this.#isMediation(name)) roles.push("mediation");
    return roles;
  }

  #attachRole(link: NetworkLink, role: Role): Attachment[] {
    const attachments: Attachment[] = [];
    try {
      for (const { program, direction } of hooksOf(role, link.hasLinkLayer, this.xdp?.mode))
        attachments.push(this.hooks.attach(program, link, direction));
    } catch (error) {
      for (const attachment of attachments) attachment.detach();
      throw error;
    }
    return attachments;
  }

  #take(link: NetworkLink, roles: readonly Role[]): void {
    const attachments: Attachment[] = [];
    try {
      if (roles.includes("access")) this.#prepareAccess(link);
      for (const role of roles) attachments.push(...this.#attachRole(link, role));
      if (roles.includes("mediation") && link.hasLinkLayer)
        this.#map("mediation_interfaces").update(indexKey(link.ifindex), MediationInterface.encode({ flags: 0 }));
      if (link.hasLinkLayer) this.xdp?.attach(link, roles);
      this.#attached.set(link.ifindex, { link, roles, attachments });
      this.events.attached(link.name, roles);
    } catch (error) {
      for (const attachment of attachments) attachment.detach();
      this.events.failed(link.name, error instanceof Error ? error.message : String(error));
    }
  }

  #prepareAccess(link: NetworkLink): void {
    const zone = this.#zones.find(({ fits }) => fits(link.name))?.zone;
    if (zone !== undefined) this.#map("zones").update(indexKey(link.ifindex), indexKey(zone));
    if (link.hasLinkLayer || this.#hasSpringboard) return;
    const springboard = ensureSpringboard();
    this.attachOwn(springboard, "springboard");
    this.events.springboard(springboard.ifindex);
    this.#hasSpringboard = true;
  }

  /** No copy may be handed to an interface whose program is gone: the map's entry goes first. */
  #drop(ifindex: number, name: string): void {
    this.xdp?.detach(ifindex);
    this.#map("mediation_interfaces").delete(indexKey(ifindex));
    this.#map("zones").delete(indexKey(ifindex));
    for (const attachment of this.#attached.get(ifindex)?.attachments ?? []) {
      try {
        attachment.detach();
      } catch {
        // The interface is gone, and its attachments with it.
        attachment.close();
      }
    }
    this.#attached.delete(ifindex);
    this.events.gone(name);
  }

  #map(name: "mediation_interfaces" | "zones"): BpfMap {
    return this.object.map(name);
  }
}
