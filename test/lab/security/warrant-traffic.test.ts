/** A warrant with everything real: ordered before the subscriber is online, it mirrors login after login, until it is ended. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { stringify } from "yaml";
import { PROGRAM } from "../../support/cli.js";
import { makeStrictKeys } from "../../support/strict.js";
import { assertMirrored, assertOriginalsUntouched } from "../parts/assertions.js";
import { exchange } from "../parts/exchange.js";
import { withScenario } from "../parts/scenario.js";
import { MEDIATION_PORT, userRecord } from "../parts/system.js";
import { ADDRESS } from "../parts/topology.js";

const INTERCEPT = 4660;
const SMALL = { downloadBytes: 1_000_000, uploadBytes: 300_000 };

it("a warrant mirrors two logins under one intercept id and two session ids, every packet, and nothing after its end", async () => {
  using keys = makeStrictKeys();
  const users: Parameters<typeof withScenario>[0]["users"] = ({ alice, bob }) => userRecord(alice) + userRecord(bob);
  await withScenario({ users, configuration: keys.sections }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { alice, bob, edge } = topology;
    const own = { signingKeyFile: keys.files.authority, sealingKeyFiles: [keys.files.reader] };
    const config = join(keys.directory, "north.yaml");
    writeFileSync(config, stringify({ node: "north", security: { ...keys.sections.security, ...own } }));
    const task = async (action: string, ...options: string[]): Promise<string> => {
      const argv = [process.execPath, PROGRAM, "task", action, "--config", config, "--id", "t-1", "--agents", "1"];
      const { stdout } = await edge.run([...argv, "--wait", "30", ...options], { input: alice.name });
      return stdout;
    };
    const target = ["--mediation", `${ADDRESS.mediation.ipv4}:${MEDIATION_PORT}`, "--intercept-id", String(INTERCEPT)];
    const ordered = await task("activate", "--reference", "W-2026-0042", "--user-name", "-", ...target, "--for", "1h");
    assert.match(ordered, /applied +0 sessions now/);

    const [first, second] = [
      { subscriber: alice, id: "1048577" },
      { subscriber: alice, id: "1048600" },
    ];
    await actors.login({ subscriber: bob, id: "1048578" });
    await exchange(bob, SMALL);
    await actors.login(first);
    await exchange(alice, SMALL);
    const between = await witness.quiet(alice);
    await actors.account(first, "Stop");
    await actors.login(second);
    await exchange(alice, SMALL);
    const before = await witness.quiet(alice);
    assert.match(await task("deactivate"), /stopped +1 session now/);
    await exchange(alice, SMALL);
    await witness.quiet(alice);
    await witness.finish();
    const report = await system.mediation.finish();
    assert.deepEqual(report.streams.map(({ interceptId, sessionId }) => [interceptId, sessionId]).toSorted(), [
      [INTERCEPT, 1_048_577],
      [INTERCEPT, 1_048_600],
    ]);
    const expected = { subscriber: alice, interceptId: INTERCEPT, atLeast: 200 };
    assertMirrored(scenario, report, { ...expected, sessionId: 1_048_577, window: { before: between } });
    assertMirrored(scenario, report, { ...expected, sessionId: 1_048_600, window: { after: between, before } });
    assertOriginalsUntouched(scenario, alice, 3 * SMALL.downloadBytes);
  });
});
