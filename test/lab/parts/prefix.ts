/** A subscriber's addresses. */
import { maskBytes, parsePrefix } from "../../../src/net/addresses.js";
import { LabError } from "./errors.js";

export class PrefixSet {
  readonly #prefixes: { readonly bytes: Buffer; readonly length: number }[];

  /** @param prefixes CIDR, either family */
  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes.map((text) => {
      const prefix = parsePrefix(text);
      if ("problem" in prefix) throw new LabError(`${text} ${prefix.problem}`);
      return prefix;
    });
  }

  /** @param address 4 or 16 bytes */
  has(address: Buffer): boolean {
    return this.#prefixes.some(
      ({ bytes, length }) => bytes.length === address.length && maskBytes(address, length).equals(bytes),
    );
  }
}
