/** Writes docs/reference and docs/README.md. `--check`: only says whether it is what it should be. */
import { programVersion } from "../../src/cli/version.js";
import { cliReference } from "./cli.js";
import { configJsonSchema, configurationReference } from "./configuration.js";
import { asyncApi, eventJsonSchema, eventsReference } from "./events.js";
import { differing, type GeneratedFiles, write } from "./files.js";
import { manPage } from "./man.js";
import { metricsReference } from "./metrics.js";
import { pagesIndex } from "./pages.js";

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

const files: GeneratedFiles = new Map([
  ["docs/reference/cli.md", cliReference()],
  ["docs/reference/submirror.8", manPage()],
  ["docs/reference/configuration.md", configurationReference()],
  ["docs/reference/config.schema.json", json(configJsonSchema())],
  ["docs/reference/metrics.md", await metricsReference()],
  ["docs/reference/events.md", eventsReference()],
  ["docs/reference/event.schema.json", json(eventJsonSchema())],
  ["docs/reference/asyncapi.yaml", asyncApi(programVersion())],
]);
// Behind the others, whose titles it has.
const all = new Map([...files, ["docs/README.md", pagesIndex()]]);

if (process.argv.includes("--check")) {
  const stale = differing(all);
  if (stale.length > 0) {
    process.stderr.write(
      `not what the code says: ${stale.join(", ")}; run scripts/generate.sh and look at the change\n`,
    );
    process.exitCode = 1;
  }
} else write(all);
