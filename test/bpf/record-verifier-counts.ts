/** Records the verifier's counts of the objects as they are now, for this kernel and compiler. */
import { writeFileSync } from "node:fs";
import { environment, measureCounts, RECORD_FILE, readRecord } from "./verifier-counts.js";

const record = { ...readRecord(), [environment()]: measureCounts() };
writeFileSync(RECORD_FILE, `${JSON.stringify(record, undefined, 2)}\n`);
console.log(`Recorded for ${environment()} in ${RECORD_FILE}.`);
