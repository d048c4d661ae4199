/**
 * The end of an intercept is a moment, not a reading of the wall clock. No test steps the machine's clock: other programs
 * live by it. The agent's is injected, and the kernel has none to step: it goes by the time since boot.
 */
import assert from "node:assert/strict";
import { it, mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bootClockNs } from "../../../src/datapath/clock.js";
import { Intercept } from "../../../src/datapath/layout.gen.js";
import { indexKey } from "../../../src/datapath/registers.js";
import { startTestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { HOUR } from "../../support/security.js";
import { makeStrictKeys, StrictPublisher } from "../../support/strict.js";
import { accessWire, copies, Edge, mediationWire } from "../net/edge.js";

const DEVICE_MAC = "02:00:5e:20:00:09";
const LASTS_MS = 1500;

for (const [name, step] of [
  ["an hour back", -HOUR],
  ["an hour on", HOUR],
] as const) {
  it(`the kernel ends an intercept on time, the wall clock stepped ${name} meanwhile`, async () => {
    using edge = new Edge();
    using access = accessWire();
    using mediation = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached acc0 access");
    await edge.told("attached med0 mediation");
    const begun = bootClockNs();
    const notAfter = Date.now() + LASTS_MS;
    edge.put({ notAfter });
    const stepped = Date.now() + step;
    const clock = mock.method(Date, "now", () => stepped);
    try {
      edge.send(access, 10);
      await sleep(200);
      assert.equal(copies(mediation.drain(), DEVICE_MAC).length, 10, "mirrored before the end");
      // The session changes meanwhile, and with it the intercept.
      edge.put({ notAfter, dscp: 10 });
      const rows = edge.datapath.object.map("intercepts");
      const ends = Array.from({ length: 8 }, (_, slot) => rows.lookup(indexKey(slot)))
        .map((row) => (row === undefined ? 0n : Intercept.decode(row).not_after_ns))
        .filter((end) => end > begun);
      assert.equal(new Set(ends).size, 1, String(ends));
      const lasts = Number((ends[0] ?? 0n) - begun) / 1e6;
      assert.ok(Math.abs(lasts - LASTS_MS) < 100, `ends after ${lasts} ms`);
      await sleep(Math.max(0, Number((ends[0] ?? 0n) - bootClockNs()) / 1e6 + 20));
      edge.send(access, 10);
      await sleep(200);
      assert.equal(copies(mediation.drain(), DEVICE_MAC).length, 0, "mirrored after the end");
    } finally {
      clock.mock.restore();
    }
  });

  it(`an agent whose clock is stepped ${name} ends an intercept when it would have ended`, async () => {
    await using nats = await startTestNats();
    using keys = makeStrictKeys();
    const datapath = new FakeDatapath();
    let shift = 0;
    const clock = (): number => Date.now() + shift;
    await using agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml(), clock });
    await agent.ready;
    const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
    const subscriber = { "User-Name": "bob", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.8" };
    await publisher.tell(radiusEvent("accounting-start", { attributes: subscriber }));
    const begun = performance.now();
    const notAfter = new Date(Date.now() + 2 * LASTS_MS).toISOString();
    const order = radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on", { notAfter }) });
    assert.equal((await publisher.ask(order)).result, "applied");
    shift = step;
    await sleep(LASTS_MS / 2);
    assert.equal(datapath.specs.size, 1, "it runs until its end");
    await until("it has ended", () => datapath.specs.size === 0, 10_000);
    const lasted = performance.now() - begun;
    // The agent looks once a second; the kernel has ended it to the millisecond.
    assert.ok(lasted >= 2 * LASTS_MS - 100 && lasted < 2 * LASTS_MS + 4000, `${lasted} ms`);
  });
}
