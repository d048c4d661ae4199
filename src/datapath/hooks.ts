/**
 * Puts programs on interfaces. Where pins are kept, a program that an earlier run left is replaced in its place, so
 * that not one packet passes without it.
 */
import { existsSync, unlinkSync } from "node:fs";
import {
  type Attachment,
  type BpfProgram,
  ClsactFilter,
  type Direction,
  Link,
  type LoadedObject,
  type ProgramRef,
} from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import type { Pins } from "./pins.js";

/** Before any other filter on the clsact qdisc, under a handle by which a later run finds it. */
const CLSACT_PLACE = { priority: 1, handle: 0x5b };

/** An attachment of another layout's program, whose place is taken when everything is ready. */
interface Deferred {
  readonly link: Link;
  readonly program: BpfProgram;
  readonly oldPath: string;
  readonly newPath: string;
}

/** Detaching removes the pin; closing leaves the program where it is if it is pinned. */
class PinnedLink implements Attachment {
  constructor(
    readonly link: Link,
    private readonly path: string,
  ) {}

  update(program: ProgramRef): void {
    this.link.update(program);
  }

  detach(): void {
    if (existsSync(this.path)) unlinkSync(this.path);
    this.link.detach();
  }

  close(): void {
    this.link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
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

  constructor(
    private readonly object: LoadedObject,
    private readonly tcx: boolean,
    private readonly pins?: Pins,
  ) {}

  attach(programName: string, link: NetworkLink, direction: Direction): Attachment {
    const program = this.object.program(programName);
    const { ifindex } = link;
    if (!this.tcx) return this.#attachClsact(program, ifindex, direction);
    return this.#keep(`${ifindex}-${programName}`, program, ifindex, () =>
      program.attachTcx({ ifindex, direction, place: "first" }),
    );
  }

  attachXdp(program: BpfProgram, ifindex: number): Attachment {
    return this.#keep(`${ifindex}-xdp`, program, ifindex, () => program.attachXdp({ ifindex, mode: "native" }));
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

  #keep(hook: string, program: BpfProgram, ifindex: number, attach: () => Link): Attachment {
    const { pins } = this;
    if (!pins) return attach();
    const path = pins.linkPath(hook);
    this.#used.add(hook);
    const own = openLive(path, ifindex);
    if (own) {
      own.update(program);
      return new PinnedLink(own, path);
    }
    const foreign = this.#foreign(hook, program, ifindex, path);
    if (foreign) return new PinnedLink(foreign, path);
    const link = attach();
    link.pin(path);
    return new PinnedLink(link, path);
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

  #attachClsact(program: BpfProgram, ifindex: number, direction: Direction): Attachment {
    const left = new ClsactFilter({ ifindex, direction, ...CLSACT_PLACE });
    if (left.progId() === undefined) return program.attachClsact({ ifindex, direction, ...CLSACT_PLACE });
    left.update(program);
    return left;
  }
}
