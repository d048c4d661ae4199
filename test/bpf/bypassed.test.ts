/**
 * What docs/xdp-forward.md says that originals go past: the kernel keeps another subscriber's packets here, and forwards
 * those that XDP takes.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { numbered } from "./intercepts.js";
import { ip, sysctl } from "./network.js";
import { ethernet, ipv4, REMOTE4 } from "./packets.js";
import { Rig } from "./rig.js";
import { pattern, udp } from "./transport.js";

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args);
}

interface Obstacle {
  readonly what: string;
  readonly into?: "acc0" | "acc1";
  readonly put: () => void;
  readonly remove: () => void;
}

const OBSTACLES: readonly Obstacle[] = [
  {
    what: "a netfilter rule that drops what is forwarded",
    put: () => {
      run("nft", "add", "table", "ip", "test");
      run("nft", "add", "chain", "ip", "test", "forward", "{ type filter hook forward priority 0; policy drop; }");
    },
    remove: () => run("nft", "delete", "table", "ip", "test"),
  },
  {
    what: "an IPsec policy that blocks",
    put: () => ip("xfrm", "policy", "add", "dir", "out", "dst", `${REMOTE4}/32`, "action", "block"),
    remove: () => ip("xfrm", "policy", "flush"),
  },
  {
    what: "a queueing discipline that drops",
    put: () =>
      run("tc", "qdisc", "replace", "dev", "core0", "root", "tbf", "rate", "8bit", "burst", "10", "limit", "10"),
    remove: () => run("tc", "qdisc", "del", "dev", "core0", "root"),
  },
  {
    what: "the reverse path filter",
    into: "acc1",
    put: () => sysctl("ipv4/conf/acc1/rp_filter", "1"),
    remove: () => sysctl("ipv4/conf/acc1/rp_filter", "0"),
  },
];

describe("what xdp_forward goes past", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ mode: "xdp-forward", zones: {} });
    sysctl("ipv4/conf/acc1/rp_filter", "0");
  });
  after(() => rig[Symbol.dispose]());

  for (const { what, into = "acc0", put, remove } of OBSTACLES)
    test(what, () => {
      rig.clear();
      rig.install([numbered(1)]);
      // The interface that it is sent to.
      const destination = into === "acc0" ? "02:00:5e:10:00:01" : "02:00:5e:10:00:02";
      const send = (source: string): void =>
        rig[into].write(ethernet(ipv4({ source }, udp({}, pattern(100))), { destination }));
      const forwarded = (): string[] => rig.core0.drain().map((frame) => frame.subarray(26, 30).join("."));
      put();
      try {
        send("100.64.0.8");
        send("100.64.0.7");
        assert.equal(rig.med0.expect(1).length, 1);
        assert.deepEqual(forwarded(), ["100.64.0.7"]);
      } finally {
        remove();
      }
      rig.clear();
      send("100.64.0.8");
      assert.equal(rig.core0.expect(1).length, 1, "without it, the kernel forwards the other's");
    });
});
