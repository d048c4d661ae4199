/** The command in docs/publishing-events.md does what that page says. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { assertMirrored } from "./parts/assertions.js";
import { until } from "./parts/poll.js";
import { withScenario } from "./parts/scenario.js";
import { ADDRESS } from "./parts/topology.js";
import { download, ping } from "./parts/traffic.js";

/** From dist/test/lab. */
const PAGE = fileURLToPath(new URL("../../../docs/publishing-events.md", import.meta.url));
const NATS_PUB = fileURLToPath(new URL("./parts/nats-pub.js", import.meta.url));

function command(): string {
  const found = /^```sh\n(nats pub .*?)^```$/ms.exec(readFileSync(PAGE, "utf8"))?.[1];
  assert.ok(found, "the page has a command that begins with nats pub");
  return found;
}

it("one nats pub triggers mirroring", async () => {
  await withScenario({ users: () => "" }, async (scenario) => {
    const { topology, system, witness } = scenario;
    const { alice, edge, lab } = topology;
    const bin = lab.path("bin");
    mkdirSync(bin);
    writeFileSync(`${bin}/nats`, `#!/bin/sh\nexec ${process.execPath} ${NATS_PUB} "$@"\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };
    await edge.run(["bash", "-euc", command()], { env });
    await until(async () => (await system.agentMetrics()).get('submirror_intercepts{state="active"}') === 1, {
      what: "the intercept",
    });
    await ping(alice.namespace, ADDRESS.server.ipv4);
    await ping(alice.namespace, ADDRESS.server.ipv6, { source: alice.delegatedIpv6 });
    await download(alice.namespace, ADDRESS.server.ipv6, 1_000_000);
    await witness.quiet(alice);
    await witness.finish();
    const report = await system.mediation.finish();
    assertMirrored(scenario, report, { subscriber: alice, interceptId: 0x300, sessionId: 0x90, atLeast: 10 });
  });
});
