/**
 * The gateway and FreeRADIUS as a plain proxy, side by side: same client, same upstream server, in turns.
 * `node dist/bench/gateway/compare.js [requests] [rounds]`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startFreeradius } from "../../test/lab/parts/freeradius.js";
import { type LoadResult, load, quantile } from "../../test/lab/parts/login-load.js";
import { freeUdpPorts } from "../../test/lab/parts/ports.js";

const SECRET = "the same everywhere";
const USERS = 1000;
const OUTSTANDING = 64;
/** Requests a second of the latency runs: well below what either proxy can do. */
const RATE = 1000;
const TICKS_PER_SECOND = 100;

const requests = Number(process.argv[2] ?? 20_000);
const rounds = Number(process.argv[3] ?? 3);

async function startGatewayProcess(upstream: { auth: number; acct: number }) {
  const config = {
    listen: { addresses: ["127.0.0.1"], auth: 0, accounting: 0, coa: 0 },
    clients: [{ name: "bng1", address: "127.0.0.1", secret: SECRET }],
    upstreams: [{ name: "aaa1", address: "127.0.0.1", secret: SECRET, auth: upstream.auth, accounting: upstream.acct }],
  };
  const script = fileURLToPath(new URL("run-gateway.js", import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(config)], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { auth } = JSON.parse(line.toString()) as { auth: number };
  const stop = async () => {
    child.kill();
    await once(child, "exit");
  };
  return { port: auth, pid: child.pid as number, stop };
}

/** Processor time that a process has had, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function row(name: string, rate: string, result: LoadResult, cpu: number): void {
  const answered = result.accepted + result.other;
  const perSecond = Math.round(answered / result.seconds);
  const perRequest = ((cpu / answered) * 1e6).toFixed(0);
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(result.latencies, share).toFixed(2));
  const columns = [
    name.padEnd(12),
    rate.padEnd(10),
    `${perSecond}/s`.padStart(9),
    `p50 ${p50} ms`,
    `p99 ${p99} ms`,
    `cpu ${perRequest} us`,
  ];
  process.stdout.write(
    `${columns.join("  ")}  accepted ${result.accepted}  other ${result.other}  lost ${result.lost}\n`,
  );
}

const dir = mkdtempSync(join(tmpdir(), "submirror-bench-"));
const [aaaAuth, aaaAcct, proxyAuth, proxyAcct] = (await freeUdpPorts(4)) as [number, number, number, number];
const clients = [{ name: "loopback", address: "127.0.0.0/8", secret: SECRET }];
const users = Array.from(
  { length: USERS },
  (_, i) => `user${i} Cleartext-Password := "secret"\n\tFramed-IP-Address = 100.64.0.7`,
);
const home = { auth: aaaAuth, acct: aaaAcct };
const aaa = await startFreeradius({ dir: join(dir, "aaa"), ports: home, clients, users: users.join("\n") });
const proxy = await startFreeradius({
  dir: join(dir, "proxy"),
  ports: { auth: proxyAuth, acct: proxyAcct },
  clients,
  users: "",
  proxyTo: { address: "127.0.0.1", ports: home, secret: SECRET },
});
const gateway = await startGatewayProcess(home);
try {
  const targets = [
    ["direct", aaaAuth, aaa.process.pid as number],
    ["FreeRADIUS", proxyAuth, proxy.process.pid as number],
    ["submirror", gateway.port, gateway.pid],
  ] as const;
  for (let round = 0; round < rounds; round++) {
    for (const [name, port, pid] of targets) {
      const full = { port, secret: SECRET, requests, outstanding: OUTSTANDING, users: USERS };
      const slow = { ...full, requests: RATE * 5, rate: RATE, outstanding: 1000 };
      for (const options of [full, slow]) {
        const before = cpuSeconds(pid);
        const result = await load(options);
        row(name, options === slow ? `${RATE}/s` : "full", result, cpuSeconds(pid) - before);
      }
    }
  }
} finally {
  await gateway.stop();
  await proxy.stop();
  await aaa.stop();
  rmSync(dir, { recursive: true, force: true });
}
