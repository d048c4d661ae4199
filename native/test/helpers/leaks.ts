/** A leak of a descriptor or of native memory fails the test file. */
import { openResources, trackResources } from "../../src/index.js";

/**
 * To be called first in every test file: what is opened from then on and not closed fails the file, with the place
 * where it was opened. The check runs when the process ends, which is after all `after` hooks.
 */
export function failOnLeaks(): void {
  trackResources();
  process.on("exit", () => {
    const left = openResources();
    if (left.length === 0) return;
    process.stderr.write(`${left.length} left open:\n${left.map(({ stack }) => stack).join("\n\n")}\n`);
    process.exitCode = 1;
  });
}
