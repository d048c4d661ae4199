/**
 * What outlives the agent, as files of a bpffs:
 *
 *   <directory>/<version>/<map>            maps; the version says how their contents are laid out
 *   <directory>/links/<version>/<hook>     links: programs on interfaces
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { isBpffs, type ObjectSpec } from "libbpf-ts";
import { layouts } from "./layout.gen.js";

const LINKS = "links";
const VERSION_DIGITS = 12;

/** The same where, and only where, programs may share maps: layouts and sizes are the same. */
export function layoutVersion(spec: ObjectSpec): string {
  const maps = spec.maps.map(({ name, type, keySize, valueSize, maxEntries }) => [
    name,
    type,
    keySize,
    valueSize,
    maxEntries,
  ]);
  const structures = layouts.map(({ name, size, offsets }) => [name, size, offsets]);
  return createHash("sha256")
    .update(JSON.stringify([maps, structures]))
    .digest("hex")
    .slice(0, VERSION_DIGITS);
}

function filesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function removeDirectory(directory: string): void {
  if (!existsSync(directory)) return;
  for (const file of readdirSync(directory)) unlinkSync(join(directory, file));
  rmdirSync(directory);
}

/** By which copies inside the helper pair are told from those of another layout's programs; 1 to 255. */
export function generationOf(version: string): number {
  return (Number.parseInt(version.slice(0, 2), 16) % 255) + 1;
}

/** Sections of variables are a program's own. */
export function isShared(map: string): boolean {
  return !map.includes(".");
}

export class Pins {
  constructor(
    readonly directory: string,
    readonly version: string,
  ) {}

  /** Throws where `directory` is not on a bpffs, with the remedy. */
  static requireBpffs(directory: string): void {
    let at = directory;
    while (!existsSync(at)) at = dirname(at);
    if (isBpffs(at)) return;
    throw new Error(
      `${directory} is not on a bpffs, where programs and maps outlive the agent: mount one (mount -t bpf bpf /sys/fs/bpf), or set datapath.persist to false`,
    );
  }

  /** True where an earlier run of the same layout left its maps. */
  get hasMaps(): boolean {
    return filesIn(join(this.directory, this.version)).length > 0;
  }

  create(): void {
    mkdirSync(join(this.directory, this.version), { recursive: true, mode: 0o700 });
    mkdirSync(this.#links(this.version), { recursive: true, mode: 0o700 });
  }

  mapPath(map: string): string {
    return join(this.directory, this.version, map);
  }

  linkPath(hook: string): string {
    return join(this.#links(this.version), hook);
  }

  /** Pinned links of this layout. */
  links(): string[] {
    return filesIn(this.#links(this.version));
  }

  /** Other layouts of which anything is left. */
  otherVersions(): string[] {
    const maps = filesIn(this.directory).filter((name) => name !== LINKS);
    const links = filesIn(join(this.directory, LINKS));
    return [...new Set([...maps, ...links])].filter((version) => version !== this.version);
  }

  /** Where other layouts may have left the same hook's link. */
  otherLinkPaths(hook: string): string[] {
    return this.otherVersions().map((version) => join(this.#links(version), hook));
  }

  /** Unpins all that another layout left: its links are detached, its maps go with the last program that uses them. */
  removeVersion(version: string): void {
    removeDirectory(this.#links(version));
    removeDirectory(join(this.directory, version));
  }

  /** Takes everything out of `directory`, whatever its layout. Throws where it is not on a bpffs. */
  static removeAll(directory: string): { links: number; maps: number } {
    const removed = { links: 0, maps: 0 };
    if (!existsSync(directory)) return removed;
    // Whatever else a mistaken configuration may name is nobody's to empty.
    Pins.requireBpffs(directory);
    const pins = new Pins(directory, "");
    for (const version of pins.otherVersions()) {
      removed.links += filesIn(pins.#links(version)).length;
      removed.maps += filesIn(join(directory, version)).length;
      pins.removeVersion(version);
    }
    for (const empty of [join(directory, LINKS), directory]) if (existsSync(empty)) rmdirSync(empty);
    return removed;
  }

  #links(version: string): string {
    return join(this.directory, LINKS, version);
  }
}
