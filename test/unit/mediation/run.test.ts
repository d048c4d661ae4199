/** The whole mediation device as a process: real sockets on loopback, real signals, files that tshark reads. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { MediationReport } from "../../../src/mediation/report.js";
import { readFrames } from "../../lab/parts/pcap.js";
import { until } from "../../lab/parts/poll.js";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "submirror-mediation-"));
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

/** A UDP port of loopback that nobody has right now. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp6");
  await new Promise<void>((resolve) => socket.bind(0, "::", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly out: string;
  reports(): MediationReport[];
  stop(): Promise<{ code: number; last: MediationReport }>;
}

async function start(name: string, ...more: string[]): Promise<Running> {
  const port = await freePort();
  const out = join(directory, name);
  const listen = [`127.0.0.1:${port}`, `[::1]:${port}`].flatMap((address) => ["--listen", address]);
  const child = spawn(process.execPath, [MAIN, "mediation", ...listen, "--out", out, "--json", ...more]);
  started.push(child);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  await until(() => stderr.includes("listening on"), { what: "the mediation device", explain: () => stderr });
  const reports = (): MediationReport[] =>
    stdout
      .trimEnd()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as MediationReport);
  const stop = async (): Promise<{ code: number; last: MediationReport }> => {
    const closed = once(child, "close");
    child.kill("SIGTERM");
    const [code] = (await closed) as [number];
    const last = reports().at(-1);
    assert.ok(last, stderr);
    return { code, last };
  };
  return { child, port, out, reports, stop };
}

function inner(version: 4 | 6, mark: number): Buffer {
  const packet = Buffer.alloc(version === 4 ? 60 : 80, mark);
  packet.writeUInt32BE(version === 4 ? 0x4500_003c : 0x6000_0000, 0);
  if (version === 6) packet.writeUInt16BE(40, 4);
  return packet;
}

function datagram(header: string, packet: Buffer): Buffer {
  return Buffer.concat([Buffer.from(header, "hex"), packet]);
}

async function send(port: number, address: "127.0.0.1" | "::1", datagrams: readonly Buffer[]): Promise<void> {
  const socket = createSocket(address === "::1" ? "udp6" : "udp4");
  for (const bytes of datagrams) await new Promise((resolve) => socket.send(bytes, port, address, resolve));
  socket.close();
}

describe("submirror mediation", () => {
  it("tells streams apart by source, intercept and session, and counts what is none", async () => {
    const device = await start("demultiplex");
    const packets = Array.from({ length: 300 }, (_, index) => inner(index % 2 === 0 ? 4 : 6, index & 0xff));
    await send(
      device.port,
      "127.0.0.1",
      packets.map((packet) => datagram("0000030000000090", packet)),
    );
    await send(device.port, "127.0.0.1", [
      datagram("0000030000000091", inner(4, 1)),
      datagram("6000030100000090", inner(6, 2)),
    ]);
    await send(device.port, "::1", [datagram("0000030000000090", inner(4, 3))]);
    await send(device.port, "::1", [Buffer.alloc(8), Buffer.alloc(0), datagram("8000030000000090", inner(4, 4))]);
    await send(device.port, "::1", [datagram("0000030000000090", Buffer.of(0x50, 0))]);

    device.child.kill("SIGUSR1");
    await until(() => device.reports().length > 0, { what: "the report on SIGUSR1" });
    const { code, last } = await device.stop();
    assert.equal(code, 0);
    assert.deepEqual(last.malformed, { short: 2, "header-version": 1, "inner-version": 1 });
    assert.equal(last.received, 307);
    assert.equal(last.kernelDrops, 0);
    const count = (packetCount: number, bytes: number) => ({ packets: packetCount, bytes });
    const none = count(0, 0);
    assert.deepEqual(
      last.streams.map(({ source, interceptId, sessionId, counts }) => ({ source, interceptId, sessionId, counts })),
      [
        { source: "::1", interceptId: 0x300, sessionId: 0x90, counts: { from: none, to: none, unknown: count(1, 60) } },
        {
          source: "127.0.0.1",
          interceptId: 0x300,
          sessionId: 0x90,
          counts: { from: none, to: none, unknown: count(300, 21_000) },
        },
        {
          source: "127.0.0.1",
          interceptId: 0x300,
          sessionId: 0x91,
          counts: { from: none, to: none, unknown: count(1, 60) },
        },
        {
          source: "127.0.0.1",
          interceptId: 0x301,
          sessionId: 0x90,
          counts: { from: none, to: count(1, 80), unknown: none },
        },
      ],
    );
    const files = last.streams.map(({ file }) => file);
    assert.deepEqual(readdirSync(device.out).toSorted(), files.toSorted());
    assert.equal(files[1], "127.0.0.1_0x300_0x90.pcapng");
    assert.equal(statSync(join(device.out, files[1])).mode & 0o777, 0o600);
    const written = [...readFrames(join(device.out, files[1]))].map(({ data }) => data.toString("hex"));
    assert.deepEqual(
      written,
      packets.map((packet) => packet.toString("hex")),
    );
    const tshark = spawnSync("tshark", ["-r", join(device.out, files[3] ?? ""), "-T", "fields", "-e", "ipv6.plen"], {
      encoding: "utf8",
    });
    assert.equal(tshark.stdout.trim(), "40");
  });

  it("takes the direction from the port where the header does not tell it", async () => {
    const to = await freePort();
    const device = await start("ports", "--listen", `127.0.0.1:${to}/to`, "--format", "junos");
    await send(to, "127.0.0.1", [datagram("0000000100000002", inner(4, 1)), datagram("4000000100000002", inner(4, 1))]);
    await send(device.port, "127.0.0.1", [datagram("0000000100000002", inner(4, 2))]);
    const { last } = await device.stop();
    assert.equal(last.malformed["header-version"], 1);
    assert.deepEqual(last.streams[0]?.counts, {
      from: { packets: 0, bytes: 0 },
      to: { packets: 1, bytes: 60 },
      unknown: { packets: 1, bytes: 60 },
    });
    const frames = [...readFrames(join(device.out, last.streams[0].file))];
    assert.deepEqual(frames.map(({ flags }) => flags).toSorted(), [0, 2]);
    const now = BigInt(Date.now()) * 1_000_000n;
    for (const { timeNs } of frames) assert.ok(now - timeNs < 60_000_000_000n && now - timeNs > -1_000_000_000n);
  });

  it("never writes over an earlier file", async () => {
    for (const expected of [["127.0.0.1_0x1_0x2.pcapng"], ["127.0.0.1_0x1_0x2-2.pcapng", "127.0.0.1_0x1_0x2.pcapng"]]) {
      const device = await start("again");
      await send(device.port, "127.0.0.1", [datagram("0000000100000002", inner(4, 9))]);
      await device.stop();
      assert.deepEqual(readdirSync(device.out).toSorted(), expected);
    }
  });

  it("gives a bounded number of streams a file and says so by its exit code", async () => {
    const device = await start("bounded", "--max-streams", "2");
    const ids = ["00000001", "00000002", "00000003", "00000001"];
    await send(
      device.port,
      "127.0.0.1",
      ids.map((id) => datagram(`${id}00000001`, inner(4, 1))),
    );
    const { code, last } = await device.stop();
    assert.equal(code, 1);
    assert.equal(last.unwritten["too-many-streams"], 1);
    assert.equal(readdirSync(device.out).length, 2);
  });

  it("refuses what it cannot begin with, in one sentence and with exit code 2", async () => {
    const taken = createSocket("udp4").unref();
    await new Promise<void>((resolve) => taken.bind(0, "127.0.0.1", resolve));
    const { port } = taken.address();
    const cases: [string[], RegExp][] = [
      [["--listen", `127.0.0.1:${port}`, "--out", directory], /cannot listen on .*in use/],
      [["--listen", "198.51.100.9", "--out", directory], /no interface of this host has the address/],
      [["--listen", "127.0.0.1", "--out", "/proc/nowhere"], /cannot write into the output directory/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = spawnSync(process.execPath, [MAIN, "mediation", ...args], {
        encoding: "utf8",
        timeout: 20_000,
      });
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }
    taken.close();
  });
});
