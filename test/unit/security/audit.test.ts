/** The audit log: what is done to it is found, and found where it was done. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { AuditCopies, type AuditSink } from "../../../src/security/audit/copies.js";
import { type AuditEntry, formatEntry, makeEntry } from "../../../src/security/audit/entry.js";
import { AuditLog, type AuditLogOptions, AuditUnavailableError } from "../../../src/security/audit/log.js";
import { type Verified, verifyAudit } from "../../../src/security/audit/verify.js";
import { verifierOf } from "../../../src/security/keys/signing-key.js";
import { until } from "../../support/poll.js";
import { agentKey, NOW, strangerKey, temporaryDirectory } from "../../support/security.js";

function open(directory: string, changes: Partial<AuditLogOptions> = {}): AuditLog {
  return new AuditLog({ directory, node: "edge1", segmentBytes: 2000, signer: agentKey, clock: () => NOW, ...changes });
}

/** `count` entries, the first of which says that the log was opened. */
function write(directory: string, count: number, changes: Partial<AuditLogOptions> = {}): void {
  const log = open(directory, changes);
  log.commit();
  for (let at = 2; at <= count; at++) {
    log.append("order", { order: `order-${at}`, result: "accepted" });
    log.commit();
  }
  log.close();
}

const agentsOnly = (key: string) => (key === agentKey.publicKey ? verifierOf(key) : undefined);
const verify = (directory: string, copies?: ReadonlyMap<number, string>): Promise<Verified> =>
  verifyAudit({ directory, verifierOf: agentsOnly, ...(copies !== undefined && { copies }) });

function files(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith("audit-"))
    .toSorted();
}

function linesOf(path: string): string[] {
  return readFileSync(path, "utf8").split("\n").slice(0, -1);
}

function store(path: string, lines: readonly string[]): void {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
}

test("a log that nobody touched fits, over several files and restarts", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 20);
  write(directory.path, 20);
  const verified = await verify(directory.path);
  assert.deepEqual([verified.first, verified.last, verified.misfit], [1, 40, undefined]);
  assert.ok(verified.segments > 2);
  assert.equal(statSync(join(directory.path, files(directory.path)[0] ?? "")).mode & 0o777, 0o600);
});

test("an empty directory is an empty log", async () => {
  using directory = temporaryDirectory();
  assert.deepEqual(await verify(directory.path), {
    first: 0,
    last: 0,
    segments: 0,
    compared: 0,
    misfit: undefined,
    lastTime: undefined,
  });
});

test("every changed byte is found in its line", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 12, { segmentBytes: 1_000_000 });
  const path = join(directory.path, files(directory.path)[0] ?? "");
  const original = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const altered = Buffer.from(original);
      altered.writeUInt8(altered.readUInt8(at) ^ change, at);
      writeFileSync(path, altered);
      const { misfit } = await verify(directory.path);
      const line = original.subarray(0, at).filter((byte) => byte === 0x0a).length + 1;
      assert.ok(misfit !== undefined, `byte ${at}`);
      assert.ok(
        misfit.seq <= line + 1 && misfit.seq >= line,
        `byte ${at} of line ${line}: ${misfit.seq} ${misfit.problem}`,
      );
    }),
    { numRuns: 150 },
  );
});

test("every deleted, doubled and swapped line is found", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 12, { segmentBytes: 1_000_000 });
  const path = join(directory.path, files(directory.path)[0] ?? "");
  const lines = linesOf(path);
  for (let at = 0; at < lines.length; at++) {
    store(path, lines.toSpliced(at, 1));
    assert.equal((await verify(directory.path)).misfit?.seq, at + 1, `deleted ${at}`);
    store(path, lines.toSpliced(at, 0, lines[at] ?? ""));
    assert.equal((await verify(directory.path)).misfit?.seq, at + 2, `doubled ${at}`);
    if (at === 0) continue;
    store(path, [...lines.slice(0, at - 1), lines[at] ?? "", lines[at - 1] ?? "", ...lines.slice(at + 1)]);
    assert.equal((await verify(directory.path)).misfit?.seq, at, `swapped ${at - 1} and ${at}`);
  }
});

