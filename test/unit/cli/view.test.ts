/** What status, intercepts and top show of what the agent says. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { AgentStatus, ListedIntercept } from "../../../src/agent/local-api.js";
import { FullScreen } from "../../../src/cli/full-screen.js";
import { cutTo, painter, takesColour } from "../../../src/cli/terminal.js";
import { bitRate, bytes, columns, count, duration } from "../../../src/cli/view/format.js";
import { interceptLines } from "../../../src/cli/view/intercepts-view.js";
import { ratedIntercepts, rateOf, type Sample } from "../../../src/cli/view/rates.js";
import { statusLines } from "../../../src/cli/view/status-view.js";
import { topLines, UNBOUNDED } from "../../../src/cli/view/top-view.js";

const NOW = Date.parse("2026-11-22T08:00:00Z");
const plain = painter(false);

const status: AgentStatus = {
  node: "edge1",
  version: "0.1.0",
  pid: 4711,
  started: "2026-11-22T04:48:00Z",
  security: "strict",
  datapathMode: "tc",
  waitingFor: [],
  sessions: 104_223,
  intercepts: { active: 12, waiting: 1, failed: 0 },
  eventLag: 0,
  surroundings: {
    access: ["acc1"],
    mediation: ["med0"],
    paths: [{ interface: "med0", mtu: 1500, needed: 1536, neighbour: "reachable" }],
  },
  maps: [
    { map: "hosts4", entries: 1, capacity: 300_000 },
    { map: "intercepts", entries: 13, capacity: 100 },
  ],
  audit: { entries: 40, copied: 39, unavailable: false },
};

const counters = {
  from: { packets: 1_234_567, bytes: 987_654_321 },
  to: { packets: 3, bytes: 1400 },
  dropped: { "no-route": 2, oversize: 40, "no-neighbour": 0 },
  fragmented: 7,
  throughStack: 0,
  excluded: 0,
  byXdp: 0,
};

function intercept(interceptId: number, packets: number, more: Partial<ListedIntercept> = {}): ListedIntercept {
  return {
    key: `i-${interceptId}`,
    interceptId,
    sessionId: 0x90,
    state: "active",
    source: "radiusLogin",
    direction: "both",
    mediation: { address: "198.51.100.9", port: 30030 },
    until: "2027-02-20T16:11:44.123Z",
    from: { packets, bytes: packets * 1000 },
    to: { packets: 0, bytes: 0 },
    lost: 0,
    excluded: 0,
    ...more,
  };
}

function sample(at: number, intercepts: readonly ListedIntercept[], packets = 0): Sample {
  const from = { packets, bytes: packets * 1000 };
  return { at, status, counters: { ...counters, from, dropped: {} }, intercepts };
}

describe("numbers", () => {
  test("are scaled to three digits", () => {
    assert.deepEqual([0, 999, 1000, 12_345, 999_499, 999_500].map(bytes), [
      "0 B",
      "999 B",
      "1.00 kB",
      "12.3 kB",
      "999 kB",
      "1.00 MB",
    ]);
    assert.equal(bitRate(125_000), "1.00 Mbit/s");
    assert.equal(count(1_234_567), "1,234,567");
    assert.deepEqual([500, 61_000, 3_600_000, 90_000_000].map(duration), ["0 s", "1 min 1 s", "1 h", "1 d 1 h"]);
  });

  test("of any size stay short", () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (value) => bytes(value).length <= 8));
  });
});

describe("rates", () => {
  test("a counter that began anew has no negative rate", () => {
    const rate = rateOf({ packets: 100, bytes: 1000 }, { packets: 10, bytes: 100 }, 1);
    assert.deepEqual(rate, { packetsPerSecond: 0, bytesPerSecond: 0 });
  });

  test("the highest come first, new ones have none yet", () => {
    const before = sample(0, [intercept(1, 0), intercept(2, 0)]);
    const after = sample(2000, [intercept(1, 10), intercept(2, 30), intercept(3, 500)]);
    const rated = ratedIntercepts(before, after);
    assert.deepEqual(
      rated.map(({ interceptId, rate }) => [interceptId, rate?.packetsPerSecond]),
      [
        [2, 15],
        [1, 5],
        [3, undefined],
      ],
    );
  });
});

test("status", () => {
  assert.deepEqual(statusLines(status, counters, { now: NOW, paint: plain }), [
    "edge1: ready, tc, submirror 0.1.0, pid 4711, up 3 h 12 min",
    "",
    "security    strict",
    "sessions    104,223",
    "intercepts  12 active, 1 waiting, 0 failed",
    "mirrored    1,234,567 packets, 988 MB from subscribers",
    "            3 packets, 1.40 kB to subscribers",
    "lost        42 copies: 40 oversize, 2 no-route",
    "fragmented  7 copies",
    "events      none waits in the stream",
    "access      acc1",
    "mediation   med0",
    "path        by med0, too narrow: MTU 1500, 1536 needed, next hop reachable",
    "tables      the fullest, intercepts, has 13 of 100 entries (13 %)",
    "audit       40 entries, 39 copied off the node",
  ]);
  const { surroundings: _none, ...starting } = { ...status, maps: [], waitingFor: ["NATS", "sessions"] };
  const [first] = statusLines(starting, undefined, { now: NOW, paint: plain });
  assert.equal(first, "edge1: waiting for NATS, sessions, tc, submirror 0.1.0, pid 4711, up 3 h 12 min");
});

test("intercepts, and whom they are about where that was asked for", () => {
  const ipv6 = {
    mediation: { address: "2001:db8:9::9", port: 30030, portTo: 30031 },
    state: "failed",
    lost: 3,
  } as const;
  const rated = ratedIntercepts(
    { at: 0, intercepts: [intercept(1, 0)] },
    {
      at: 1000,
      intercepts: [intercept(1, 5), intercept(2, 0, ipv6)],
    },
  );
  assert.deepEqual(interceptLines(rated), [
    "INTERCEPT  SESSION  STATE   DIRECTION  MEDIATION                    PACKETS    BYTES         RATE  LOST  SINCE  UNTIL",
    "        1      144  active  both       198.51.100.9:30030                 5  5.00 kB  40.0 kbit/s     0  -      2027-02-20T16:11:44Z",
    "        2      144  failed  both       [2001:db8:9::9]:30030/30031        0      0 B            -     3  -      2027-02-20T16:11:44Z",
  ]);
  const subject = { nas: "bng1", userName: "alice", prefixes: ["100.64.0.7/32"] };
  const [headings, row] = interceptLines([intercept(1, 5, { subject })], false);
  assert.match(headings ?? "", /NAS +USER NAME +ACCT SESSION ID +ADDRESSES$/);
  assert.match(row ?? "", /bng1 +alice +- +100\.64\.0\.7\/32$/);
});

describe("top", () => {
  const before = sample(0, [intercept(1, 0), intercept(2, 0)]);
  const after = sample(1000, [intercept(1, 5), intercept(2, 50), intercept(3, 0, { state: "failed" })], 125);

  test("has totals and the intercepts", () => {
    assert.deepEqual(topLines(before, after, { screen: UNBOUNDED, now: NOW, paint: plain }), [
      "edge1: ready, tc, submirror 0.1.0, pid 4711, up 3 h 12 min",
      "sessions 104,223   intercepts 12 active, 1 waiting, 0 failed   events waiting 0",
      "from subscribers   1.00 Mbit/s          125 packets/s",
      "to subscribers         0 bit/s            0 packets/s",
      "lost              none",
      "",
      "INTERCEPT  SESSION  STATE   DIRECTION  MEDIATION           PACKETS    BYTES         RATE  LOST",
      "        2      144  active  both       198.51.100.9:30030       50  50.0 kB   400 kbit/s     0",
      "        1      144  active  both       198.51.100.9:30030        5  5.00 kB  40.0 kbit/s     0",
      "        3      144  failed  both       198.51.100.9:30030        0      0 B            -     0",
    ]);
  });

  test("fits every screen, in colour too", () => {
    const sizes = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 30 }) });
    const many = Array.from({ length: 40 }, (_, number) => intercept(number, number));
    fc.assert(
      fc.property(sizes, fc.boolean(), (screen, colour) => {
        const lines = topLines(before, sample(1000, many), { screen, now: NOW, paint: painter(colour) });
        assert.ok(lines.length <= screen.rows);
        for (const line of lines) assert.ok(cutTo(line, screen.columns) === line, line);
      }),
    );
    const small = topLines(before, sample(1000, many), { screen: { columns: 80, rows: 12 }, now: NOW, paint: plain });
    assert.equal(small.at(-1), "... and 36 more");
  });
});

describe("the terminal", () => {
  test("takes colour unless NO_COLOR says not", () => {
    assert.equal(takesColour({ isTTY: true }, {}), true);
    assert.equal(takesColour({ isTTY: false }, {}), false);
    assert.equal(takesColour({ isTTY: true }, { NO_COLOR: "1" }), false);
    assert.equal(takesColour({ isTTY: true }, { TERM: "dumb" }), false);
  });

  test("columns are aligned, styles take no room", () => {
    assert.deepEqual(
      columns(
        [
          ["a", "22", ""],
          ["bbb", "1", "c"],
        ],
        new Set([1]),
      ),
      ["a    22", "bbb   1  c"],
    );
    assert.equal(cutTo(`ab${painter(true)("red", "cd")}ef`, 3), "ab\u001b[31mc\u001b[0m");
  });

  test("a screen is drawn anew for its size, and left as it was", () => {
    const written: string[] = [];
    const output = Object.assign(new EventEmitter(), {
      columns: 40,
      rows: 5,
      write: (text: string) => written.push(text),
    });
    const input = new EventEmitter();
    const full = new FullScreen(() => undefined, output as never, input as never);
    full.draw(({ columns, rows }) => [`${columns} x ${rows}`]);
    Object.assign(output, { columns: 30, rows: 3 });
    output.emit("resize");
    full[Symbol.dispose]();
    assert.match(written.join(""), /1049h.*40 x 5.*30 x 3.*1049l$/s);
    assert.equal(output.listenerCount("resize"), 0);
  });
});
