/** The chain of tcx programs on an interface: whether ours run first there. */
import { BpfProgram, type Direction, queryTcx, type TcxEntry } from "libbpf-ts";

export type ChainState =
  /** Ours are the first, in their order. */
  | { readonly state: "first" }
  /** Others run before one of ours. */
  | { readonly state: "overtaken"; readonly ahead: readonly TcxEntry[] }
  /** Not all of ours are there: taken off, or the interface is another one by now. */
  | { readonly state: "lost" };

/** `own`: ids of our links in the order in which they are to run. Pure. */
export function judgeChain(entries: readonly TcxEntry[], own: readonly number[]): ChainState {
  const places = own.map((id) => entries.findIndex(({ linkId }) => linkId === id));
  if (places.includes(-1)) return { state: "lost" };
  const ahead = entries.slice(0, Math.max(-1, ...places) + 1).filter(({ linkId }) => !own.includes(linkId));
  const inOrder = places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0));
  return ahead.length === 0 && inOrder ? { state: "first" } : { state: "overtaken", ahead };
}

/** None where the kernel has no tcx, or the interface is gone. */
export function tcxEntries(ifindex: number, direction: Direction): readonly TcxEntry[] {
  try {
    return queryTcx(ifindex, direction).entries;
  } catch {
    return [];
  }
}

/** As the kernel has them: at most 15 characters. */
export function programNames(entries: readonly TcxEntry[]): string[] {
  return entries.map(({ progId }) => {
    try {
      using program = BpfProgram.openById(progId);
      return program.name === "" ? `program ${progId}` : program.name;
    } catch {
      return `program ${progId}`;
    }
  });
}
