/**
 * Loaded into a program before its own code (`node --import`): its wall clock is stepped by as many milliseconds as the
 * file in LAB_CLOCK_STEP holds, whenever SIGUSR2 comes. The machine's own clock is never touched, and a time namespace
 * cannot step it: it has offsets for the monotonic clock and the boot clock alone. Everything in the program asks Date.
 */
import { readFileSync } from "node:fs";

const RealDate = Date;
let step = 0;

class SteppedDate extends RealDate {
  constructor(...parts: readonly unknown[]) {
    if (parts.length === 0) super(RealDate.now() + step);
    else super(...(parts as [number]));
  }

  static override now(): number {
    return RealDate.now() + step;
  }
}

globalThis.Date = SteppedDate as DateConstructor;

process.on("SIGUSR2", () => {
  step = Number(readFileSync(process.env["LAB_CLOCK_STEP"] ?? "", "utf8"));
});
