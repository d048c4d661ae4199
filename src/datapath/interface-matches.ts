/**
 * Subscribers who are told by their interface: the kernel knows it by its index, which is another one when the
 * interface comes again. Which intercepts are on which interface, and under which key each is found there now.
 */
import type { MatchKey } from "./matches.js";

/** Keys by the interface's name; undefined while there is no such interface. */
export type InterfaceKeys = ReadonlyMap<string, MatchKey | undefined>;

export const NO_INTERFACES: InterfaceKeys = new Map();

export class InterfaceMatches {
  readonly #keys = new Map<string, InterfaceKeys>();
  readonly #intercepts = new Map<string, Set<string>>();

  /** Replaces what was known of the intercept. */
  set(intercept: string, keys: InterfaceKeys): void {
    this.delete(intercept);
    if (keys.size === 0) return;
    this.#keys.set(intercept, keys);
    for (const name of keys.keys()) {
      const others = this.#intercepts.get(name);
      if (others) others.add(intercept);
      else this.#intercepts.set(name, new Set([intercept]));
    }
  }

  delete(intercept: string): void {
    const keys = this.#keys.get(intercept);
    if (keys === undefined) return;
    for (const name of keys.keys()) {
      const others = this.#intercepts.get(name);
      others?.delete(intercept);
      if (others?.size === 0) this.#intercepts.delete(name);
    }
    this.#keys.delete(intercept);
  }

  /** Intercepts on the interface of this name. */
  on(name: string): string[] {
    return [...(this.#intercepts.get(name) ?? [])];
  }

  keys(intercept: string): InterfaceKeys {
    return this.#keys.get(intercept) ?? NO_INTERFACES;
  }
}
