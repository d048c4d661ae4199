/**
 * The gateway and FreeRADIUS as a plain proxy, side by side: same client, same upstream server, in turns.
 * `node dist/bench/gateway/compare.js [requests] [rounds]`; with 0 requests only how long answers take.
 *
 * "full" has 64 logins under way at any time and counts those answered a second; the others send 1,000 a second and count
 * how long each answer takes. "submirror" makes the event of every login and throws it away, which is what a plain proxy
 * can be compared with; "with NATS" stores it in a JetStream on the same two cores, which no plain proxy does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startFreeradius } from "../../test/lab/parts/freeradius.js";
import { load } from "../../test/lab/parts/login-load.js";
import { freeUdpPorts } from "../../test/lab/parts/ports.js";
import { startTestNats } from "../../test/support/nats.js";
import { pairwiseRatios, quantile } from "../statistics.js";

const SECRET = "the same everywhere";
const USERS = 1000;
const OUTSTANDING = 64;
/** Requests a second of the latency runs: well below what either proxy can do. */
const RATE = 1000;
/** Before anything is counted: programs that translate themselves while they run have done so then. */
const WARM_UP = 20_000;
const TICKS_PER_SECOND = 100;

const requests = Number(process.argv[2] ?? 20_000);
const rounds = Number(process.argv[3] ?? 3);

interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the proxy, microseconds a login. */
  readonly cpu: number;
}

async function startGatewayProcess(upstream: { auth: number; acct: number }, natsUrl?: string) {
  const config = {
    listen: { addresses: ["127.0.0.1"], auth: 0, accounting: 0, coa: 0 },
    clients: [{ name: "bng1", address: "127.0.0.1", secret: SECRET }],
    upstreams: [{ name: "aaa1", address: "127.0.0.1", secret: SECRET, auth: upstream.auth, accounting: upstream.acct }],
  };
  const script = fileURLToPath(new URL("run-gateway.js", import.meta.url));
  const argv = [script, JSON.stringify(config), ...(natsUrl === undefined ? [] : [natsUrl])];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
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

/** One run, printed. */
async function measure({ name, port, pid }: Target, rate?: number): Promise<Measured> {
  const common = { port, secret: SECRET, users: USERS };
  const before = cpuSeconds(pid);
  const result =
    rate === undefined
      ? await load({ ...common, requests, outstanding: OUTSTANDING })
      : await load({ ...common, requests: rate * 5, rate, outstanding: 1000 });
  const answered = result.accepted + result.other;
  const measured = {
    perSecond: answered / result.seconds,
    p50: quantile(result.latencies, 0.5),
    p99: quantile(result.latencies, 0.99),
    cpu: ((cpuSeconds(pid) - before) / answered) * 1e6,
  };
  const counted = `accepted ${result.accepted}  other ${result.other}  lost ${result.lost}`;
  print(name, rate === undefined ? "full" : `${rate}/s`, measured, counted);
  return measured;
}

function print(name: string, what: string, { perSecond, p50, p99, cpu }: Measured, rest: string): void {
  const columns = [
    name.padEnd(12),
    what.padEnd(8),
    `${Math.round(perSecond)}/s`.padStart(9),
    `p50 ${p50.toFixed(2)} ms`,
    `p99 ${p99.toFixed(2)} ms`,
    `cpu ${cpu.toFixed(0)} us`,
    rest,
  ];
  process.stdout.write(`${columns.join("  ")}\n`);
}

function medians(runs: readonly Measured[]): Measured {
  const median = (field: keyof Measured) =>
    quantile(
      runs.map((run) => run[field]),
      0.5,
    );
  return { perSecond: median("perSecond"), p50: median("p50"), p99: median("p99"), cpu: median("cpu") };
}

/** Milliseconds over the other's p99 in the same round: the median, and the middle half of the rounds. */
function addedP99(runs: readonly Measured[], others: readonly Measured[]): string {
  const added = runs.map(({ p99 }, round) => p99 - (others[round]?.p99 ?? 0)).toSorted((one, other) => one - other);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(added, share).toFixed(2));
  return `${middle} ms (${low} to ${high})`;
}

async function compare(targets: readonly Target[]): Promise<void> {
  const [full, slow] = [new Map<string, Measured[]>(), new Map<string, Measured[]>()];
  for (const { port } of targets) {
    await load({ port, secret: SECRET, users: USERS, requests: WARM_UP, outstanding: OUTSTANDING });
  }
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      if (requests > 0) full.set(target.name, [...(full.get(target.name) ?? []), await measure(target)]);
      slow.set(target.name, [...(slow.get(target.name) ?? []), await measure(target, RATE)]);
    }
  }
  const rates = (name: string) => (full.get(name) ?? []).map(({ perSecond }) => perSecond);
  process.stdout.write(`medians of ${rounds} rounds\n`);
  const [direct] = targets;
  for (const { name } of targets) {
    if (requests > 0) {
      const ratio = quantile(pairwiseRatios(rates(name), rates("FreeRADIUS")), 0.5);
      print(name, "full", medians(full.get(name) ?? []), `${ratio.toFixed(2)} of FreeRADIUS`);
    }
    const added = addedP99(slow.get(name) ?? [], slow.get(direct?.name ?? "") ?? []);
    print(name, `${RATE}/s`, medians(slow.get(name) ?? []), `p99 added ${added}`);
  }
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
const nats = await startTestNats();
const gateway = await startGatewayProcess(home);
const storing = await startGatewayProcess(home, nats.url);
try {
  await compare([
    { name: "direct", port: aaaAuth, pid: aaa.process.pid as number },
    { name: "FreeRADIUS", port: proxyAuth, pid: proxy.process.pid as number },
    { name: "submirror", ...gateway },
    { name: "with NATS", ...storing },
  ]);
} finally {
  await gateway.stop();
  await storing.stop();
  await nats[Symbol.asyncDispose]();
  await proxy.stop();
  await aaa.stop();
  rmSync(dir, { recursive: true, force: true });
}
