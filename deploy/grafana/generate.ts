/** Writes the dashboards as JSON beside their sources. `--check`: only says whether they are what they should be. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeDashboard } from "./node.js";
import { serviceDashboard } from "./service.js";

/** From dist/deploy/grafana. */
const DIRECTORY = fileURLToPath(new URL("../../../deploy/grafana/", import.meta.url));
const check = process.argv.includes("--check");

for (const [name, board] of Object.entries({ service: serviceDashboard(), node: nodeDashboard() })) {
  const file = `${DIRECTORY}${name}.json`;
  const text = `${JSON.stringify(board, undefined, 2)}\n`;
  if (!check) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    process.stderr.write(`deploy/grafana/${name}.json is not what its source says: run scripts/generate.sh\n`);
    process.exitCode = 1;
  }
}
