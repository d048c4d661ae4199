/** The bench of the control plane: its subscribers are what an agent makes of their events, and its figures what was measured. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ControlRecord, record } from "../../../bench/control/records.js";
import { controlCharts, controlFigures } from "../../../bench/control/report.js";
import { event, mirroredSession, session } from "../../../bench/control/subscribers.js";
import { PLAIN_RECORDS } from "../../../src/sessions/record-codec.js";
import { Scenario } from "../../support/scenario.js";

const MACHINE = { cpu: "a processor", cores: 2, kernel: "Linux 6.18", date: "2026-11-22T16:00:00.000Z" };

describe("subscribers of the bench", () => {
  for (const index of [1, 255, 256, 65_535, 65_536, 999_999, 1_000_000]) {
    it(`are stored as an agent stores them: ${index}`, () => {
      const scenario = new Scenario();
      const { attributes } = event("accounting-start", index, "id", 0).data as { attributes: Record<string, string> };
      scenario.play({ event: "accounting-start", attributes });
      const [made] = scenario.sessions();
      assert.deepEqual({ ...made, seq: 0 }, session(index));
      scenario.play({ event: "accounting-interim", attributes });
      assert.equal(scenario.sessions()[0], made, "an interim update changes nothing");
      const record = mirroredSession(index);
      const key = PLAIN_RECORDS.key(record);
      assert.deepEqual(PLAIN_RECORDS.decode(key, PLAIN_RECORDS.encode(key, record)), record);
    });
  }
});

describe("records of the bench", () => {
  it("have the median, and the worst of few samples", () => {
    assert.deepEqual(record("rebuild", 10, "s", [3, 1, 2]), {
      case: "rebuild",
      n: 10,
      value: 2,
      unit: "s",
      p50: 2,
      p99: 3,
    });
    assert.equal(record("events", 10, "events/s", [3, 1, 2]).p99, 1);
    const many = Array.from({ length: 1001 }, (_, index) => index);
    assert.deepEqual(record("coa", 1, "ms", many, true).samples, many);
    assert.deepEqual([record("coa", 1, "ms", many).p50, record("coa", 1, "ms", many).p99], [500, 990]);
  });

  it("say which goal was reached, by its own figure, and which was not measured", () => {
    const records: ControlRecord[] = [
      record("CoA to first mirrored packet", 200, "ms", [...Array.from({ length: 199 }, () => 1), 400]),
      record("events: interim updates", 1000, "events/s", [49_000]),
      record("rebuild", 1000, "s", [1]),
      record("rebuild", 1_000_000, "s", [20]),
    ];
    const rows = controlFigures(records, MACHINE).split("\n");
    const row = (what: string) => rows.find((line) => line.startsWith(`| ${what} `));
    assert.equal(
      row("CoA to first mirrored packet"),
      "| CoA to first mirrored packet | p99 at most 5 ms | 1 ms | yes |",
    );
    assert.equal(row("events a second"), "| events a second | at least 50,000 events/s | 49,000 events/s | **no** |");
    assert.equal(row("1,000,000 sessions rebuilt"), "| 1,000,000 sessions rebuilt | at most 20 s | 20 s | yes |");
    assert.equal(row("100,000 intercepts active"), "| 100,000 intercepts active |  | not measured |  |");
  });

  it("are drawn where they were measured", () => {
    const records = [
      record("CoA to first mirrored packet", 3, "ms", [1, 2, 3], true),
      record("rebuild", 10, "s", [1]),
      record("rebuild", 100, "s", [2]),
    ];
    assert.deepEqual(
      controlCharts(records).map(({ name }) => name),
      ["control-activation.svg", "control-rebuild.svg"],
    );
    assert.deepEqual(controlCharts([]), []);
  });
});
