/** The rules of RADIUS-triggered mirroring, case by case. To add one: a title and its steps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RadiusAttributes } from "../../../src/events/types.js";
import { MAX_TARGETS } from "../../../src/sessions/rules/targets.js";
import { li } from "../../support/events.js";
import { Scenario, type Step } from "../../support/scenario.js";

const ALICE = { "User-Name": "alice", "Calling-Station-Id": "02:00:00:00:00:01", "NAS-Port-Id": "ge-1/0/0.100" };
const ALICE_4 = "100.64.0.7";
const ALICE_UP = { ...ALICE, "Acct-Session-Id": "1048577", "Framed-IP-Address": ALICE_4 };
const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048578", "Framed-IP-Address": "100.64.0.8" };
const MIRRORED_ALICE = "100.64.0.7/32 > 198.51.100.9:30030 300/90";
const MIRRORED_BOB = "100.64.0.8/32 > 198.51.100.9:30030 300/90";
/** Top bits 01, intercept id 0x300: the session id comes from the Acct-Session-Id. */
const SHORT_HANDLE = "40000300";

const start = (attributes: RadiusAttributes): Step => ({ event: "accounting-start", attributes });
const bobIsMirrored: readonly Step[] = [
  start(BOB),
  {
    event: "coa",
    attributes: { "User-Name": "bob" },
    li: li("on"),
    answer: { result: "applied" },
    mirrored: [MIRRORED_BOB],
  },
];

function sharedName(sessions: number): Step[] {
  return Array.from({ length: sessions }, (_, i) =>
    start({ "User-Name": "dhcp", "Acct-Session-Id": `${i}`, "Framed-IP-Address": `100.64.1.${i}` }),
  );
}

interface Case {
  readonly title: string;
  readonly steps: readonly Step[];
}

const AT_LOGIN: readonly Case[] = [
  {
    title: "an Accept with instruction and address is mirrored at once",
    steps: [
      {
        event: "access-accept",
        attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: [MIRRORED_ALICE],
      },
      { ...start(ALICE_UP), mirrored: [MIRRORED_ALICE] },
    ],
  },
  {
    title: "an Accept without address is mirrored when accounting brings it",
    steps: [
      {
        event: "access-accept",
        attributes: ALICE,
        li: li("on"),
        answer: { result: "applied", detail: "as soon as" },
        mirrored: [],
      },
      { ...start(ALICE_UP), mirrored: [MIRRORED_ALICE] },
    ],
  },
  {
    title: "addresses that an interim update brings are mirrored too",
    steps: [
      { event: "access-accept", attributes: ALICE, li: li("on"), answer: { result: "applied" } },
      start(ALICE_UP),
      {
        event: "accounting-interim",
        attributes: {
          "Acct-Session-Id": "1048577",
          "Delegated-IPv6-Prefix": "2001:db8:100::/56",
          "Framed-IPv6-Prefix": "2001:db8:1::/64",
        },
        mirrored: ["100.64.0.7/32 2001:db8:100::/56 2001:db8:1::/64 > 198.51.100.9:30030 300/90"],
      },
      {
        event: "accounting-interim",
        attributes: { "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.9" },
        mirrored: ["100.64.0.9/32 2001:db8:100::/56 2001:db8:1::/64 > 198.51.100.9:30030 300/90"],
      },
    ],
  },
  {
    title: "a 4-byte handle takes the session id from the Acct-Session-Id, as late as that is known",
    steps: [
      {
        event: "access-accept",
        attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 },
        li: li("on", { handle: SHORT_HANDLE }),
        answer: { result: "applied", detail: "as soon as" },
        mirrored: [],
      },
      {
        ...start({ ...ALICE, "Acct-Session-Id": "jnpr ge-1/0/0.100:4294967298", "Framed-IP-Address": ALICE_4 }),
        mirrored: ["100.64.0.7/32 > 198.51.100.9:30030 300/2"],
      },
    ],
  },
  {
    title: "a login without instruction is not mirrored and not answered",
    steps: [{ event: "access-accept", attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 }, mirrored: [] }],
  },
  {
    title: "a decoy is answered and does nothing",
    steps: [
      {
        event: "access-accept",
        attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 },
        li: li("noop"),
        answer: { result: "noop" },
        mirrored: [],
      },
    ],
  },
  {
    title: "a login whose instruction is malformed is a login, not mirrored, and can be mirrored later",
    steps: [
      {
        event: "access-accept",
        attributes: ALICE_UP,
        li: li("on", { handle: "00ff" }),
        answer: { result: "rejected", errorCause: 404, detail: "handle" },
        mirrored: [],
      },
      {
        event: "coa",
        attributes: { "User-Name": "alice" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: [MIRRORED_ALICE],
      },
    ],
  },
  {
    title: "a new login on the line takes the place of one that never came up, its mirroring with it",
    steps: [
      {
        event: "access-accept",
        attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 },
        li: li("on"),
        answer: { result: "applied" },
      },
      { event: "access-accept", attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 }, mirrored: [] },
    ],
  },
];

