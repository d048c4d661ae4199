/** What concerns the whole process: libraries that are missing, output, leaks, threads. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runChild } from "./helpers/child.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { objectPath } from "./helpers/objects.js";

failOnLeaks();

const maps = JSON.stringify(objectPath("maps"));
const refused = JSON.stringify(objectPath("refused"));
const PRINT_ERROR = "catch (error) { process.stdout.write(error.name + ': ' + error.message); }";

describe("a library that is missing", () => {
  it("is named, with the package that has it", () => {
    // In a mount namespace of its own an empty file lies over the library.
    const script =
      'for f in $(ldconfig -p | sed -n "s/.*libbpf\\.so\\.1 .*=> //p"); do mount --bind /dev/null "$(readlink -f "$f")"; done; exec "$@"';
    const { stdout } = runChild(`try { lib.possibleCpus() } ${PRINT_ERROR}`, {
      prefix: ["unshare", "--mount", "sh", "-c", script, "sh"],
    });
    assert.equal(
      stdout,
      "LibbpfMissingError: libbpf.so.1 was not found: install the package libbpf1, version 1.1 or later",
    );
  });

  it("is koffi: says how to install it", () => {
    const folder = mkdtempSync(join(tmpdir(), "libbpf-ts-"));
    const preload = join(folder, "without-koffi.cjs");
    writeFileSync(
      preload,
      `const { Module } = require("node:module");
       const load = Module._load;
       Module._load = (name, ...rest) => { if (name === "koffi") throw new Error("not there"); return load(name, ...rest); };`,
    );
    const { stdout } = runChild(`try { lib.possibleCpus() } ${PRINT_ERROR}`, { nodeArgs: ["--require", preload] });
    assert.match(stdout, /^LibbpfMissingError: koffi, .* install with npm ci and without --omit=optional$/);
    rmSync(folder, { recursive: true });
  });

  it("does not matter before it is used", () => {
    const { status, stderr } = runChild(
      "lib.parseBtf; process.exit(process.report.getReport().sharedObjects.some((name) => name.includes('libbpf.so')) ? 1 : 0)",
    );
    assert.equal(status, 0, stderr);
  });
});

describe("the process", () => {
  it("gets nothing on stderr from libbpf", () => {
    const { stdout, stderr, status } = runChild(`
      try { lib.BpfObject.open("/nonexistent.o") } ${PRINT_ERROR}
      try { lib.BpfObject.open(${refused}).load() } ${PRINT_ERROR}
      lib.BpfObject.open(${maps}).load().close();`);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.match(stdout, /VerifierError/);
  });

  it("is told which privileges it lacks", () => {
    const { stdout } = runChild(`try { lib.BpfObject.open(${maps}).load() } ${PRINT_ERROR}`, {
      withoutPrivileges: true,
    });
    assert.match(stdout, /^BpfError: load .*\(EPERM\).*needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON/);
  });

  it("may use the package on its main thread only", () => {
    const { stdout } = runChild(`
      import { Worker } from "node:worker_threads";
      const url = import.meta.resolve ? ${JSON.stringify(new URL("../src/index.js", import.meta.url).href)} : "";
      const worker = new Worker("import(" + JSON.stringify(url) + ").then((lib) => { try { lib.possibleCpus() } ${PRINT_ERROR.replaceAll('"', '\\"')} })", { eval: true });
      worker.on("exit", () => process.stdout.write(" end"));`);
    assert.match(stdout, /BpfUsageError: libbpf-ts works on the main thread only.*end/);
  });

  it("keeps no descriptor of a closed object", () => {
    const { stdout } = runChild(`
      import { readdirSync } from "node:fs";
      const count = () => readdirSync("/proc/self/fd").length;
      lib.BpfObject.open(${maps}).load().close();
      const before = count();
      for (let i = 0; i < 20; i++) {
        lib.BpfObject.open(${maps}).load().close();
        lib.BpfObject.open(${maps}).close();
        try { lib.BpfObject.open(${refused}).load() } catch {}
        lib.enableStats().close();
        lib.features();
      }
      const more = count() - before;
      process.stdout.write(String(more));`);
    assert.equal(stdout, "0");
  });
});

describe("a leak", () => {
  const track =
    "lib.trackResources(); process.on('exit', () => { for (const r of lib.openResources()) process.stdout.write(r.what + '|' + /leaky/.test(r.stack) + '\\n') });";

  it("is reported with the place that made it", () => {
    const { stdout } = runChild(
      `${track} function leaky() { return lib.enableStats(); } leaky(); lib.enableStats().close();`,
    );
    assert.equal(stdout, "run time statistics|true\n");
  });

  it("of an object file that was never loaded or closed is reported too", () => {
    const { stdout } = runChild(`${track} function leaky() { return lib.BpfObject.open(${refused}); } leaky();`);
    assert.match(stdout, /^object file .*refused\.bpf\.o\|true\n$/);
  });

  it("is tracked from the start with LIBBPF_TS_TRACK_FDS=1", () => {
    const { stdout } = runChild("lib.enableStats(); process.stdout.write(String(lib.openResources().length))", {
      prefix: ["env", "LIBBPF_TS_TRACK_FDS=1"],
    });
    assert.equal(stdout, "1");
  });
});
