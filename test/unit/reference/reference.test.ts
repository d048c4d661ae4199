/** The reference is complete, and made from the code: what is described nowhere is missing here. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { configJsonSchema } from "../../../scripts/reference/configuration.js";
import { childRows, type JsonSchema } from "../../../scripts/reference/json-schema.js";
import { manPage } from "../../../scripts/reference/man.js";
import { metricsReference } from "../../../scripts/reference/metrics.js";

const REFERENCE = fileURLToPath(new URL("../../../../docs/reference/", import.meta.url));

test("every key of the configuration says what it means", () => {
  const rows = childRows("", configJsonSchema() as JsonSchema);
  assert.ok(rows.length > 100);
  for (const [key, , , meaning] of rows) assert.ok(meaning.length > 2, `${key} has no description`);
});

test("the published schema takes a configuration, and finds a mistake", () => {
  const schema = z.fromJSONSchema(JSON.parse(readFileSync(`${REFERENCE}config.schema.json`, "utf8")));
  const good = { interfaces: { access: ["eth1"] }, mediation: { sourceIpv4: "192.0.2.1" } };
  assert.ok(schema.safeParse(good).success);
  assert.ok(!schema.safeParse({ ...good, interfaces: { acess: ["eth1"] } }).success);
});

test("metrics that run are in the reference, with their labels", async () => {
  const page = await metricsReference();
  assert.equal(readFileSync(`${REFERENCE}metrics.md`, "utf8"), page);
  assert.match(page, /`submirror_dropped_packets_total` \| counter \| `reason`: no_route, oversize/);
  assert.match(page, /`submirror_gateway_requests_total` \| counter \| `service`: auth/);
});

test("man takes the page", () => {
  const { status, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8"], { input: manPage(), encoding: "utf8" });
  assert.equal(`${status} ${stderr}`, "0 ");
});
