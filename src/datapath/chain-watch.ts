/**
 * Watches that our programs stay the first of their tcx chains. The kernel tells nobody when a chain changes, so each
 * interface is looked at from time to time.
 */
import { ClsactFilter, type Direction, Link, type LoadedObject, type TcxEntry } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import { moveFirst, type Placed } from "./attach.js";
import { type ChainState, judgeChain, programNames, tcxEntries } from "./chain.js";

/** A round looks at that many interfaces at most: 10,000 of them cost no more than 100 do. */
const INTERFACES_A_ROUND = 100;
const ROUND_MS = 1000;
/** Two programs that both want to be the first must not fight for ever. */
const MOVES = 3;
const MOVES_WITHIN_MS = 10 * 60_000;

const DIRECTIONS: readonly Direction[] = ["ingress", "egress"];

export interface Watched {
  readonly link: NetworkLink;
  /** In the order of attaching: the last one runs first. Replaced where a program is moved. */
  placed: readonly Placed[];
}

export interface ChainEvents {
  /**
   * Programs of others (their names) came to run before ours. `regained`: ours are the first again. Else they stay
   * ahead, and what they take or change is not mirrored as it came.
   */
  overtaken(name: string, direction: Direction, programs: readonly string[], regained: boolean): void;
  /** Programs of ours are not on the interface any more: they are to be put there again. */
  lost(ifindex: number): void;
}

export class ChainWatch {
  /** When the programs of a hook were moved. */
  readonly #moves = new Map<string, readonly number[]>();
  /** Program ids ahead of ours that were reported, by hook. */
  readonly #reported = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #next: number[] = [];

  constructor(
    private readonly object: LoadedObject,
    private readonly watched: ReadonlyMap<number, Watched>,
    private readonly keepFirst: boolean,
    private readonly events: ChainEvents,
  ) {}

  start(): void {
    this.#timer = setInterval(() => this.round(), ROUND_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at the next interfaces. */
  round(): void {
    if (this.#next.length === 0) this.#next = [...this.watched.keys()];
    for (const ifindex of this.#next.splice(0, INTERFACES_A_ROUND)) this.look(ifindex);
  }

  look(ifindex: number): void {
    for (const direction of DIRECTIONS) {
      const watched = this.watched.get(ifindex);
      if (watched) this.#lookAt(watched, direction);
    }
  }

  /** The interface is not watched any more. */
  forget(ifindex: number): void {
    for (const direction of DIRECTIONS) {
      this.#moves.delete(hookId(ifindex, direction));
      this.#reported.delete(hookId(ifindex, direction));
    }
  }

  #lookAt(watched: Watched, direction: Direction): void {
    const own = watched.placed.filter(({ hook }) => hook.direction === direction);
    if (own.length === 0) return;
    const state = stateOf(own, watched.link.ifindex, direction);
    const id = hookId(watched.link.ifindex, direction);
    if (state.state === "lost") this.events.lost(watched.link.ifindex);
    else if (state.state === "first") this.#reported.delete(id);
    else this.#overtaken(watched, direction, state.ahead);
  }

  #overtaken(watched: Watched, direction: Direction, ahead: readonly TcxEntry[]): void {
    const id = hookId(watched.link.ifindex, direction);
    const regained = this.keepFirst && this.#mayMove(id) && this.#moveAll(watched, direction);
    const programs = ahead.map(({ progId }) => progId).join();
    if (!regained && this.#reported.get(id) === programs) return;
    if (regained) this.#reported.delete(id);
    else this.#reported.set(id, programs);
    this.events.overtaken(watched.link.name, direction, programNames(ahead), regained);
  }

  #mayMove(id: string): boolean {
    const now = performance.now();
    const lately = (this.#moves.get(id) ?? []).filter((at) => now - at < MOVES_WITHIN_MS);
    if (lately.length >= MOVES) return false;
    this.#moves.set(id, [...lately, now]);
    return true;
  }

  /** True where all are moved. */
  #moveAll(watched: Watched, direction: Direction): boolean {
    try {
      for (const [index, placed] of watched.placed.entries()) {
        if (placed.hook.direction !== direction) continue;
        // Behind clsact filters of ours, a tcx program stays ahead.
        if (!(placed.attachment instanceof Link)) return false;
        watched.placed = watched.placed.with(index, moveFirst(this.object, placed, watched.link.ifindex));
      }
      return true;
    } catch {
      return false;
    }
  }
}

function hookId(ifindex: number, direction: Direction): string {
  return `${ifindex} ${direction}`;
}

function stateOf(own: readonly Placed[], ifindex: number, direction: Direction): ChainState {
  const entries = tcxEntries(ifindex, direction);
  const links = own.flatMap(({ attachment }) => (attachment instanceof Link ? [attachment.id] : []));
  if (links.length > 0) return judgeChain(entries, links.toReversed());
  const isGone = ({ attachment }: Placed) => attachment instanceof ClsactFilter && attachment.progId() === undefined;
  if (own.some(isGone)) return { state: "lost" };
  return entries.length === 0 ? { state: "first" } : { state: "overtaken", ahead: entries };
}