test("every truncation is found, in the middle of a line and at its end", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 8, { segmentBytes: 1_000_000 });
  const path = join(directory.path, files(directory.path)[0] ?? "");
  const { size } = statSync(path);
  const original = readFileSync(path);
  for (let length = 0; length < size; length += 13) {
    writeFileSync(path, original);
    truncateSync(path, length);
    const whole = original.subarray(0, length).filter((byte) => byte === 0x0a).length;
    const { misfit } = await verify(directory.path);
    assert.equal(misfit?.seq, whole + 1, `${length} bytes: ${misfit?.problem}`);
    assert.match(misfit?.problem ?? "", /its end was cut off/);
  }
});

test("a missing file is found, at the beginning, in the middle and at the end", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 30);
  const names = files(directory.path);
  assert.ok(names.length >= 4);
  for (const [at, name] of names.entries()) {
    const path = join(directory.path, name);
    const kept = readFileSync(path);
    rmSync(path);
    const { misfit } = await verify(directory.path);
    const expected = at === 0 ? 1 : Number(name.slice(6, 18));
    assert.equal(misfit?.seq, expected, name);
    writeFileSync(path, kept);
  }
  assert.equal((await verify(directory.path)).misfit, undefined);
});

test("a log that was written anew with hashes that fit is found by its head record", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 12, { segmentBytes: 1_000_000 });
  const path = join(directory.path, files(directory.path)[0] ?? "");
  let prev = "";
  const forged = linesOf(path).map((line, at) => {
    const { v: _v, seq, time, node, kind, prev: _prev, hash: _hash, ...fields } = JSON.parse(line) as AuditEntry;
    const changed = at === 5 ? { ...fields, result: "refused" } : fields;
    const entry = makeEntry({ seq, now: Date.parse(time), node, kind, prev }, changed);
    prev = entry.hash;
    return formatEntry(entry).toString().trimEnd();
  });
  store(path, forged);
  const { misfit } = await verify(directory.path);
  assert.deepEqual(
    [misfit?.seq, misfit?.problem],
    [12, "is not the entry that the head record names: the log was written anew"],
  );
  // Whoever writes the log anew cannot sign a head record for it, nor leave it out.
  const last = JSON.parse(forged.at(-1) ?? "") as AuditEntry;
  for (const signer of [strangerKey, undefined]) {
    const { writeHead } = await import("../../../src/security/audit/head.js");
    writeHead(directory.path, { node: "edge1", seq: 12, hash: last.hash }, signer);
    assert.match((await verify(directory.path)).misfit?.problem ?? "", /is not signed by a key of an agent/);
  }
  rmSync(join(directory.path, "head.json"));
  assert.match((await verify(directory.path)).misfit?.problem ?? "", /the head record is missing/);
});

test("a log fits from its first entry on, and after a program that ended without a word", async () => {
  using directory = temporaryDirectory();
  const first = open(directory.path);
  assert.equal((await verify(directory.path)).misfit, undefined);
  first.commit();
  assert.equal((await verify(directory.path)).misfit, undefined);
  // `first` is not closed: it was killed before it wrote a head record.
  const second = open(directory.path);
  second.commit();
  assert.equal(second.problem, undefined);
  second.close();
  assert.deepEqual([(await verify(directory.path)).misfit, (await verify(directory.path)).last], [undefined, 2]);
  first.close();
});

test("a log that was put back to an earlier state with its head is found by its copies", async () => {
  using directory = temporaryDirectory();
  using earlier = temporaryDirectory();
  write(directory.path, 6, { segmentBytes: 1_000_000 });
  cpSync(directory.path, earlier.path, { recursive: true });
  write(directory.path, 6, { segmentBytes: 1_000_000 });
  const copies = new Map<number, string>();
  for (const line of linesOf(join(directory.path, files(directory.path)[0] ?? ""))) {
    const { seq, hash } = JSON.parse(line) as AuditEntry;
    copies.set(seq, hash);
  }
  assert.deepEqual([(await verify(directory.path, copies)).misfit, copies.size], [undefined, 12]);
  assert.equal((await verify(earlier.path)).misfit, undefined);
  const { misfit } = await verify(earlier.path, copies);
  assert.deepEqual([misfit?.seq, misfit?.problem], [7, "is missing: the stream AUDIT has copies up to entry 12"]);
  const [first] = copies.keys();
  assert.equal((await verify(directory.path, new Map([...copies, [first ?? 0, "other"]]))).misfit?.seq, 1);
});

