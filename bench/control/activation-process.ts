/**
 * Brings sessions under intercept into the kernel, as an agent does when it starts: `activation-process.js COUNT OBJECTS`.
 * Writes the seconds that it took, and those of processor time, as one line.
 */
import { reconcile } from "../../src/agent/reconcile.js";
import { KernelDatapath } from "../../src/datapath/kernel.js";
import { DEFAULT_LIMITS } from "../../src/datapath/options.js";
import { decodeRecord, encodeRecord } from "../../src/sessions/record.js";
import type { Session } from "../../src/sessions/session.js";
import { mirroredSession } from "./subscribers.js";

const [count = "", objectDirectory = ""] = process.argv.slice(2);
const nothing = () => undefined;
const datapath = new KernelDatapath(
  {
    objectDirectory,
    mode: "tc",
    interfaces: { access: ["acc*"], core: ["core0"], mediation: ["med0"] },
    limits: { ...DEFAULT_LIMITS, intercepts: Number(count), matches: 3 * Number(count) },
    mediation: {
      sourceIpv4: "198.51.100.1",
      sourcePort: 30030,
      ttl: 255,
      dscp: 0,
      udpChecksum: "zero",
      oversize: "fragment",
      way: "auto",
    },
  },
  {
    failed: nothing,
    overtaken: nothing,
    stranded: nothing,
    attached: nothing,
    narrowPath: nothing,
    leftToTc: nothing,
    gone: nothing,
  },
);
// As an agent has them that has read them from the bucket.
const sessions = Array.from(
  { length: Number(count) },
  (_, index) => decodeRecord(encodeRecord(mirroredSession(index + 1))) as Session,
);
const [began, before] = [performance.now(), process.cpuUsage()];
const { put, refused } = reconcile(() => sessions, datapath, { header: "junos" });
datapath.activate();
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
const cpuSeconds = (user + system) / 1e6;
if (put !== sessions.length) throw new Error(`${refused.size} of ${sessions.length} intercepts were refused`);
process.stdout.write(`${seconds} ${cpuSeconds}\n`);
datapath.close();
