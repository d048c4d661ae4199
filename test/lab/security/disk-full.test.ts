/** A disk that takes nothing more: nothing starts off the record, what runs goes on, and what is to end ends. */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RadiusEvent } from "../../../src/events/types.js";
import { verifyAudit } from "../../../src/security/audit/verify.js";
import { startTestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { makeStrictKeys, StrictPublisher } from "../../support/strict.js";
import { activation, Desk, deactivation } from "../../support/tasking.js";
import { run } from "../parts/run.js";

/** A disk of its own, which one can fill. */
async function smallDisk(path: string) {
  mkdirSync(path, { recursive: true });
  await run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path]);
  const filler = join(path, "filler");
  return {
    fill: (): void => {
      const fd = openSync(filler, "a");
      try {
        for (const size of [4096, 1]) for (;;) writeSync(fd, Buffer.alloc(size));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
      } finally {
        closeSync(fd);
      }
    },
    makeRoom: (): void => rmSync(filler),
    [Symbol.asyncDispose]: async () => void (await run(["umount", "-l", path])),
  };
}

const subscriber = (id: number) => ({
  "User-Name": `user${id}`,
  "Acct-Session-Id": String(id),
  "Framed-IP-Address": `100.64.0.${id}`,
});
const coa = (id: number, action: "on" | "off"): RadiusEvent =>
  radiusEvent("coa", { attributes: { "User-Name": `user${id}` }, li: li(action, { handle: `0000030000000${id}90` }) });

for (const what of ["audit", "state"] as const) {
  test(`the disk of the ${what === "audit" ? "audit log" : "memory of orders"} is full: no new intercept starts, running ones go on and end`, async () => {
    await using nats = await startTestNats();
    using keys = makeStrictKeys();
    await using disk = await smallDisk(join(keys.directory, what));
    const datapath = new FakeDatapath();
    await using agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
    await agent.ready;
    const connection = await nats.connect();
    const readers = [keys.agentSeal.publicKey];
    const publisher = await StrictPublisher.open(connection, keys.gateway, readers);
    const desk = new Desk(connection, readers);
    for (const id of [1, 2, 3]) await publisher.tell(radiusEvent("accounting-start", { attributes: subscriber(id) }));
    assert.equal((await publisher.ask(coa(1, "on"))).result, "applied");
    const byName = { by: "user-name", value: "user2" } as const;
    assert.equal((await desk.ask(activation("t-1", byName), keys.authority)).result, "applied");
    assert.equal(datapath.specs.size, 2);

    disk.fill();
    // What the last page of a file still holds is written.
    let changed = 0;
    while ((await publisher.ask(coa(1, "on"))).result === "applied") changed += 1;
    assert.ok(changed < 100, `${changed} orders were taken on a full disk`);
    assert.equal((await publisher.ask(coa(3, "on"))).result, "rejected");
    assert.equal(
      (await desk.ask(activation("t-2", byName, { handle: "40001235" }), keys.authority)).result,
      "rejected",
    );
    assert.equal(datapath.specs.size, 2, "what ran goes on, and nothing else runs");
    assert.equal((await publisher.ask(coa(1, "off"))).result, "stopped");
    assert.equal((await desk.ask(deactivation("t-1"), keys.authority)).result, "stopped");
    assert.equal(datapath.specs.size, 0);

    disk.makeRoom();
    await until("it starts again", async () => (await publisher.ask(coa(3, "on"))).result === "applied", 20_000);
    assert.equal(datapath.specs.size, 1);
    await agent.stop();
    const { misfit } = await verifyAudit({ directory: join(keys.directory, "audit") });
    assert.equal(misfit, undefined);
  });
}

test("audit.whenFull: go-on starts off the record, as whoever configures it wants", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  await using disk = await smallDisk(join(keys.directory, "audit"));
  const datapath = new FakeDatapath();
  const yaml = keys.yaml().replace("audit:\n", "audit:\n  whenFull: go-on\n");
  await using agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml });
  await agent.ready;
  const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: subscriber(1) }));
  disk.fill();
  assert.equal((await publisher.ask(coa(1, "on"))).result, "applied");
  assert.equal(datapath.specs.size, 1);
});
