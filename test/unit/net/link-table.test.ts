import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { LinkTable } from "../../../src/net/link-monitor.js";
import type { NetworkLink } from "../../../src/net/netlink/link.js";

function link(ifindex: number, name: string, more: Partial<NetworkLink> = {}): NetworkLink {
  return { ifindex, name, hasLinkLayer: true, mtu: 1500, up: true, ...more };
}

function tableWithLog() {
  const log: string[] = [];
  const table = new LinkTable({
    changed: ({ ifindex, name }, before) => log.push(`${ifindex} ${before ? `${before.name} -> ` : ""}${name}`),
    gone: ({ ifindex, name }) => log.push(`${ifindex} ${name} gone`),
  });
  return { table, log };
}

describe("the table of interfaces", () => {
  test("tells of each change once", () => {
    const { table, log } = tableWithLog();
    table.apply({ change: "new", link: link(3, "acc0") });
    table.apply({ change: "new", link: link(3, "acc0") });
    table.apply({ change: "new", link: link(3, "acc0", { mtu: 1400 }) });
    table.apply({ change: "gone", link: link(3, "acc0") });
    table.apply({ change: "gone", link: link(3, "acc0") });
    assert.deepEqual(log, ["3 acc0", "3 acc0 -> acc0", "3 acc0 gone"]);
  });

  test("hands on what the kernel says without a change: offloads may have changed", () => {
    const told: string[] = [];
    const table = new LinkTable({ changed() {}, gone() {}, told: ({ name }) => told.push(name) });
    table.apply({ change: "new", link: link(3, "acc0") });
    assert.deepEqual(told, []);
    table.apply({ change: "new", link: link(3, "acc0") });
    assert.deepEqual(told, ["acc0"]);
  });

  test("an interface that comes again under its name has another index", () => {
    const { table, log } = tableWithLog();
    table.apply({ change: "new", link: link(3, "acc0") });
    table.apply({ change: "gone", link: link(3, "acc0") });
    table.apply({ change: "new", link: link(4, "acc0") });
    assert.equal(table.byName("acc0")?.ifindex, 4);
    assert.deepEqual(log, ["3 acc0", "3 acc0 gone", "4 acc0"]);
  });

  test("a name that another interface took is not lost with its former owner", () => {
    const { table } = tableWithLog();
    table.apply({ change: "new", link: link(3, "acc0") });
    table.apply({ change: "new", link: link(4, "acc0") });
    table.apply({ change: "new", link: link(3, "old0") });
    assert.equal(table.byName("acc0")?.ifindex, 4);
    assert.equal(table.byName("old0")?.ifindex, 3);
  });

  test("a whole list removes what is not in it before it adds", () => {
    const { table, log } = tableWithLog();
    table.replace([link(3, "acc0"), link(4, "acc1")]);
    table.replace([link(4, "acc1"), link(5, "acc0")]);
    assert.deepEqual(log, ["3 acc0", "4 acc1", "3 acc0 gone", "5 acc0"]);
  });

  test("after a whole list it is that list, whatever was before", () => {
    const links = fc
      .uniqueArray(fc.nat(8), { selector: (ifindex) => ifindex })
      .chain((indexes) =>
        fc
          .shuffledSubarray("abcdefghi".split(""), { minLength: indexes.length })
          .map((names) => indexes.map((ifindex, at) => link(ifindex, names[at] ?? ""))),
      );
    fc.assert(
      fc.property(fc.array(links, { maxLength: 6 }), links, (before, last) => {
        const { table } = tableWithLog();
        for (const list of before) table.replace(list);
        table.replace(last);
        const byIndex = (a: NetworkLink, b: NetworkLink) => a.ifindex - b.ifindex;
        assert.deepEqual([...table.all()].toSorted(byIndex), last.toSorted(byIndex));
        for (const { name, ifindex } of last) assert.equal(table.byName(name)?.ifindex, ifindex);
      }),
    );
  });
});
