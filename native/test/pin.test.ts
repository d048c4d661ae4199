import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { BpfError, BpfMap, BpfObject, BpfProgram, isBpffs, Link, queryTcx } from "../src/index.js";
import { BpfFs } from "./helpers/bpffs.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { NetNs } from "./helpers/netns.js";
import { FRAME, loadMaps, objectPath, u32, u64 } from "./helpers/objects.js";

failOnLeaks();

const fs = new BpfFs();
const ns = new NetNs();
const ifindex = ns.addVeth("left", "right");

describe("pins", () => {
  it("keep a map beyond its object", () => {
    const path = fs.join("numbers");
    {
      using object = loadMaps();
      object.map("numbers").update(u32(2), u64(22n));
      object.map("numbers").pin(path);
    }
    using map = BpfMap.openPinned(path);
    assert.deepEqual(map.lookup(u32(2)), u64(22n));
    assert.equal(map.unpin(path), true);
    assert.equal(map.unpin(path), false);
  });

  it("keep a program beyond its object", () => {
    const path = fs.join("drop");
    {
      using object = loadMaps();
      object.program("drop").pin(path);
    }
    using program = BpfProgram.openPinned(path);
    assert.equal(program.name, "drop");
    assert.equal(program.testRun({ data: FRAME }).retval, 1);
    program.unpin(path);
  });

  it("keep a link, with its program, beyond the process's descriptors", () => {
    const path = fs.join("link");
    ns.do(() => {
      {
        using object = loadMaps();
        using link = object.program("count").attachTcx({ ifindex, direction: "ingress" });
        link.pin(path);
        assert.equal(link.pinPath, path);
      }
      assert.equal(queryTcx(ifindex, "ingress").entries.length, 1);
      using object = loadMaps();
      const link = Link.openPinned(path);
      assert.equal(link.info().attachType, "tcx-ingress");
      link.update(object.program("report"));
      assert.equal(queryTcx(ifindex, "ingress").entries[0]?.progId, object.program("report").id);
      link.detach();
      assert.deepEqual(queryTcx(ifindex, "ingress").entries, []);
      assert.equal(existsSync(path), false, "detaching removes the pin");
    });
  });

  it("give a link up with the last descriptor once the name is removed", () => {
    const path = fs.join("short-lived");
    ns.do(() => {
      using object = loadMaps();
      const link = object.program("count").attachTcx({ ifindex, direction: "ingress" });
      link.pin(path);
      assert.equal(link.unpin(), true);
      assert.equal(link.unpin(), false);
      assert.equal(queryTcx(ifindex, "ingress").entries.length, 1);
      link.close();
      assert.deepEqual(queryTcx(ifindex, "ingress").entries, []);
    });
  });

  it("share a map between two loads of an object", () => {
    const path = fs.join("shared");
    using first = BpfObject.open(objectPath("maps")).setPinPath("numbers", path).load();
    first.program("count").testRun({ data: FRAME });
    using second = BpfObject.open(objectPath("maps")).setPinPath("numbers", path).load();
    assert.equal(second.map("numbers").id, first.map("numbers").id);
    assert.deepEqual(second.map("numbers").lookup(u32(0)), u64(1n));
    second.map("numbers").unpin(path);
  });

  it("of another map make the load fail", () => {
    const path = fs.join("other");
    using map = BpfMap.create({ name: "other", type: "hash", keySize: 4, valueSize: 4, maxEntries: 1 });
    map.pin(path);
    const spec = BpfObject.open(objectPath("maps")).setPinPath("numbers", path);
    assert.throws(
      () => spec.load(),
      (error) => error instanceof BpfError && error.message.includes("parameter mismatch"),
    );
    map.unpin(path);
  });
});

describe("errors of pins", () => {
  it("say what is pinned in place of what was expected", () => {
    const path = fs.join("kind");
    using object = loadMaps();
    object.map("numbers").pin(path);
    assert.throws(() => BpfProgram.openPinned(path), /kind is a pinned map, not a program/);
    assert.throws(() => Link.openPinned(path), /kind is a pinned map, not a link/);
    assert.throws(() => object.map("sessions").pin(path), /something is pinned there.*|EEXIST/);
    object.map("numbers").unpin(path);
  });

  it("say that nothing is pinned there", () => {
    assert.throws(() => BpfMap.openPinned(fs.join("nothing")), /nothing is pinned there$/);
  });

  it("say what to mount where there is no BPF file system", () => {
    const folder = mkdtempSync(join(tmpdir(), "libbpf-ts-"));
    using object = loadMaps();
    for (const path of [join(folder, "x"), join(folder, "missing", "x")]) {
      assert.throws(() => object.map("numbers").pin(path), /not in a BPF file system.*mount -t bpf bpf \/sys\/fs\/bpf/);
      assert.throws(() => BpfMap.openPinned(path), /mount -t bpf bpf \/sys\/fs\/bpf/);
    }
    assert.throws(() => object.map("numbers").unpin(join(folder, "x")), /is not in a BPF file system/);
    assert.equal(isBpffs(folder), false);
    assert.equal(isBpffs(fs.path), true);
    assert.equal(isBpffs("/nonexistent"), false);
    rmSync(folder, { recursive: true });
  });
});
