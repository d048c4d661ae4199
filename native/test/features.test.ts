import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import { probeAttachType } from "../src/features.js";
import { native } from "../src/ffi/native.js";
import { features, possibleCpus } from "../src/index.js";
import { BpfFs } from "./helpers/bpffs.js";
import { runChild } from "./helpers/child.js";
import { failOnLeaks } from "./helpers/leaks.js";

failOnLeaks();

describe("feature probes", () => {
  it("find everything on a kernel with tcx", () => {
    using fs = new BpfFs();
    for (const [name, feature] of Object.entries(features({ bpffs: fs.path }))) {
      assert.deepEqual(feature, { supported: true, conclusive: true }, name);
    }
  });

  it("can fail: what does not exist is not found", () => {
    const attachType = probeAttachType(10_000, "there is no such type");
    assert.deepEqual(attachType, { supported: false, conclusive: true, reason: "there is no such type" });
    assert.equal(native().libbpf.libbpf_probe_bpf_helper(3, 100_000, null), 0);
    assert.ok(native().libbpf.libbpf_probe_bpf_map_type(1000, null) <= 0);
  });

  it("say where there is no BPF file system", () => {
    const { bpffs } = features({ bpffs: tmpdir() });
    assert.deepEqual([bpffs.supported, bpffs.conclusive], [false, true]);
    assert.match(bpffs.reason ?? "", /mount -t bpf bpf/);
  });

  it("tell that they cannot tell without privileges", () => {
    const found = JSON.parse(
      runChild(`process.stdout.write(JSON.stringify(lib.features()))`, { withoutPrivileges: true }).stdout,
    ) as ReturnType<typeof features>;
    for (const name of ["load", "btf", "tcx", "batch", "ktimeBootNs", "ringbuf", "devmapHash"] as const) {
      const { supported, conclusive, reason } = found[name];
      assert.deepEqual([supported, conclusive], [false, false], name);
      assert.match(reason ?? "", /EPERM.*CAP_BPF/, name);
    }
  });
});

describe("possible CPUs", () => {
  it("are at least those that are there", () => {
    assert.ok(Number.isInteger(possibleCpus()) && possibleCpus() >= 1);
  });
});
