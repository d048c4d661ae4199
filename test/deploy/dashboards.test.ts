/** The dashboards: what their source says, whole, about series that exist. That each panel shows data is the lab's to say. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Dashboard, Panel } from "@grafana/schema";
import { selectors, selects } from "../support/promql.js";
import { reportedSamples } from "../support/registries.js";
import { typeErrors } from "../support/type-check.js";

/** From dist/test/deploy. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const NAMES = ["service", "node"];

function read(name: string): Dashboard {
  return JSON.parse(readFileSync(join(ROOT, "deploy/grafana", `${name}.json`), "utf8")) as Dashboard;
}

const panelsOf = (board: Dashboard): Panel[] => (board.panels ?? []) as Panel[];
const expressions = (panel: Panel): string[] => (panel.targets ?? []).map((target) => String(target["expr"]));

test("the dashboards are generated anew", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "dist/deploy/grafana/generate.js"), "--check"], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
});

test("they are of the form that Grafana knows, and have nothing else in them", () => {
  const type = 'import("@grafana/schema").Dashboard';
  assert.equal(
    typeErrors(
      "dashboards",
      NAMES.map((name) => ({ type, value: read(name) })),
    ),
    "",
  );
  const mistaken = read("node");
  Object.assign(panelsOf(mistaken)[1]?.fieldConfig?.defaults ?? {}, { unitz: "s" });
  assert.match(typeErrors("dashboard-mistake", [{ type, value: mistaken }]), /unitz/, "a mistake would be found");
});

for (const name of NAMES) {
  test(`dashboard ${name}: panels have ids of their own, lie beside one another, and ask for something`, () => {
    const board = read(name);
    const panels = panelsOf(board);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos, type } of panels) {
      assert.ok(gridPos, title);
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} lies over another panel`);
          taken.add(`${x} ${y}`);
        }
      }
      if (type !== "row") assert.ok(title);
    }
    const titles = panels.filter(({ type }) => type !== "row").map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length, "two panels of one title");
    assert.ok(panels.filter(({ type }) => type !== "row").every((panel) => expressions(panel).length > 0));
  });

  test(`dashboard ${name}: variables that are used are there, those that are there are used`, () => {
    const board = read(name);
    const defined = new Set((board.templating?.list ?? []).map((variable) => variable.name));
    const text = JSON.stringify(board.panels);
    const used = new Set([...text.matchAll(/\$\{?(\w+)\}?/g)].map((match) => match[1] ?? ""));
    used.delete("__rate_interval");
    assert.deepEqual([...used].toSorted(), [...defined].toSorted());
  });

  test(`dashboard ${name}: legends name labels that the query leaves`, () => {
    for (const panel of panelsOf(read(name))) {
      for (const target of panel.targets ?? []) {
        const by = /^[^(]*\bby \(([^)]*)\)/.exec(String(target["expr"]))?.[1]?.split(/,\s*/);
        const named = [...String(target["legendFormat"] ?? "").matchAll(/\{\{(\w+)\}\}/g)].map(
          (match) => match[1] ?? "",
        );
        if (by !== undefined)
          assert.ok(
            named.every((label) => by.includes(label)),
            panel.title,
          );
      }
    }
  });

  test(`dashboard ${name}: every query asks for series that are there from the start`, async () => {
    const reported = await reportedSamples();
    for (const panel of panelsOf(read(name))) {
      for (const selector of expressions(panel).flatMap(selectors)) {
        const here = { ...selector, matchers: selector.matchers.filter(({ label }) => label !== "instance") };
        assert.ok(
          reported.some((sample) => selects(here, sample)),
          `${panel.title}: nobody reports ${selector.metric} ${JSON.stringify(here.matchers)}`,
        );
      }
    }
  });
}
