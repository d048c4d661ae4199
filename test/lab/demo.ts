/** The demonstration: both ways into mirroring, at login and in session, with real components, and the proof at the end. */
import { DemoStory } from "./demo/story.js";

try {
  const story = new DemoStory((line) => process.stdout.write(`${line}\n`));
  process.exitCode = (await story.tell()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
