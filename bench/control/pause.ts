import { setTimeout as sleep } from "node:timers/promises";

/** Longer than a busy machine keeps the sender of the subscriber's packets waiting; random, so that nothing keeps step with them. */
const PAUSE_MS = { least: 50, more: 20 };

/** Between two requests. */
export async function pause(): Promise<void> {
  await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.more);
}
