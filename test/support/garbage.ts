/** What the garbage collector is left with. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void;

const TURNS = 20_000;
const TURNS_A_COLLECTION = 1000;

/**
 * Calls `turn` thousands of times, with what a program of some age has behind it, and returns by how many bytes the heap
 * has grown then for the collections that such a program has all the time, those of the young generation.
 */
export function leftBehind(turn: (index: number) => void): number {
  const run = () => {
    for (let index = 0; index < TURNS; index++) {
      turn(index);
      if (index % TURNS_A_COLLECTION === 0) collect({ type: "minor" });
    }
  };
  run();
  collect();
  const before = process.memoryUsage().heapUsed;
  run();
  collect({ type: "minor" });
  collect({ type: "minor" });
  return process.memoryUsage().heapUsed - before;
}
