import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { BpfError, BpfUsageError, ClsactFilter, Link, queryTcx, removeClsact } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { NetNs } from "./helpers/netns.js";
import { loadMaps, u32, u64 } from "./helpers/objects.js";

failOnLeaks();

const object = loadMaps();
const ns = new NetNs();
after(() => object.close());
const ifindex = ns.addVeth("left", "right");
const peer = ns.ifindex("right");
const count = object.program("count");
const report = object.program("report");
const write = object.program("write_everything");
const NO_INTERFACE = 0x7fff_fff0;

/** Packets that `count` saw since it was last asked. */
function counted(): bigint {
  const map = object.map("numbers");
  const value = map.lookup(u32(0)) ?? Buffer.alloc(8);
  map.update(u32(0), u64(0n));
  return value.readBigUInt64LE(0);
}

const chain = (): number[] => queryTcx(ifindex, "egress").entries.map(({ progId }) => progId);
const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof BpfError && error.code === wanted;

describe("tcx", () => {
  const egress = { ifindex, direction: "egress" } as const;

  it("runs programs in the order asked for", () => {
    ns.do(() => {
      using middle = count.attachTcx(egress);
      using last = report.attachTcx({ ...egress, place: "last" });
      using first = write.attachTcx({ ...egress, place: "first" });
      assert.deepEqual(chain(), [write.id, count.id, report.id]);
      const linkIds = queryTcx(ifindex, "egress").entries.map(({ linkId }) => linkId);
      assert.deepEqual(linkIds, [first.id, middle.id, last.id]);
      assert.deepEqual(queryTcx(ifindex, "ingress").entries, []);
    });
    ns.do(() => assert.deepEqual(chain(), [], "closing a link that is not pinned detaches"));
  });

  it("puts programs before and after links and programs", () => {
    ns.do(() => {
      using anchor = count.attachTcx(egress);
      for (const [place, order] of [
        [{ before: anchor }, [report.id, count.id]],
        [{ after: anchor }, [count.id, report.id]],
        [{ before: count.id }, [report.id, count.id]],
        [{ after: { progId: count.id } }, [count.id, report.id]],
        [{ before: { linkId: anchor.id } }, [report.id, count.id]],
      ] as const) {
        using _second = report.attachTcx({ ...egress, place });
        assert.deepEqual(chain(), order, JSON.stringify(Object.keys(place)));
      }
      assert.throws(() => report.attachTcx({ ...egress, place: { after: write.id } }), code("ENOENT"));
      assert.throws(() => count.attachTcx({ ...egress, place: "first" }), code("EEXIST"));
    });
  });

  it("sees packets, and the program of a live link is replaced", () => {
    ns.do(() => {
      using link = count.attachTcx(egress);
      assert.deepEqual(link.info(), { id: link.id, progId: count.id, attachType: "tcx-egress", ifindex });
      counted();
      ns.send("left", "192.0.2.9");
      assert.equal(counted(), 1n);
      link.update(report, { expectedOld: count });
      assert.equal(link.info().progId, report.id);
      ns.send("left", "192.0.2.9");
      assert.equal(counted(), 0n);
      assert.throws(
        () => link.update(write, { expectedOld: count }),
        (error) => code("EPERM")(error) && /another program than the expected one/.test((error as Error).message),
      );
      link.update(count);
      link.detach();
      assert.deepEqual(chain(), []);
      assert.throws(() => link.update(report), /is closed/);
    });
  });

  it("counts the changes of the chain, and takes an expected revision", () => {
    ns.do(() => {
      const { revision } = queryTcx(ifindex, "ingress");
      using _link = count.attachTcx({ ifindex, direction: "ingress", expectedRevision: revision });
      assert.equal(queryTcx(ifindex, "ingress").revision, revision + 1n);
      assert.throws(
        () => report.attachTcx({ ifindex, direction: "ingress", expectedRevision: revision }),
        (error) => code("ESTALE")(error) && /query it again/.test((error as Error).message),
      );
    });
  });

  it("names the interface that is not there", () => {
    ns.do(() => {
      assert.throws(
        () => count.attachTcx({ ifindex: NO_INTERFACE, direction: "egress" }),
        (error) => code("ENODEV")(error) && /no interface with this index/.test((error as Error).message),
      );
      assert.throws(() => count.attachTcx({ ifindex: 0, direction: "egress" }), BpfUsageError);
      assert.throws(() => count.attachTcx({ ifindex, direction: "both" as "egress" }), BpfUsageError);
    });
  });

  it("opens a link by its id", () => {
    ns.do(() => {
      using link = count.attachTcx(egress);
      using again = Link.openById(link.id);
      assert.equal(again.info().progId, count.id);
    });
  });

  it("tells that the interface of a link is gone", () => {
    ns.do(() => {
      const other = ns.addVeth("gone", "gone-peer");
      using link = count.attachTcx({ ifindex: other, direction: "ingress" });
      ns.run("ip", "link", "delete", "gone");
      assert.equal(link.info().ifindex, 0);
      assert.throws(() => link.update(report), code("ENOLINK"));
      link.detach();
    });
  });
});

