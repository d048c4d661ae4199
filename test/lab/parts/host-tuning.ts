/**
 * The settings of the machine itself that a lab needs and that no namespace has of its own. They are only ever raised,
 * and put back by the last lab that stands; what they were is kept in a file, in case a lab cannot clean up.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Lab } from "./lab.js";

/**
 * netdev_max_backlog: all links of the lab share one queue a core; one burst of super-packets, cut into packets and
 * mirrored, is more than its 1000.
 */
const AT_LEAST: Readonly<Record<string, number>> = {
  "/proc/sys/net/core/netdev_max_backlog": 20_000,
};
const BEFORE = "/run/submirror-lab-sysctl.json";

export function raiseLimits(lab: Lab): void {
  const before = settingsBefore();
  for (const [path, wanted] of Object.entries(AT_LEAST)) {
    const value = Number(readFileSync(path, "utf8"));
    if (value >= wanted) continue;
    before[path] = value;
    writeFileSync(path, String(wanted));
  }
  writeFileSync(BEFORE, JSON.stringify(before), { mode: 0o600 });
  lab.onDestroy(() => {
    if (!otherLabs()) restore();
  });
}

function settingsBefore(): Record<string, number> {
  return existsSync(BEFORE) ? (JSON.parse(readFileSync(BEFORE, "utf8")) as Record<string, number>) : {};
}

function restore(): void {
  for (const [path, value] of Object.entries(settingsBefore())) {
    if (path in AT_LEAST) writeFileSync(path, String(value));
  }
  rmSync(BEFORE, { force: true });
}

function otherLabs(): boolean {
  const names = existsSync("/run/netns") ? readdirSync("/run/netns") : [];
  return names.some((name) => /^sm-\d+-/.test(name) && !name.startsWith(`sm-${process.pid}-`));
}
