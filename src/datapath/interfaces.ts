/** Keeps the programs on the interfaces that the configuration names, as those appear, rename and vanish. */
import { BpfError, type BpfMap, type LoadedObject } from "libbpf-ts";
import { globMatcher } from "../net/globs.js";
import type { LinkListener } from "../net/link-monitor.js";
import type { NetworkLink } from "../net/links.js";
import { letGo, type Placed, type Role, takeOff } from "./attach.js";
import { type ChainEvents, ChainWatch, type Watched } from "./chain-watch.js";
import { ensureSpringboard, HELPER_DEVICES } from "./helper-devices.js";
import type { Hooks } from "./hooks.js";
import { MediationInterface } from "./layout.gen.js";
import type { DatapathOptions } from "./options.js";
import { indexKey } from "./registers.js";
import type { XdpLayer } from "./xdp.js";
import { zoneNumber } from "./zones.js";

interface InService extends Watched {
  link: NetworkLink;
  readonly roles: readonly Role[];
}

export interface InterfaceEvents extends Pick<ChainEvents, "overtaken"> {
  /** An interface could not be taken into service; `reason` is one sentence with the remedy. */
  failed(name: string, reason: string): void;
  attached(name: string, roles: readonly Role[]): void;
  gone(name: string): void;
  /** The springboard was made: its ifindex must reach the kernel before the first packet. */
  springboard(ifindex: number): void;
}

/**
 * A tcx link takes the kernel a grace period of RCU, some 10 ms, in which this process stands still. The first
 * interfaces are taken into service at once; where there are many, the rest waits for the event loop's next turns.
 */
const FIRST_TURN_MS = 5000;
const TURN_MS = 10;

function sameRoles(a: readonly Role[], b: readonly Role[]): boolean {
  return a.length === b.length && a.every((role) => b.includes(role));
}

/** The interface vanished while it was looked at; an event tells of that. */
function isAway(error: unknown): boolean {
  return error instanceof BpfError && error.code === "ENODEV";
}

export class Interfaces implements LinkListener {
  readonly #inService = new Map<number, InService>();
  /** Interfaces that programs belong on and that have none yet. Those that failed are tried again when they change. */
  readonly #waiting = new Map<number, NetworkLink>();
  readonly #failures = new Map<number, string>();
  readonly #own: Placed[] = [];
  readonly #isAccess: (name: string) => boolean;
  readonly #isCore: (name: string) => boolean;
  readonly #isMediation: (name: string) => boolean;
  readonly #zones: readonly { readonly fits: (name: string) => boolean; readonly zone: number }[];
  readonly #chains: ChainWatch;
  #turn: NodeJS.Immediate | undefined;
  #turnEnds = performance.now() + FIRST_TURN_MS;
  #hasSpringboard = false;