const IN_SESSION: readonly Case[] = [
  {
    title: "a CoA starts, a CoA with the values in force stops",
    steps: [
      ...bobIsMirrored,
      {
        event: "coa",
        attributes: { "Acct-Session-Id": "1048578" },
        li: li("off"),
        answer: { result: "stopped" },
        mirrored: [],
      },
    ],
  },
  {
    title: "a stop must repeat the handle",
    steps: [
      ...bobIsMirrored,
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("off", { handle: "0000030000000091" }),
        answer: { result: "rejected", errorCause: 404, detail: "handle" },
        mirrored: [MIRRORED_BOB],
      },
    ],
  },
  {
    title: "a stop must repeat the mediation address",
    steps: [
      ...bobIsMirrored,
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("off", { mediation: { address: "198.51.100.10", port: 30030 } }),
        answer: { result: "rejected", errorCause: 404, detail: "mediation.address" },
        mirrored: [MIRRORED_BOB],
      },
    ],
  },
  {
    title: "a stop must repeat the mediation port",
    steps: [
      ...bobIsMirrored,
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("off", { mediation: { address: "198.51.100.9", port: 30031 } }),
        answer: { result: "rejected", errorCause: 404, detail: "mediation.port" },
        mirrored: [MIRRORED_BOB],
      },
    ],
  },
  {
    title: "a stop of what is not mirrored is refused",
    steps: [
      start(BOB),
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("off"),
        answer: { result: "rejected", errorCause: 404 },
      },
    ],
  },
  {
    title: "a new start replaces the running one",
    steps: [
      ...bobIsMirrored,
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("on", { handle: "0000040000000091", mediation: { address: "198.51.100.10", port: 30031 } }),
        answer: { result: "applied" },
        mirrored: ["100.64.0.8/32 > 198.51.100.10:30031 400/91"],
      },
    ],
  },
  {
    title: "an unknown session is answered so",
    steps: [
      {
        event: "coa",
        attributes: { "User-Name": "carol" },
        li: li("on"),
        answer: { result: "unknown-session", errorCause: 503 },
      },
      {
        event: "disconnect",
        attributes: { "User-Name": "carol" },
        answer: { result: "unknown-session", errorCause: 503 },
      },
    ],
  },
  {
    title: "a CoA that names no session is refused",
    steps: [
      {
        event: "coa",
        attributes: {},
        li: li("on"),
        answer: { result: "rejected", errorCause: 402, detail: "Acct-Session-Id" },
      },
    ],
  },
  {
    title: "a CoA whose identifications disagree finds nothing",
    steps: [
      start(BOB),
      {
        event: "coa",
        attributes: { "Acct-Session-Id": "1048578", "User-Name": "alice" },
        li: li("on"),
        answer: { result: "unknown-session" },
        mirrored: [],
      },
    ],
  },
  {
    title: "sessions of another NAS are not meant",
    steps: [
      start(BOB),
      {
        event: "coa",
        nas: "bng2",
        attributes: { "User-Name": "bob" },
        li: li("on"),
        answer: { result: "unknown-session" },
        mirrored: [],
      },
    ],
  },
  ...(["Framed-IP-Address", "Calling-Station-Id", "NAS-Port-Id"] as const).map((name): Case => {
    const value = ALICE_UP[name];
    return {
      title: `a CoA may name the session by ${name}`,
      steps: [
        start(ALICE_UP),
        start(BOB),
        {
          event: "coa",
          attributes: { [name]: value },
          li: li("on"),
          answer: { result: "applied" },
          mirrored: [MIRRORED_ALICE],
        },
      ],
    };
  }),
  {
    title: "a CoA that names several sessions applies to each, and so does its stop",
    steps: [
      start(BOB),
      start({ "User-Name": "bob", "Acct-Session-Id": "77", "Framed-IP-Address": "100.64.0.9" }),
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: [MIRRORED_BOB, "100.64.0.9/32 > 198.51.100.9:30030 300/90"],
      },
      { event: "coa", attributes: { "User-Name": "bob" }, li: li("off"), answer: { result: "stopped" }, mirrored: [] },
    ],
  },
  {
    title: "a stop for several sessions stops those that are mirrored",
    steps: [
      start(BOB),
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: [MIRRORED_BOB],
      },
      start({ "User-Name": "bob", "Acct-Session-Id": "77", "Framed-IP-Address": "100.64.0.9" }),
      {
        event: "coa",
        attributes: { "User-Name": "bob" },
        li: li("off"),
        answer: { result: "stopped" },
        mirrored: [],
      },
    ],
  },
  {
    title: "a name that too many sessions share names none",
    steps: [
      ...sharedName(MAX_TARGETS + 1),
      {
        event: "coa",
        attributes: { "User-Name": "dhcp" },
        li: li("on"),
        answer: { result: "rejected", errorCause: 404, detail: `more than ${MAX_TARGETS} sessions` },
        mirrored: [],
      },
      {
        event: "disconnect",
        attributes: { "User-Name": "dhcp" },
        answer: { result: "rejected", errorCause: 404 },
        mirrored: [],
      },
    ],
  },
  {
    title: "as many sessions as may share a name are all meant by it",
    steps: [
      ...sharedName(MAX_TARGETS),
      {
        event: "coa",
        attributes: { "User-Name": "dhcp" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: Array.from(
          { length: MAX_TARGETS },
          (_, i) => `100.64.1.${i}/32 > 198.51.100.9:30030 300/90`,
        ).toSorted(),
      },
    ],
  },
  {
    title: "a decoy looks like a CoA: unknown sessions are told",
    steps: [
      start(BOB),
      { event: "coa", attributes: { "User-Name": "bob" }, li: li("noop"), answer: { result: "noop" }, mirrored: [] },
      { event: "coa", attributes: { "User-Name": "carol" }, li: li("noop"), answer: { result: "unknown-session" } },
    ],
  },
  {
    title: "a CoA reaches a session that only its Accept has told of",
    steps: [
      { event: "access-accept", attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 } },
      {
        event: "coa",
        attributes: { "User-Name": "alice" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: [MIRRORED_ALICE],
      },
      { ...start(ALICE_UP), mirrored: [MIRRORED_ALICE] },
      {
        event: "coa",
        attributes: { "Acct-Session-Id": "1048577" },
        li: li("off"),
        answer: { result: "stopped" },
        mirrored: [],
      },
    ],
  },
];

