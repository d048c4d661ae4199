/** Property: after any sequence of starting, changing and stopping intercepts, the kernel matches as a naive list would. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import type { InterceptSpec, SubscriberMatch } from "../../src/intercepts/types.js";
import { intercept } from "./intercepts.js";
import { ethernet, ipv4, ipv6, REMOTE4, REMOTE6 } from "./packets.js";
import { type AccessInterface, Rig } from "./rig.js";
import { udp } from "./transport.js";

const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 150);
const SEED = process.env["SEED"] === undefined ? {} : { seed: Number(process.env["SEED"]) };

/** Prefixes that overlap in many ways, and addresses on both sides of their edges. */
const PREFIXES4 = ["0.0.0.0/0", "100.64.0.0/10", "100.64.0.0/24", "100.64.0.0/25", "100.64.0.128/25", "100.64.0.0/29"];
const HOSTS4 = ["100.64.0.7", "100.64.0.8", "100.64.0.128", "203.0.113.5"];
const PREFIXES6 = ["::/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::/56", "2001:db8:1::/63", "2001:db8:1::/64"];
const HOSTS6 = ["2001:db8:1::7", "2001:db8:1:1::7", "2001:db8:1:100::7", "2001:db8:2::7"];

const match: fc.Arbitrary<SubscriberMatch> = fc.oneof(
  fc
    .constantFrom(...PREFIXES4, ...HOSTS4.map((host) => `${host}/32`))
    .map((prefix) => ({ kind: "ipv4" as const, prefix })),
  fc
    .constantFrom(...PREFIXES6, ...HOSTS6.map((host) => `${host}/128`))
    .map((prefix) => ({ kind: "ipv6" as const, prefix })),
  fc.constantFrom("acc0", "acc1").map((name) => ({ kind: "interface" as const, name })),
  fc.constantFrom(100, 200).map((svlan) => ({ kind: "vlan" as const, svlan })),
  fc.constant({ kind: "vlan" as const, svlan: 100, cvlan: 7 }),
);

/** At most eight at a time: more on one packet is another test's. */
const KEYS = Array.from({ length: 8 }, (_, index) => `key-${index}`);

type Step = { readonly act: "put"; readonly spec: InterceptSpec } | { readonly act: "remove"; readonly key: string };

const put: fc.Arbitrary<Step> = fc
  .record({
    number: fc.integer({ min: 0, max: 7 }),
    matches: fc.array(match, { minLength: 1, maxLength: 4 }),
    direction: fc.constantFrom("both", "from", "to"),
    red: fc.boolean(),
  })
  .map(({ number, matches, direction, red }) => ({
    act: "put",
    spec: intercept({
      key: KEYS[number] as string,
      matches,
      direction,
      header: { format: "junos", interceptId: number, sessionId: 1 },
      ...(red ? { zone: "red" } : {}),
    }),
  }));
const step = fc.oneof(
  { weight: 3, arbitrary: put },
  { weight: 1, arbitrary: fc.constantFrom(...KEYS).map((key): Step => ({ act: "remove", key })) },
);

interface Seen {
  readonly on: AccessInterface;
  readonly direction: "from" | "to";
  readonly host: string;
  readonly tags: readonly number[];
}

const seen: fc.Arbitrary<Seen> = fc.record({
  on: fc.constantFrom("acc0" as const, "acc1" as const),
  direction: fc.constantFrom("from" as const, "to" as const),
  host: fc.constantFrom(...HOSTS4, ...HOSTS6),
  tags: fc.constantFrom([], [100], [200], [100, 7], [200, 7]),
});

function holds(prefix: string, host: string): boolean {
  const [network, length] = ipaddr.parseCIDR(prefix);
  const address = ipaddr.parse(host);
  return address.kind() === network.kind() && address.match([network, length] as never);
}