  constructor(
    private readonly object: LoadedObject,
    { interfaces, attach = {} }: Pick<DatapathOptions, "interfaces" | "attach">,
    private readonly hooks: Hooks,
    private readonly events: InterfaceEvents,
    private readonly xdp?: XdpLayer,
  ) {
    this.#isAccess = globMatcher(interfaces.access);
    this.#isCore = globMatcher(xdp ? (interfaces.core ?? []) : []);
    this.#isMediation = globMatcher(interfaces.mediation);
    this.#zones = Object.entries(interfaces.zones ?? {}).map(([glob, zone]) => ({
      fits: globMatcher([glob]),
      zone: zoneNumber(zone),
    }));
    this.#chains = new ChainWatch(object, this.#inService, attach.keepFirst ?? true, {
      overtaken: (...event) => this.events.overtaken(...event),
      lost: (ifindex) => this.#takeAgain(ifindex),
    });
    this.#chains.start();
  }

  get usesZones(): boolean {
    return this.#zones.length > 0;
  }

  /** Names of the interfaces that carry programs now, by role. */
  names(role: Role): string[] {
    return [...this.#inService.values()].filter(({ roles }) => roles.includes(role)).map(({ link }) => link.name);
  }

  attachOwn(link: NetworkLink, role: Role): void {
    this.#own.push(...this.hooks.attachRole(link, role));
  }

  changed(link: NetworkLink): void {
    this.xdp?.linkChanged(link);
    const roles = this.#rolesOf(link.name);
    const before = this.#inService.get(link.ifindex);
    if (before && before.link.hasLinkLayer === link.hasLinkLayer && sameRoles(before.roles, roles)) {
      this.#keep(before, link);
      return;
    }
    if (before) this.#drop(link.ifindex);
    if (roles.length === 0) {
      this.#waiting.delete(link.ifindex);
      return;
    }
    this.#waiting.set(link.ifindex, link);
    this.#work();
  }

  gone({ ifindex }: NetworkLink): void {
    this.#waiting.delete(ifindex);
    this.#failures.delete(ifindex);
    this.#drop(ifindex, true);
    this.xdp?.linkGone(ifindex);
  }

  told({ ifindex }: NetworkLink): void {
    this.xdp?.linkTold(ifindex);
  }

  /** Tries those again that could not be taken into service, and looks at the chains of all others. */
  check(links: Iterable<NetworkLink>): void {
    for (const link of links) if (!this.#inService.has(link.ifindex)) this.changed(link);
    for (const ifindex of this.#inService.keys()) this.#chains.look(ifindex);
  }

  /** Takes every program off its interface. */
  detach(): void {
    this.#stop();
    for (const ifindex of this.#inService.keys()) this.#drop(ifindex);
    for (const { attachment } of this.#own) takeOff(attachment);
  }

  /** Lets go of the programs; those that are pinned go on. */
  close(): void {
    this.#stop();
    for (const { placed } of this.#inService.values()) for (const { attachment } of placed) attachment.close();
    for (const { attachment } of this.#own) attachment.close();
  }

  #stop(): void {
    this.#chains.stop();
    clearImmediate(this.#turn);
  }

  /** Takes into service what waits, as long as this turn of the event loop may last. */
  #work(): void {
    for (const [ifindex, link] of this.#waiting) {
      if (performance.now() > this.#turnEnds) break;
      this.#waiting.delete(ifindex);
      this.#take(link);
    }
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#turnEnds = performance.now() + TURN_MS;
      if (this.#waiting.size > 0) this.#work();
    }).unref();
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

  #take(link: NetworkLink): void {
    const roles = this.#rolesOf(link.name);
    const placed: Placed[] = [];
    try {
      if (roles.includes("access")) this.#prepareAccess(link);
      for (const role of roles) placed.push(...this.hooks.attachRole(link, role, this.xdp?.mode));
      if (roles.includes("mediation") && link.hasLinkLayer)
        this.#map("mediation_interfaces").update(indexKey(link.ifindex), MediationInterface.encode({ flags: 0 }));
      this.#serveXdp(link, roles);
      this.#inService.set(link.ifindex, { link, roles, placed });
      this.#failures.delete(link.ifindex);
      this.events.attached(link.name, roles);
    } catch (error) {
      this.xdp?.withdraw(link.ifindex);
      for (const { attachment } of placed) takeOff(attachment);
      this.#map("zones").delete(indexKey(link.ifindex));
      if (!isAway(error)) this.#fail(link, error instanceof Error ? error.message : String(error));
    }
  }

  /** The same reason is told once, however often it is tried. */
  #fail({ ifindex, name }: NetworkLink, reason: string): void {
    if (this.#failures.get(ifindex) === reason) return;
    this.#failures.set(ifindex, reason);
    this.events.failed(name, reason);
  }

  #takeAgain(ifindex: number): void {
    const lost = this.#inService.get(ifindex);
    if (!lost) return;
    this.#drop(ifindex);
    this.#waiting.set(ifindex, lost.link);
    this.#work();
  }

  #prepareAccess(link: NetworkLink): void {
    this.#setZone(link);
    if (link.hasLinkLayer || this.#hasSpringboard) return;
    const springboard = ensureSpringboard();
    this.attachOwn(springboard, "springboard");
    this.events.springboard(springboard.ifindex);
    this.#hasSpringboard = true;
  }

  #serveXdp(link: NetworkLink, roles: readonly Role[]): void {
    if (link.hasLinkLayer) this.xdp?.serve(link, roles, this.#zoneOf(link) ?? 0);
  }

  #zoneOf({ name }: NetworkLink): number | undefined {
    return this.#zones.find(({ fits }) => fits(name))?.zone;
  }

  #setZone(link: NetworkLink): void {
    const { ifindex } = link;
    const zone = this.#zoneOf(link);
    if (zone === undefined) this.#map("zones").delete(indexKey(ifindex));
    else this.#map("zones").update(indexKey(ifindex), indexKey(zone));
  }

  /** The programs stay on, whatever changed of the interface, its name included. */
  #keep(inService: InService, link: NetworkLink): void {
    const { name } = inService.link;
    inService.link = link;
    if (name === link.name) return;
    if (inService.roles.includes("access")) this.#setZone(link);
    this.#serveXdp(link, inService.roles);
    this.events.gone(name);
    this.events.attached(link.name, inService.roles);
  }

  /** No copy may be handed to an interface whose program is gone: the map's entry goes first. */
  #drop(ifindex: number, interfaceIsGone = false): void {
    const dropped = this.#inService.get(ifindex);
    if (!dropped) return;
    this.xdp?.withdraw(ifindex);
    this.#map("mediation_interfaces").delete(indexKey(ifindex));
    this.#map("zones").delete(indexKey(ifindex));
    for (const { attachment } of dropped.placed) {
      // The kernel took them off with the interface; to detach them would wait for nothing.
      if (interfaceIsGone) letGo(attachment);
      else takeOff(attachment);
    }
    this.#inService.delete(ifindex);
    this.#chains.forget(ifindex);
    this.events.gone(dropped.link.name);
  }

  #map(name: "mediation_interfaces" | "zones"): BpfMap {
    return this.object.map(name);
  }
}
