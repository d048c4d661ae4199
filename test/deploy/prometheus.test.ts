/** The alerts: sound, tried by promtool, each with its runbook, about metrics that exist. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { selectors, selects } from "../support/promql.js";
import { reportedSamples } from "../support/registries.js";

/** From dist/test/deploy. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const RULES = join(ROOT, "deploy/prometheus/rules.yaml");
const TESTS = join(ROOT, "deploy/prometheus/tests");
const RUNBOOKS = join(ROOT, "docs/runbooks");
const SECTIONS = ["## Meaning", "## Impact", "## Diagnosis", "## Remedy"];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface RuleTest {
  readonly promql_expr_test: readonly { readonly exp_samples: readonly { readonly labels: string }[] }[];
}

const rules = (parse(readFileSync(RULES, "utf8")) as { groups: { rules: Rule[] }[] }).groups.flatMap((it) => it.rules);
const alerts = rules.map(({ alert }) => alert).toSorted();

function promtool(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

test("promtool finds the rules sound, and each alert as its test says", () => {
  promtool("check", "rules", RULES);
  promtool("test", "rules", ...readdirSync(TESTS).map((name) => join(TESTS, name)));
});

test("each alert has a test in which it fires and one in which it does not", () => {
  const files = readdirSync(TESTS).map((name) => parse(readFileSync(join(TESTS, name), "utf8")));
  const cases = (files as { tests: (RuleTest & { name: string })[] }[]).flatMap(({ tests }) => tests);
  const silent = cases.filter((it) => it.promql_expr_test.every(({ exp_samples }) => exp_samples.length === 0));
  const named = (name: string): string => name.split(" ")[0] ?? "";
  assert.deepEqual(silent.map(({ name }) => named(name)).toSorted(), alerts);
  const fired = cases.flatMap((it) => it.promql_expr_test.flatMap(({ exp_samples }) => exp_samples));
  assert.deepEqual(fired.map(({ labels }) => /alertname="(\w+)"/.exec(labels)?.[1]).toSorted(), alerts);
});

test("each alert has a runbook, complete, and each runbook an alert", () => {
  const pages = readdirSync(RUNBOOKS).filter((name) => name !== "README.md");
  assert.deepEqual(pages.toSorted(), alerts.map((name) => `${name}.md`).toSorted());
  const index = readFileSync(join(RUNBOOKS, "README.md"), "utf8");
  for (const { alert, labels, annotations } of rules) {
    assert.equal(annotations.runbook, `docs/runbooks/${alert}.md`);
    assert.match(labels.severity, /^(page|ticket|info)$/);
    assert.ok(index.includes(`(${alert}.md)`), `docs/runbooks/README.md does not lead to ${alert}`);
    const text = readFileSync(join(RUNBOOKS, `${alert}.md`), "utf8");
    assert.ok(text.startsWith(`# ${alert}\n`), alert);
    const found = text.split("\n").filter((line) => line.startsWith("## "));
    assert.deepEqual(found, SECTIONS, alert);
  }
});

test("rules ask for series that agents and gateways have from the start", async () => {
  const reported = await reportedSamples();
  for (const { alert, expr } of rules) {
    const asked = selectors(expr);
    assert.notEqual(asked.length, 0, alert);
    for (const selector of asked) {
      assert.ok(
        reported.some((sample) => selects(selector, sample)),
        `${alert}: nobody reports ${selector.metric} ${JSON.stringify(selector.matchers)}`,
      );
    }
  }
});