function matches(spec: InterceptSpec, { on, direction, host, tags }: Seen): boolean {
  if (spec.direction !== "both" && spec.direction !== direction) return false;
  const inZone = (spec.zone === "red") === (on === "acc1");
  return spec.matches.some((one) => {
    switch (one.kind) {
      case "ipv4":
      case "ipv6":
        return inZone && holds(one.prefix, host);
      case "interface":
        return one.name === on;
      case "vlan":
        return inZone && one.svlan === tags[0] && (one.cvlan === undefined || one.cvlan === tags[1]);
      case "pppoe":
        return false;
    }
  });
}

function frameOf({ direction, host, tags }: Seen): Buffer {
  const isIpv4 = !host.includes(":");
  const remote = isIpv4 ? REMOTE4 : REMOTE6;
  const ends = direction === "from" ? { source: host, destination: remote } : { source: remote, destination: host };
  const packet = isIpv4 ? ipv4(ends, udp()) : ipv6(ends, udp());
  return ethernet(packet, { tags: tags.map((id) => ({ id })) });
}

/** Intercept ids of the copies that left. */
function copies(rig: Rig, packet: Seen, count: number): number[] {
  rig.run(packet.direction === "from" ? "access_ingress" : "access_egress", frameOf(packet), {}, packet.on);
  return rig.med0.expect(count).map((frame) => frame.readUInt32BE(14 + 20 + 8));
}

describe("matching", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  test(`as a naive list would, ${RUNS} times`, () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20 }),
        fc.array(seen, { minLength: 1, maxLength: 8 }),
        (steps, packets) => {
          rig.clear();
          const running = new Map<string, InterceptSpec>();
          for (const one of steps) {
            if (one.act === "put") {
              rig.datapath.put(one.spec);
              running.set(one.spec.key, one.spec);
            } else {
              assert.equal(rig.datapath.remove(one.key), running.delete(one.key));
            }
          }
          for (const packet of packets) {
            const wanted = [...running.values()].filter((spec) => matches(spec, packet));
            const ids = wanted.map(({ header }) => header.interceptId).toSorted((a, b) => a - b);
            assert.deepEqual(
              copies(rig, packet, ids.length).toSorted((a, b) => a - b),
              ids,
            );
          }
        },
      ),
      { numRuns: RUNS, ...SEED },
    );
  });

  test("of many hosts each is found, and none that is gone or in another zone", () => {
    rig.clear();
    const hosts = Array.from({ length: 120 }, (_, number) => {
      const word = Math.imul(number + 1, 0x9e3779b1) >>> 0;
      const hex = word.toString(16).padStart(8, "0");
      const ipv6Host = `2001:db8:${hex.slice(0, 4)}:${hex.slice(4, 6)}00::`;
      const [prefix, host] = [
        [`100.${64 + (word & 63)}.${(word >>> 8) & 255}.${(word >>> 16) & 255}/32`, ""],
        [`${ipv6Host}/56`, `${ipv6Host}7`],
        [`${ipv6Host}/64`, `${ipv6Host}8`],
        [`${ipv6Host}9/128`, `${ipv6Host}9`],
      ][number % 4] as [string, string];
      return { prefix, host: host || prefix.slice(0, -3), red: number % 3 === 0 };
    });
    const kind = (prefix: string) => (prefix.includes(":") ? ("ipv6" as const) : ("ipv4" as const));
    const specs = [false, true].map((red) =>
      intercept({
        key: `${red}`,
        matches: hosts.filter((one) => one.red === red).map(({ prefix }) => ({ kind: kind(prefix), prefix })),
        ...(red ? { zone: "red" } : {}),
      }),
    );
    rig.install(specs);
    const mirrored = ({ host, red }: (typeof hosts)[number]): number[] =>
      [red, !red].map((inRed) => {
        const changes = rig.changes(() =>
          rig.run(
            "access_ingress",
            frameOf({ on: "acc0", direction: "from", host, tags: [] }),
            {},
            inRed ? "acc1" : "acc0",
          ),
        );
        return changes["from.packets"] ?? 0;
      });
    for (const one of hosts) assert.deepEqual(mirrored(one), [1, 0], one.prefix);
    rig.datapath.remove("true");
    for (const one of hosts) assert.deepEqual(mirrored(one), [one.red ? 0 : 1, 0], one.prefix);
  });
});
