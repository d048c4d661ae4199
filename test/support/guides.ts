/** Commands of a guide: what stands in its blocks that are marked as sh, in order. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** From dist/test/support. */
export const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));

export function guideCommands(name: string): string {
  const text = readFileSync(`${REPOSITORY}docs/${name}`, "utf8");
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = ""]) => commands);
  if (blocks.length === 0) throw new Error(`docs/${name} has no commands`);
  return blocks.join("\n");
}
