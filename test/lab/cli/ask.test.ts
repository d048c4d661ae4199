/** `submirror status`, `intercepts` and `top`, asking a running agent. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { AgentStatus } from "../../../src/agent/local-api.js";
import { EventPublisher } from "../../../src/bus/publisher.js";
import type { RatedIntercept } from "../../../src/cli/view/rates.js";
import { startTestAgent } from "../../support/agent.js";
import { PROGRAM, type Ran, runProgramBeside } from "../../support/cli.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { temporaryDirectory } from "../../support/security.js";

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };
const SUBJECT = /alice|1048577|100\.64\.0\.7/;

/** Counts a packet more each time that somebody looks. */
class BusyDatapath extends FakeDatapath {
  #looks = 0n;

  override interceptCounters(key: string) {
    const counters = super.interceptCounters(key);
    this.#looks += 1000n;
    return counters && { ...counters, from: { packets: this.#looks, bytes: this.#looks * 100n }, dropped: 2n };
  }
}

async function withAgent(
  use: (agent: {
    ask: (...args: string[]) => Promise<Ran>;
    socket: string;
    stop: () => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  using temporary = temporaryDirectory();
  const socket = join(temporary.path, "agent.sock");
  await using nats = await startTestNats();
  await using agent = await startTestAgent({ url: nats.url, datapath: new BusyDatapath(), socket });
  await agent.ready;
  const publisher = new EventPublisher(await nats.connect());
  const results = publisher.results("e1", AbortSignal.timeout(10_000));
  await publisher.publish({ ...radiusEvent("access-accept", { attributes: ALICE, li: li("on") }), id: "e1" });
  for await (const _result of results) break;
  const config = join(temporary.path, "edge1.yaml");
  // What else is in it, and whether its secrets are at hand, is no matter.
  writeFileSync(config, `agent: { socket: ${socket} }\nnats: { password: "\${NOT_SET_ANYWHERE}" }\n`);
  await use({ ask: (...args) => runProgramBeside(...args, "--config", config), socket, stop: () => agent.stop() });
}

describe("a running agent", () => {
  test("tells its status, and of its intercepts whom they are about only when asked", async () => {
    await withAgent(async ({ ask, socket }) => {
      const text = await ask("status");
      assert.equal(text.status, 0, text.err);
      assert.match(text.out, /^edge1: ready, tc, submirror 0\.0\.0, pid \d+, up \d+ s\n\n/);
      assert.match(text.out, /^intercepts +1 active, 0 waiting, 0 failed$/m);
      assert.match(text.out, /^lost +3 copies: 3 oversize$/m);
      const status = JSON.parse((await ask("status", "--json")).out) as AgentStatus;
      assert.equal(status.sessions, 1);
      assert.equal(status.surroundings?.paths[0]?.mtu, 1600);

      const listed = await ask("intercepts", "--over", "0.2");
      assert.match(
        listed.out,
        /^ +768 +144 +active +both +198\.51\.100\.9:30030 +[\d,]+ +[\d.]+ kB +[\d.]+ .bit\/s +2 /m,
      );
      assert.match(listed.out, /^lost on this node: 3 copies: 3 oversize$/m);
      const without = await ask("intercepts", "--over", "0", "--json");
      const [intercept] = JSON.parse(without.out) as RatedIntercept[];
      assert.deepEqual([intercept?.interceptId, intercept?.rate], [0x300, undefined]);
      for (const { out } of [text, listed, without]) assert.doesNotMatch(out, SUBJECT);
      assert.match((await ask("intercepts", "--subjects")).out, /bng1 +alice +1048577 +100\.64\.0\.7\/32$/m);
      const bySocket = await runProgramBeside("status", "--socket", socket);
      assert.equal(bySocket.status, 0, bySocket.err);
    });
  });

  test("top: once, as JSON, in a pipe", async () => {
    await withAgent(async ({ ask }) => {
      const once = await ask("top", "--once", "--interval", "0.2");
      assert.equal(once.status, 0, once.err);
      assert.match(once.out, /^edge1: ready.*\nsessions 1 .*\nfrom subscribers .*packets\/s\n/);
      assert.match(once.out, /^ +768 +144 +active .* [\d.]+ .bit\/s +2$/m);
      assert.ok(!once.out.includes("\u001b"), "no styles where output is no terminal");
      const json = JSON.parse((await ask("top", "--once", "--json", "--interval", "0.2")).out) as {
        intercepts: RatedIntercept[];
      };
      assert.ok((json.intercepts[0]?.rate?.packetsPerSecond ?? 0) > 0);
    });
  });

  test("top on a terminal: fits its size, follows it, goes on when the agent goes, ends with q", async () => {
    await withAgent(async ({ socket, stop }) => {
      using temporary = temporaryDirectory();
      const ttyFile = join(temporary.path, "tty");
      const command = `tty > ${ttyFile}; stty rows 9 cols 50; exec ${process.execPath} ${PROGRAM} top --interval 0.2 --socket ${socket}`;
      const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
      let seen = "";
      child.stdout.on("data", (bytes: Buffer) => (seen += bytes.toString()));
      try {
        await until("a rate is on the screen", () => /\d .?bit\/s/.test(lastScreen(seen)));
        const narrow = lastScreen(seen).split(/\r*\n/);
        assert.ok(narrow.length <= 9 && narrow.every((line) => line.length <= 50), narrow.join("\n"));
        assert.ok(seen.includes("\u001b[1mINTERCEPT"), "headings are in bold");
        execFileSync("stty", ["-F", readFileSync(ttyFile, "utf8").trim(), "rows", "20", "cols", "150"]);
        await until("the screen is wide", () => /\bLOST\b/.test(lastScreen(seen)));
        await stop();
        await until("the agent is missed", () => /does not answer/.test(lastScreen(seen)));
        child.stdin.write("q");
        const [code] = (await once(child, "exit")) as [number | null];
        assert.equal(code, 0);
        assert.ok(seen.trimEnd().endsWith("\u001b[?1049l"), "the terminal is as it was");
      } finally {
        child.kill();
      }
    });
  });

  test("who asks in vain is told what to do", async () => {
    for (const command of ["status", "intercepts", "top"]) {
      const { status, err } = await runProgramBeside(command, "--socket", "/nonexistent/agent.sock");
      assert.equal(status, 1);
      assert.match(err, /^submirror: no agent listens on \/nonexistent\/agent\.sock: start submirror agent, or .*\n$/);
    }
    const { status, err } = await runProgramBeside("status", "--config", "/nonexistent/edge1.yaml");
    assert.equal(status, 2);
    assert.match(err, /edge1\.yaml: the configuration file cannot be read \(ENOENT\)/);
    assert.ok(!existsSync("/nonexistent"));
  });
});

/** What was drawn last, without styles. */
function lastScreen(seen: string): string {
  const [, ...screens] = seen.split("\u001b[H");
  return stripVTControlCharacters(screens.at(-1) ?? "");
}
