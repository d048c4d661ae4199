import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { bootClockNs, toBootClockNs } from "../../../src/datapath/clock.js";

describe("the boot clock", () => {
  test("is the kernel's uptime", () => {
    const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    assert.ok(Math.abs(Number(bootClockNs()) / 1e9 - uptime) < 5);
  });

  test("goes on", () => {
    const first = bootClockNs();
    assert.ok(bootClockNs() >= first);
  });

  test("a wall-clock time, as far from now as it is", () => {
    assert.equal(toBootClockNs(5000, 3000, 10_000_000_000n), 12_000_000_000n);
    assert.equal(toBootClockNs(3000.5, 3000, 10_000_000_000n), 10_000_500_000n);
    assert.equal(toBootClockNs(1000, 3000, 10_000_000_000n), 8_000_000_000n);
  });

  test("a time before boot is the beginning", () => {
    assert.equal(toBootClockNs(-1e15, 0, 10n), 0n);
    assert.equal(toBootClockNs(0, 1, 1_000_000n), 0n);
  });

  test("a time that 64 bits do not hold is the last that they do", () => {
    for (const unixMs of [Date.parse("9999-12-31T23:59:59Z"), 8_640_000_000_000_000])
      assert.equal(toBootClockNs(unixMs, 0, 0n), 0xffff_ffff_ffff_ffffn);
  });
});
