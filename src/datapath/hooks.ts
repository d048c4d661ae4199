/**
 * Puts programs on interfaces. Where pins are kept, a program that an earlier run left is replaced in its place, so
 * that not one packet passes without it.
 */
import { existsSync, unlinkSync } from "node:fs";
import { type BpfProgram, Link, type LoadedObject } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import {
  type AttachMode,
  clsactFilter,
  type Hook,
  hooksOf,
  type Placed,
  type Role,
  refuseBehindTcx,
  takeOff,
  type XdpMode,
} from "./attach.js";
import { STACK_LOSS_PROGRAM } from "./object.js";
import type { Pins } from "./pins.js";

/** An attachment of another layout's program, whose place is taken when everything is ready. */
interface Deferred {
  readonly link: Link;
  readonly program: BpfProgram;
  readonly oldPath: string;
  readonly newPath: string;
}

function openLive(path: string, ifindex: number): Link | undefined {
  if (!existsSync(path)) return undefined;
  const link = Link.openPinned(path);
  if (link.info().ifindex === ifindex) return link;
  link.close();
  unlinkSync(path);
  return undefined;
}

export class Hooks {
  readonly #deferred: Deferred[] = [];
  readonly #used = new Set<string>();
  #stackLoss: Link | undefined;

  constructor(
    private readonly object: LoadedObject,
    private readonly mode: AttachMode,
    private readonly pins?: Pins,
  ) {}

  /** Puts the programs of `role` on an interface: all of them, or throws and leaves none. */
  attachRole(link: NetworkLink, role: Role, xdp?: XdpMode): Placed[] {
    const placed: Placed[] = [];
    try {
      for (const hook of hooksOf(role, link.hasLinkLayer, xdp)) {
        const attachment =
          this.mode === "tcx" ? this.#attachTcx(link.ifindex, hook) : this.#attachClsact(link, hook, role);
        placed.push({ hook, attachment });
      }
    } catch (error) {
      for (const { attachment } of placed) takeOff(attachment);
      throw error;
    }
    return placed;
  }

  attachXdp(program: BpfProgram, ifindex: number): Link {
    return this.#keep(`${ifindex}-xdp`, program, ifindex, () => program.attachXdp({ ifindex, mode: "native" }));
  }

  /** Has the kernel tell of the packets that its IP stack drops. False where it does not let this process trace. */
  attachStackLoss(): boolean {
    const program = this.object.programs.find(({ name }) => name === STACK_LOSS_PROGRAM);
    if (!program) return false;
    const path = this.pins?.linkPath(STACK_LOSS_PROGRAM);
    this.#used.add(STACK_LOSS_PROGRAM);
    // Such a link has no program to replace; the old one goes with its pin.
    if (path !== undefined && existsSync(path)) unlinkSync(path);
    try {
      const link = program.attachRawTracepoint("kfree_skb");
      if (path !== undefined) link.pin(path);
      this.#stackLoss = link;
      return true;
    } catch {
      return false;
    }
  }

  /** Lets go of what is on no interface; what is pinned goes on. */
  close(): void {
    this.#stackLoss?.close();
  }

  /**
   * What was loaded is complete: takes the places of another layout's programs, and removes what is left of those
   * layouts and of interfaces that are gone.
   */
  activate(): void {
    for (const { link, program, oldPath, newPath } of this.#deferred) {
      link.update(program);
      link.pin(newPath);
      unlinkSync(oldPath);
    }
    this.#deferred.length = 0;
    const { pins } = this;
    if (!pins) return;
    for (const version of pins.otherVersions()) pins.removeVersion(version);
    for (const hook of pins.links()) if (!this.#used.has(hook)) unlinkSync(pins.linkPath(hook));
  }

  #attachTcx(ifindex: number, { program: name, direction }: Hook): Link {
    const program = this.object.program(name);
    return this.#keep(`${ifindex}-${name}`, program, ifindex, () =>
      program.attachTcx({ ifindex, direction, place: "first" }),
    );
  }

  #attachClsact(link: NetworkLink, hook: Hook, role: Role) {
    refuseBehindTcx(link, hook.direction);
    return clsactFilter(this.object, hook, role, link.ifindex);
  }

  #keep(hook: string, program: BpfProgram, ifindex: number, attach: () => Link): Link {
    const { pins } = this;
    if (!pins) return attach();
    const path = pins.linkPath(hook);
    this.#used.add(hook);
    const own = openLive(path, ifindex);
    if (own) {
      own.update(program);
      return own;
    }
    const foreign = this.#foreign(hook, program, ifindex, path);
    if (foreign) return foreign;
    const link = attach();
    link.pin(path);
    return link;
  }

  /**
   * A subscriber's packet must not be mirrored by two layouts' programs at once, so the place is taken later. The
   * programs that act on copies alone run side by side meanwhile: each knows its own.
   */
  #foreign(hook: string, program: BpfProgram, ifindex: number, newPath: string): Link | undefined {
    const { pins } = this;
    if (!pins || !/-(access|tap|xdp)/.test(hook)) return undefined;
    for (const oldPath of pins.otherLinkPaths(hook)) {
      const link = openLive(oldPath, ifindex);
      if (!link) continue;
      this.#deferred.push({ link, program, oldPath, newPath });
      return link;
    }
    return undefined;
  }
}