const ENDS: readonly Case[] = [
  {
    title: "a Stop ends the mirroring",
    steps: [...bobIsMirrored, { event: "accounting-stop", attributes: { "Acct-Session-Id": "1048578" }, mirrored: [] }],
  },
  {
    title: "a Stop whose Start got lost ends the login",
    steps: [
      {
        event: "access-accept",
        attributes: { ...ALICE, "Framed-IP-Address": ALICE_4 },
        li: li("on"),
        answer: { result: "applied" },
      },
      { event: "accounting-stop", attributes: ALICE_UP, mirrored: [] },
    ],
  },
  ...(["accounting-on", "accounting-off"] as const).map(
    (event): Case => ({
      title: `${event} ends every session of the NAS, and no other`,
      steps: [
        ...bobIsMirrored,
        { ...start({ ...ALICE_UP, "Framed-IP-Address": ALICE_4 }), nas: "bng2" },
        {
          event: "coa",
          nas: "bng2",
          attributes: { "User-Name": "alice" },
          li: li("on"),
          answer: { result: "applied" },
        },
        { event, attributes: {}, mirrored: [MIRRORED_ALICE] },
      ],
    }),
  ),
  {
    title: "a Disconnect ends the session",
    steps: [
      ...bobIsMirrored,
      { event: "disconnect", attributes: { "User-Name": "bob" }, answer: { result: "stopped" }, mirrored: [] },
    ],
  },
  {
    title: "a session id that the NAS uses again is another session",
    steps: [
      ...bobIsMirrored,
      {
        ...start({ "User-Name": "carol", "Acct-Session-Id": "1048578", "Framed-IP-Address": "100.64.0.8" }),
        mirrored: [],
      },
    ],
  },
];

