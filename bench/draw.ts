/** Draws the charts of the README again from bench/results.json. */
import { fileURLToPath } from "node:url";
import { drawCharts, readResults } from "./files.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

drawCharts(ROOT, readResults(ROOT));
