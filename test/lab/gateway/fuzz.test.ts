/** A bounded part of what `bench/gateway/fuzz` does: mutated packets to every port of a gateway in a process of its own. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { fuzz } from "../../../bench/gateway/fuzz.js";

const PACKETS = 20_000;

it("mutated packets: no crash, no answer to what does not authenticate, no memory kept", async () => {
  const seed = Date.now() % 2 ** 31;
  const { reports, memory, exited } = await fuzz(PACKETS, seed);
  const said = `seed ${seed}: ${JSON.stringify({ reports, memory })}`;
  assert.equal(exited, false, said);
  for (const { answered, believedAnswered } of reports) {
    assert.equal(answered, 0, said);
    // It is alive, and what is signed is looked at.
    assert.ok(believedAnswered > 0, said);
  }
  assert.ok(memory.late - memory.early < 64, said);
});
