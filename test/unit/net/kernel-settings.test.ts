import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KernelSettings } from "../../../src/net/kernel-settings.js";

test("settings are written where they can be, and say what to do where not", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "submirror-settings-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const settings = new KernelSettings(directory);
  writeFileSync(join(directory, "rp_filter"), "2\n");
  settings.set("rp_filter", "0");
  assert.equal(readFileSync(join(directory, "rp_filter"), "utf8"), "0");
  assert.equal(settings.get("rp_filter"), "0");
  assert.doesNotThrow(() => settings.set("of_a_later_kernel", "1"));
  // On a read-only /proc/sys: what is so already is not written.
  const proc = new KernelSettings("/proc/sys");
  const kernel = proc.get("kernel/ostype");
  assert.doesNotThrow(() => proc.set("kernel/ostype", kernel));
  assert.throws(() => proc.set("kernel/ostype", "Other"), /mount the node's \/proc\/sys\/net writable somewhere/);
});
