import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BpfError, BpfObject, BpfUsageError, VerifierError } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { FRAME, loadMaps, objectPath, u32, u64 } from "./helpers/objects.js";

failOnLeaks();

describe("an object file", () => {
  it("tells what is in it before anything is in the kernel", () => {
    using spec = BpfObject.open(objectPath("maps"));
    const sessions = spec.maps.find(({ name }) => name === "sessions");
    assert.deepEqual(sessions, { name: "sessions", type: "hash", keySize: 8, valueSize: 160, maxEntries: 64 });
    assert.deepEqual(
      spec.programs.map(({ name, section, type }) => [name, section, type]),
      [
        ["write_everything", "tc", "sched_cls"],
        ["count", "tc", "sched_cls"],
        ["report", "tc", "sched_cls"],
        ["shorten", "xdp", "xdp"],
        ["drop", "xdp", "xdp"],
      ],
    );
  });

  it("loads maps and programs, which outlive the specification", () => {
    const spec = BpfObject.open(objectPath("maps"));
    using object = spec.load();
    assert.equal(object.map("prefixes").type, "lpm_trie");
    assert.equal(object.program("write_everything").type, "sched_cls");
    assert.ok(object.program("count").id > 0);
    assert.equal(object.program("shorten").section, "xdp");
    assert.throws(() => spec.load(), /maps\.bpf\.o is closed or was loaded already/);
  });

  it("takes another size for a map", () => {
    using object = BpfObject.open(objectPath("maps")).setMaxEntries("sessions", 1000).load();
    assert.equal(object.map("sessions").maxEntries, 1000);
  });

  it("takes values for global variables, whole structures too", () => {
    const key = Buffer.concat([u32(42), Buffer.alloc(4)]);
    using object = BpfObject.open(objectPath("maps")).setGlobal("step", u32(5)).setGlobal("fixed_key", key).load();
    object.program("count").testRun({ data: FRAME, repeat: 3 });
    assert.deepEqual(object.map("numbers").lookup(u32(0)), u64(15n));
    object.program("write_everything").testRun({ data: FRAME });
    assert.equal([...object.map("sessions").keys()][0]?.readUInt32LE(0), 42);
  });

  it("leaves programs out on demand", () => {
    using object = BpfObject.open(objectPath("refused")).setAutoload("reads_beyond", false).load();
    assert.deepEqual(
      object.programs.map(({ name }) => name),
      ["harmless"],
    );
  });

  it("shares a map with another object", () => {
    using first = loadMaps();
    using second = BpfObject.open(objectPath("maps")).reuseMap("numbers", first.map("numbers")).load();
    assert.equal(second.map("numbers").id, first.map("numbers").id);
    second.program("count").testRun({ data: FRAME });
    assert.deepEqual(first.map("numbers").lookup(u32(0)), u64(1n));
  });

  it("refuses to share a map that does not fit", () => {
    using first = loadMaps();
    using spec = BpfObject.open(objectPath("maps"));
    assert.throws(
      () => spec.reuseMap("numbers", first.map("cpu_numbers")),
      /map "numbers" cannot be taken from the map given: type percpu_array instead of array, value size 4 instead of 8/,
    );
  });
});

describe("errors of an object file", () => {
  it("sum up why the verifier refused a program and keep its log", () => {
    const spec = BpfObject.open(objectPath("refused"));
    assert.throws(
      () => spec.load(),
      (error) => {
        assert.ok(error instanceof VerifierError);
        assert.equal(error.program, "reads_beyond");
        assert.equal(error.code, "EACCES");
        assert.match(error.message, /^program "reads_beyond" was refused by the verifier: .*invalid access to packet/);
        assert.ok(!error.message.includes("\n"), "one line");
        assert.match(error.log, /processed \d+ insns/);
        assert.ok(error.log.split("\n").length > 3, error.log);
        return true;
      },
    );
  });

  it("name the file that is missing", () => {
    assert.throws(
      () => BpfObject.open("/nonexistent/x.o"),
      (error) => error instanceof BpfError && error.code === "ENOENT" && error.message.includes("/nonexistent/x.o"),
    );
  });

  it("name a file that is no object file", () => {
    assert.throws(
      () => BpfObject.open("/etc/passwd"),
      (error) => error instanceof BpfError && error.message.includes("/etc/passwd"),
    );
  });

  it("name what there is where something is asked for that is not", () => {
    using spec = BpfObject.open(objectPath("refused"));
    assert.throws(() => spec.setMaxEntries("nothing", 1), /refused\.bpf\.o has no map "nothing"; it has: none/);
    using object = loadMaps();
    assert.throws(() => object.map("session"), /has no map "session"; it has: sessions, numbers, /);
    assert.throws(() => object.program("x"), /has no program "x"; it has: write_everything, count, /);
  });

  it("refuse a global variable of another size, or one that is not there", () => {
    using spec = BpfObject.open(objectPath("maps"));
    assert.throws(() => spec.setGlobal("step", Buffer.alloc(8)), /global variable "step": 8 bytes given, 4 expected/);
    assert.throws(() => spec.setGlobal("stride", u32(1)), /no global variable "stride"; it has: .*step/);
  });

  it("refuse arguments that must not reach native code", () => {
    using spec = BpfObject.open(objectPath("maps"));
    assert.throws(() => BpfObject.open(undefined as unknown as string), BpfUsageError);
    assert.throws(() => BpfObject.open(""), BpfUsageError);
    assert.throws(() => spec.setMaxEntries("sessions", 0), BpfUsageError);
    assert.throws(() => spec.setMaxEntries("sessions", 1.5), BpfUsageError);
    assert.throws(() => spec.setGlobal("step", undefined as unknown as Buffer), BpfUsageError);
  });

  it("say that a closed object is closed", () => {
    const object = loadMaps();
    const map = object.map("numbers");
    object.close();
    object.close();
    assert.throws(() => map.lookup(u32(0)), /map "numbers" is closed/);
    const spec = BpfObject.open(objectPath("maps"));
    spec.close();
    assert.throws(() => spec.maps, /is closed or was loaded already/);
    assert.throws(() => spec.load(), /is closed or was loaded already/);
  });
});