describe("XDP", () => {
  const drop = object.program("drop");
  const shorten = object.program("shorten");

  for (const mode of ["native", "generic"] as const) {
    it(`attaches in mode ${mode} and replaces the program`, () => {
      ns.do(() => {
        using link = drop.attachXdp({ ifindex: peer, mode });
        assert.deepEqual(link.info(), { id: link.id, progId: drop.id, attachType: "xdp", ifindex: peer });
        const shown = ns.run("ip", "-json", "link", "show", "right");
        assert.match(shown, mode === "native" ? /"mode":1/ : /"mode":2/);
        link.update(shorten);
        assert.equal(link.info().progId, shorten.id);
        assert.throws(() => shorten.attachXdp({ ifindex: peer, mode }), code("EBUSY"));
        link.detach();
      });
      assert.ok(!ns.run("ip", "-json", "link", "show", "right").includes('"xdp"'));
    });
  }

  it("says that the card has no offload", () => {
    ns.do(() => {
      assert.throws(() => drop.attachXdp({ ifindex: peer, mode: "offload" }), BpfError);
      assert.throws(() => drop.attachXdp({ ifindex: peer, mode: "fast" as "native" }), BpfUsageError);
    });
  });
});

describe("clsact", () => {
  const place = { ifindex, direction: "egress", priority: 10, handle: 1 } as const;

  it("adds, replaces and removes filters", () => {
    ns.do(() => {
      const filter = count.attachClsact(place);
      assert.deepEqual(filter.place, place);
      assert.equal(filter.progId(), count.id);
      counted();
      ns.send("left", "192.0.2.9");
      assert.equal(counted(), 1n);
      filter.update(report);
      assert.equal(filter.progId(), report.id);
      filter.close();
      const again = new ClsactFilter(place);
      assert.equal(again.progId(), report.id, "a filter outlives what made it");
      again.detach();
      again.detach();
      assert.equal(again.progId(), undefined);
    });
  });

  it("takes a place of the kernel's where none is given, several side by side", () => {
    ns.do(() => {
      const first = count.attachClsact({ ifindex, direction: "ingress" });
      const second = report.attachClsact({ ifindex, direction: "ingress" });
      assert.ok(first.place.priority > 0 && first.place.handle > 0);
      assert.notDeepEqual(first.place, second.place);
      first.detach();
      assert.equal(second.progId(), report.id);
      assert.equal(removeClsact(ifindex), true);
      assert.equal(second.progId(), undefined);
      assert.equal(removeClsact(ifindex), false);
    });
  });

  it("refuses a place that is taken, and says what the kernel said", () => {
    ns.do(() => {
      const filter = count.attachClsact(place);
      assert.throws(() => report.attachClsact(place), code("EEXIST"));
      filter.detach();
      assert.throws(() => count.attachClsact({ ...place, ifindex: NO_INTERFACE }), code("ENODEV"));
      assert.throws(() => count.attachClsact({ ...place, priority: 70_000 }), BpfUsageError);
    });
  });
});
