/** What the kernel offers, found out by trying. */
import { release } from "node:os";
import type { Feature, Features } from "libbpf-ts";
import type { Config } from "../config/schema.js";
import { type Finding, failure, ok, warning } from "./finding.js";

type DatapathConfig = Pick<Config["datapath"], "attach" | "mode" | "persist" | "pinDirectory">;

/** Pure but for the kernel's name. */
export function judgeKernel(features: Features, { attach, mode, persist, pinDirectory }: DatapathConfig): Finding[] {
  const needed = (about: string, feature: Feature, name: string, remedy: string): Finding =>
    feature.supported ? ok(about, `${name} is there`) : notThere(about, feature, remedy);
  return [
    ok("kernel", `Linux ${release()}`),
    features.load.supported
      ? ok("bpf", "the kernel takes programs from this process")
      : failure(
          "bpf",
          firstClause(features.load.reason ?? "the kernel takes no programs from this process"),
          "run the doctor as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; in a container, allow the system call bpf",
        ),
    needed("btf", features.kernelBtf, "type information of the kernel", "run a kernel with CONFIG_DEBUG_INFO_BTF=y"),
    judgeTcx(features.tcx, attach),
    needed("clock helper", features.ktimeBootNs, "bpf_ktime_get_boot_ns", "run Linux 5.8 or later"),
    needed("batch", features.batch, "changing many map elements at once", "run Linux 5.8 or later"),
    ...(mode === "tc" ? [] : [needed("devmap", features.devmapHash, "devmap_hash", "run Linux 5.8 or later")]),
    ...(persist ? [judgeBpffs(features.bpffs, pinDirectory)] : []),
  ];
}

function notThere(about: string, { conclusive, reason }: Feature, remedy: string): Finding {
  if (conclusive) return failure(about, reason ?? "the kernel does not have it", remedy);
  return warning(
    about,
    `cannot be told: ${firstClause(reason ?? "the probe failed")}`,
    "run the doctor with the agent's privileges",
  );
}

function judgeTcx(tcx: Feature, attach: DatapathConfig["attach"]): Finding {
  if (tcx.supported)
    return ok("tcx", attach === "clsact" ? "is there; datapath.attach asks for clsact" : "is there and used");
  if (!tcx.conclusive || attach === "tcx")
    return notThere("tcx", tcx, "run Linux 6.6 or later, or set datapath.attach to auto");
  return warning(
    "tcx",
    "the kernel has none; clsact filters are used, which run behind any other program's tcx",
    "run Linux 6.6 or later where other eBPF agents share the interfaces",
  );
}

function judgeBpffs({ supported }: Feature, pinDirectory: string): Finding {
  if (supported) return ok("bpffs", `${pinDirectory} lies in a BPF file system`);
  return failure(
    "bpffs",
    `datapath.pinDirectory ${pinDirectory} lies in no BPF file system`,
    "mount -t bpf bpf /sys/fs/bpf (in a container, mount the host's), or set datapath.persist to false",
  );
}

/** What to do stands behind it, in a line of its own. */
function firstClause(reason: string): string {
  return reason.split("; ")[0] ?? reason;
}
