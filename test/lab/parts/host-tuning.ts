/**
 * The settings of the machine itself that a lab needs and that no namespace has of its own. They are only ever raised,
 * and put back by the last lab that stands.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Lab } from "./lab.js";

/**
 * netdev_max_backlog: all links of the lab share one queue a core; one burst of super-packets, cut into packets and
 * mirrored, is more than its 1000. rmem_max: the most that a receive buffer may be given.
 */
const AT_LEAST: Readonly<Record<string, number>> = {
  "/proc/sys/net/core/netdev_max_backlog": 20_000,
  "/proc/sys/net/core/rmem_max": 128 * 1024 * 1024,
};

export function raiseBacklog(lab: Lab): void {
  const before: [string, number][] = [];
  for (const [path, wanted] of Object.entries(AT_LEAST)) {
    const value = Number(readFileSync(path, "utf8"));
    if (value >= wanted) continue;
    before.push([path, value]);
    writeFileSync(path, String(wanted));
  }
  lab.onDestroy(() => {
    const others = readdirSync("/run/netns").some(
      (name) => /^sm-\d+-/.test(name) && !name.startsWith(`sm-${process.pid}-`),
    );
    if (!others) for (const [path, value] of before) writeFileSync(path, String(value));
  });
}
