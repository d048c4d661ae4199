/** The datapath in the kernel, over libbpf-ts: what the port asks becomes entries of maps. */
import { statSync } from "node:fs";
import type { LoadedObject } from "libbpf-ts";
import type { InterceptSpec } from "../intercepts/types.js";
import { receiveDrops } from "../net/device-counters.js";
import { LinkMonitor } from "../net/link-monitor.js";
import { networkLinks } from "../net/links.js";
import { attachMode, removeClsactFilters } from "./attach.js";
import { readTotals } from "./counters.js";
import type { ForwardEvents } from "./forward-ways.js";
import { ensureStackPair, removeHelperDevices, STACK_IN } from "./helper-devices.js";
import { Hooks } from "./hooks.js";
import { InterceptTable } from "./intercept-table.js";
import { type InterfaceEvents, Interfaces } from "./interfaces.js";
import { Config, ConfigFlags } from "./layout.gen.js";
import type { MatchContext } from "./matches.js";
import { type MediationPath, MediationPaths, type PathEvents } from "./mediation-paths.js";
import { openKept } from "./object.js";
import type { DatapathOptions } from "./options.js";
import { Pins } from "./pins.js";
import {
  type Datapath,
  type DatapathCounters,
  DatapathError,
  type DatapathSurroundings,
  type InterceptCounters,
  type MapFill,
} from "./port.js";
import { indexKey } from "./registers.js";
import { openXdp, type XdpLayer } from "./xdp.js";
import { zoneNumber } from "./zones.js";

export interface DatapathEvents extends Omit<InterfaceEvents, "springboard">, PathEvents, ForwardEvents {
  /** An intercept is not on its interface any more, since that came again and the kernel refused. Names no subject. */
  stranded(reason: string): void;
}

/** What was taken out of the kernel. */
export interface Uninstalled {
  /** Attachments of programs, which go with them. */
  readonly links: number;
  readonly maps: number;
  /** clsact filters. */
  readonly filters: number;
  /** Names of helper devices. */
  readonly devices: readonly string[];
}

/** How often drivers are asked what they can do with XDP frames; there are no events of what the end of a veth does. */
const LOOK_MS = 1000;

/** Its inode number, by which the kernel's programs know the namespace of the thread that makes all calls. */
function ownNetworkNamespace(): number {
  return statSync("/proc/thread-self/ns/net").ino;
}

export class KernelDatapath implements Datapath {
  /** For tests, which look into the maps and run the programs by hand. */
  readonly object: LoadedObject;
  /** For tests, which make up link events. */
  readonly xdp: XdpLayer | undefined;
  /** False where the kernel lets no tracing program in: copies that its IP stack drops are then not counted. */
  readonly countsStackLosses: boolean;
  /** False where the node forwards no IPv6: IPv6 copies that take the IP stack are lost. */
  readonly forwardsIpv6: boolean;
  readonly #intercepts: InterceptTable;
  readonly #hooks: Hooks;
  readonly #interfaces: Interfaces;
  readonly #links: LinkMonitor;
  readonly #paths: MediationPaths;
  readonly #lookTimer: NodeJS.Timeout;
  #config: Config;

  constructor(
    private readonly options: DatapathOptions,
    private readonly events: DatapathEvents,
  ) {
    const { object, pins, isNew } = openKept(options);
    this.object = object;
    this.#paths = new MediationPaths(events);
    try {
      this.#intercepts = new InterceptTable(object, options, this.#paths);
      if (!isNew) this.#intercepts.adopt();
      this.#hooks = new Hooks(object, attachMode(options.attach?.mode ?? "auto"), pins);
      this.xdp =
        options.mode === "tc" ? undefined : openXdp(options.mode, options.objectDirectory, object, this.#hooks, events);
      const pair = ensureStackPair();
      this.forwardsIpv6 = pair.forwardsIpv6;
      this.#config = {
        flags: 0,
        stack_out_ifindex: pair.out.ifindex,
        stack_in_ifindex: pair.in.ifindex,
        springboard_ifindex: 0,
        stack_in_mac: pair.inMac,
        ttl: options.mediation.ttl,
        sieve_mask: this.#intercepts.sieveMask,
        network_namespace: ownNetworkNamespace(),
      };
      this.#interfaces = new Interfaces(
        object,
        options,
        this.#hooks,
        { ...events, springboard: (ifindex) => this.#configure({ springboard_ifindex: ifindex }) },
        this.xdp,
      );
      this.#configure({ flags: this.#flags() });
      this.#interfaces.attachOwn(pair.out, "stack-out");
      this.#interfaces.attachOwn(pair.in, "stack-in");
      this.countsStackLosses = this.#hooks.attachStackLoss();
      this.#links = this.#monitorLinks();
      this.#links.start();
      this.#lookTimer = setInterval(() => this.#lookAtDriversQuietly(), LOOK_MS).unref();
      this.#paths.start(this.#intercepts.devices, pair.in.ifindex);
    } catch (error) {
      this.#paths.stop();
      // What ran before goes on: its programs and maps are another layout's, or were only taken over.
      object.close();
      if (isNew) pins?.removeVersion(pins.version);
      throw error;
    }
  }

