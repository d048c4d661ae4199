import { setTimeout as delay } from "node:timers/promises";

/** Waits until `condition` holds. Throws after `withinMs`, with `what` it waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain until ${what}`);
    await delay(10);
  }
}