const ADDRESSES: readonly Case[] = [
  {
    title: "an address that another subscriber is given is no longer mirrored",
    steps: [
      ...bobIsMirrored,
      { ...start({ "User-Name": "carol", "Acct-Session-Id": "9", "Framed-IP-Address": "100.64.0.8" }), mirrored: [] },
      {
        event: "accounting-interim",
        attributes: BOB,
        mirrored: [],
      },
      {
        ...start({ ...BOB, "Framed-IP-Address": "100.64.0.20" }),
        mirrored: ["100.64.0.20/32 > 198.51.100.9:30030 300/90"],
      },
    ],
  },
  {
    title: "a netmask is the subscriber's subnet only where the address is the network's",
    steps: [
      start({ ...BOB, "Framed-IP-Address": "203.0.113.8", "Framed-IP-Netmask": "255.255.255.248" }),
      {
        event: "coa",
        attributes: { "Acct-Session-Id": "1048578" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: ["203.0.113.8/29 > 198.51.100.9:30030 300/90"],
      },
      {
        ...start({ ...BOB, "Framed-IP-Address": "203.0.113.9", "Framed-IP-Netmask": "255.255.255.0" }),
        mirrored: ["203.0.113.9/32 > 198.51.100.9:30030 300/90"],
      },
    ],
  },
  {
    title: "networks behind the subscriber are mirrored too",
    steps: [
      start({
        ...BOB,
        "Framed-Route": [
          "203.0.113.0/24 100.64.0.8 1",
          "198.51.100.0 0.0.0.0 1",
          "192.0.2.128 255.255.255.192 0.0.0.0",
        ],
        "Framed-IPv6-Route": "2001:db8:7::/48 2001:db8:1::2 1",
        "Framed-IPv6-Address": "2001:db8:2::5",
      }),
      {
        event: "coa",
        attributes: { "Acct-Session-Id": "1048578", "Framed-Route": "192.0.2.0/30" },
        li: li("on"),
        answer: { result: "applied" },
        mirrored: [
          "100.64.0.8/32 192.0.2.128/26 198.51.100.0/24 2001:db8:2::5/128 2001:db8:7::/48 203.0.113.0/24 > 198.51.100.9:30030 300/90",
        ],
      },
    ],
  },
  {
    title: "an address that the NAS or the user chooses is none yet",
    steps: [
      {
        event: "access-accept",
        attributes: { ...ALICE, "Framed-IP-Address": "255.255.255.254" },
        li: li("on"),
        answer: { result: "applied", detail: "as soon as" },
        mirrored: [],
      },
      { ...start(ALICE_UP), mirrored: [MIRRORED_ALICE] },
    ],
  },
  ...(
    [
      ["Framed-IP-Address", "100.64.0.7/32"],
      ["Framed-IP-Address", "edge.example.net"],
      ["Framed-IPv6-Prefix", "2001:db8:1::1/64"],
      ["Framed-IPv6-Prefix", "2001:db8:1::"],
      ["Framed-IPv6-Prefix", "::/0"],
      ["Delegated-IPv6-Prefix", "192.0.2.0/24"],
      ["Framed-IPv6-Address", "2001:db8::1%eth0"],
      ["Framed-Route", "203.0.113.9/24 100.64.0.7 1"],
      ["Framed-Route", "10.1.1.0 100.64.0.7"],
      ["Framed-Route", "0.0.0.0/0 100.64.0.7"],
      ["Framed-Route", "the usual"],
      ["Framed-IPv6-Route", "2001:db8:7::1/48 2001:db8:1::2 1"],
      ["Framed-IPv6-Route", "203.0.113.0/24"],
    ] as const
  ).map(
    ([name, value]): Case => ({
      title: `${name} ${value} is refused, naming the field, and changes nothing`,
      steps: [
        ...bobIsMirrored,
        {
          event: "accounting-interim",
          attributes: { "Acct-Session-Id": "1048578", [name]: value },
          answer: { result: "rejected", errorCause: 404, detail: name },
          mirrored: [MIRRORED_BOB],
        },
      ],
    }),
  ),
];

for (const { title, steps } of [...AT_LOGIN, ...IN_SESSION, ...ENDS, ...ADDRESSES]) {
  test(title, () => {
    const scenario = new Scenario();
    for (const [index, step] of steps.entries()) {
      const { outcome } = scenario.play(step);
      const where = `step ${index + 1}, ${step.event}`;
      const { detail, ...rest } = step.answer ?? {};
      assert.deepEqual(
        outcome && { result: outcome.result, ...("errorCause" in rest && { errorCause: outcome.errorCause }) },
        step.answer && rest,
        `${where}: ${outcome?.detail}`,
      );
      if (detail !== undefined) assert.ok(outcome?.detail?.includes(detail), `${where}: ${outcome?.detail}`);
      if (step.mirrored !== undefined) assert.deepEqual(scenario.mirrored(), [...step.mirrored].toSorted(), where);
    }
  });
}