  /** Takes out all that outlives agents: what `pinDirectory` keeps, filters and helper devices. Throws where it is no bpffs. */
  static uninstall(pinDirectory: string): Uninstalled {
    const { links, maps } = Pins.removeAll(pinDirectory);
    const filters = networkLinks().reduce((sum, { ifindex }) => sum + removeClsactFilters(ifindex), 0);
    return { links, maps, filters, devices: removeHelperDevices() };
  }

  /** Looks at all of the node's interfaces again; single changes are followed as they happen. */
  followInterfaces(): void {
    this.#links.resynchronize();
    this.#interfaces.check(this.#links.all());
    this.xdp?.look();
  }

  /** Names of the interfaces in service. */
  interfaceNames(role: "access" | "mediation"): string[] {
    return this.#interfaces.names(role);
  }

  /** How the mediation devices in use are reached, without their addresses. */
  mediationPaths(): MediationPath[] {
    return this.#paths.paths();
  }

  put(spec: InterceptSpec): void {
    this.#checkZone(spec.zone);
    this.#intercepts.put(spec, this.#matchContext(spec.zone));
    this.#updateFlags();
  }

  putMany(specs: readonly InterceptSpec[]): (DatapathError | undefined)[] {
    const refused = this.#intercepts.batch(() => specs.map((spec) => this.#tryPut(spec)));
    this.#updateFlags();
    return refused;
  }

  remove(key: string): boolean {
    const removed = this.#intercepts.remove(key);
    this.#updateFlags();
    return removed;
  }

  keys(): string[] {
    return this.#intercepts.keys();
  }

  interceptCounters(key: string): InterceptCounters | undefined {
    return this.#intercepts.counters(key);
  }

  counters(): DatapathCounters {
    return readTotals(this.object.map("cpus"), receiveDrops(STACK_IN));
  }

  fill(): MapFill[] {
    return this.#intercepts.fill();
  }

  surroundings(): DatapathSurroundings {
    return {
      access: this.interfaceNames("access"),
      mediation: this.interfaceNames("mediation"),
      paths: this.mediationPaths(),
    };
  }

  activate(): void {
    this.#hooks.activate();
  }

  close(): void {
    clearInterval(this.#lookTimer);
    this.#paths.stop();
    this.#links.close();
    if (this.options.pinDirectory === undefined) this.#interfaces.detach();
    else this.#interfaces.close();
    this.xdp?.close();
    this.#hooks.close();
    this.object.close();
    if (this.options.pinDirectory === undefined) removeHelperDevices();
  }

  #tryPut(spec: InterceptSpec): DatapathError | undefined {
    try {
      this.#intercepts.put(spec, this.#matchContext(spec.zone));
      return undefined;
    } catch (error) {
      if (error instanceof DatapathError) return error;
      return new DatapathError("kernel", "The kernel refused the intercept.", undefined, { cause: error });
    }
  }

  #lookAtDriversQuietly(): void {
    try {
      this.xdp?.look();
    } catch {
      // No memory for the moment, say; the next round tries again.
    }
  }

  #monitorLinks(): LinkMonitor {
    return new LinkMonitor({
      changed: (link, before) => {
        this.#attempt(link.name, () => this.#interfaces.changed(link));
        if (before && before.name !== link.name) this.#followInterface(before.name);
        if (before?.name !== link.name) this.#followInterface(link.name);
      },
      gone: (link) => {
        this.#attempt(link.name, () => this.#interfaces.gone(link));
        this.#followInterface(link.name);
      },
      told: (link) => this.#attempt(link.name, () => this.#interfaces.told(link)),
    });
  }

  /** In a zone that no interface is in, nothing would ever match. */
  #checkZone(zone: string | undefined): void {
    if (zone === undefined || Object.values(this.options.interfaces.zones ?? {}).includes(zone)) return;
    throw new DatapathError("invalid", "zone must be one of this node's interfaces.zones.", "zone");
  }

  /** What the kernel refuses for one interface must not keep the others from being followed. */
  #attempt(interfaceName: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.events.failed(interfaceName, error instanceof Error ? error.message : String(error));
    }
  }

  #matchContext(zone: string | undefined): MatchContext {
    return { zone: zoneNumber(zone), ifindexOf: (name) => this.#links.byName(name)?.ifindex };
  }

  #followInterface(name: string): void {
    try {
      this.#intercepts.followInterface(name, this.#links.byName(name)?.ifindex);
    } catch (error) {
      this.events.stranded(error instanceof Error ? error.message : String(error));
    }
    this.#updateFlags();
  }

  #flags(): number {
    return this.#intercepts.flags | (this.#interfaces.usesZones ? ConfigFlags.CONFIG_ZONES : 0);
  }

  #updateFlags(): void {
    const flags = this.#flags();
    if (flags !== this.#config.flags) this.#configure({ flags });
  }

  #configure(change: Partial<Config>): void {
    this.#config = { ...this.#config, ...change };
    this.object.map("configs").update(indexKey(0), Config.encode(this.#config));
  }
}