test("files are deleted when that is wanted, and the log says so", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 60, { keepSegments: 3 });
  assert.ok(files(directory.path).length <= 4);
  const verified = await verify(directory.path);
  assert.equal(verified.misfit, undefined);
  assert.ok(verified.first > 20);
  const [oldest] = files(directory.path);
  rmSync(join(directory.path, oldest ?? ""));
  assert.match((await verify(directory.path)).misfit?.problem ?? "", /are missing, and the log does not say/);
});

test("an agent that finds its log cut or altered goes on behind it, and the log shows where", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 8, { segmentBytes: 1_000_000 });
  const path = join(directory.path, files(directory.path)[0] ?? "");
  const lines = linesOf(path);
  store(path, lines.slice(0, 5));
  const log = open(directory.path);
  assert.match(log.problem ?? "", /entries before this one are missing/);
  log.commit();
  log.close();
  assert.equal((await verify(directory.path)).misfit?.seq, 6);
});

test("a line that the machine died in is cut off, and the log fits", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 5, { segmentBytes: 1_000_000 });
  const path = join(directory.path, files(directory.path)[0] ?? "");
  writeFileSync(path, `${readFileSync(path, "utf8")}{"half":`);
  const log = open(directory.path);
  assert.equal(log.problem, undefined);
  log.close();
  const verified = await verify(directory.path);
  assert.deepEqual([verified.last, verified.misfit], [6, undefined]);
  assert.match(linesOf(path)[5] ?? "", /"cut":8/);
});

test("an entry is on the disk when commit returns, and not before", () => {
  using directory = temporaryDirectory();
  const log = open(directory.path);
  log.commit();
  const path = join(directory.path, files(directory.path)[0] ?? "");
  log.append("order", { order: "one" });
  assert.ok(!readFileSync(path, "utf8").includes("one"));
  log.commit();
  assert.ok(readFileSync(path, "utf8").includes('"order":"one"'));
  log.close();
});

test("another program's writing into the log is noticed at the next entry", () => {
  using directory = temporaryDirectory();
  const log = open(directory.path);
  log.commit();
  truncateSync(join(directory.path, files(directory.path)[0] ?? ""), 10);
  log.append("order", {});
  assert.throws(() => log.commit(), AuditUnavailableError);
});

class MemorySink implements AuditSink {
  readonly copies = new Map<string, AuditEntry>();
  fails = false;

  last(): Promise<number> {
    if (this.fails) return Promise.reject(new Error("no bus"));
    return Promise.resolve(Math.max(0, ...[...this.copies.values()].map(({ seq }) => seq)));
  }

  store(line: Uint8Array, id: string): Promise<void> {
    if (this.fails) return Promise.reject(new Error("no bus"));
    this.copies.set(id, JSON.parse(Buffer.from(line).toString()) as AuditEntry);
    return Promise.resolve();
  }
}

test("every entry's copy leaves the node, also what was written while nothing could", async () => {
  using directory = temporaryDirectory();
  write(directory.path, 25);
  const sink = new MemorySink();
  sink.fails = true;
  const log = open(directory.path);
  log.commit();
  let errors = 0;
  const copies = new AuditCopies({
    directory: directory.path,
    sink,
    committed: () => log.committed,
    onError: () => errors++,
  });
  log.onCommitted = () => copies.notify();
  await until("the bus was missed", () => errors > 0);
  sink.fails = false;
  await until("all are copied", () => sink.copies.size === 26);
  for (let at = 0; at < 30; at++) {
    log.append("result", { at });
    if (at % 7 === 0) log.commit();
  }
  log.commit();
  await until("the new ones too", () => sink.copies.size === 56);
  await copies.stop();
  log.close();
  const hashes = new Map([...sink.copies.values()].map(({ seq, hash }) => [seq, hash]));
  const verified = await verify(directory.path, hashes);
  assert.deepEqual([verified.misfit, verified.compared], [undefined, 56]);
});

test("a log of a megabyte of noise is refused, not read for ever", async () => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, "audit-000000000001.jsonl"), Buffer.alloc(3_000_000, "x"));
  copyFileSync(join(directory.path, "audit-000000000001.jsonl"), join(directory.path, "audit-000000000009.jsonl"));
  assert.match((await verify(directory.path)).misfit?.problem ?? "", /has no end/);
});
