/** The loop of `submirror top`: looks, draws, waits. */
import { setTimeout as delay } from "node:timers/promises";
import { LocalClientError } from "../security/process/local-client.js";
import { AgentConnection, type SocketFlags } from "./ask-agent.js";
import { FullScreen } from "./full-screen.js";
import { painter, takesColour } from "./terminal.js";
import { ratedIntercepts, rateOf, type Sample } from "./view/rates.js";
import { type Screen, topLines, UNBOUNDED } from "./view/top-view.js";

export interface TopRun extends SocketFlags {
  readonly once: boolean;
  readonly json: boolean;
  /** Seconds. */
  readonly interval: number;
}

/** Looking may take that part of the agent's time at most: with very many intercepts, looks become rarer. */
const SHARE = 0.1;

/** Until q, or the first look with `once`. Throws LocalClientError where no agent answers from the start. */
export async function runTop(run: TopRun): Promise<void> {
  using watch = new Watch(run);
  // An error belongs on the terminal as it was, not on a screen that vanishes.
  let before = await watch.look();
  if (run.once || run.json || !process.stdout.isTTY) return await printLooks(watch, before, run);
  const end = new AbortController();
  using screen = new FullScreen(() => end.abort());
  const paint = painter(takesColour(process.stdout));
  let lines = (size: Screen): string[] => topLines(undefined, before, { screen: size, now: Date.now(), paint });
  screen.draw((size) => lines(size));
  for (;;) {
    if (!(await pause(watch.restMs, end.signal))) return;
    const after = await watch.look().catch(asAway);
    const last = before;
    const now = Date.now();
    if (after === undefined) {
      const notice = paint("red", "the agent does not answer; its copies go on. Asking again ...");
      lines = (size) => [notice, ...topLines(undefined, last, { screen: size, now, paint })].slice(0, size.rows);
    } else {
      lines = (size) => topLines(last, after, { screen: size, now, paint });
      before = after;
    }
    screen.draw((size) => lines(size));
  }
}

/** For files, pipes and programs. */
async function printLooks(watch: Watch, first: Sample, { once, json }: TopRun): Promise<void> {
  const paint = painter(takesColour(process.stdout));
  let before = first;
  for (;;) {
    await delay(watch.restMs);
    const after = await watch.look();
    const now = Date.now();
    const text = json
      ? JSON.stringify(asJson(before, after))
      : topLines(before, after, { screen: UNBOUNDED, now, paint }).join("\n");
    process.stdout.write(json || once ? `${text}\n` : `${text}\n\n`);
    if (once) return;
    before = after;
  }
}

function asJson(before: Sample, { at, status, counters, intercepts }: Sample): object {
  const seconds = (at - before.at) / 1000;
  return {
    time: new Date().toISOString(),
    seconds,
    status,
    counters,
    rates: {
      from: rateOf(before.counters.from, counters.from, seconds),
      to: rateOf(before.counters.to, counters.to, seconds),
    },
    intercepts: ratedIntercepts(before, { at, intercepts }),
  };
}

class Watch implements Disposable {
  #agent: AgentConnection | undefined;
  #tookMs = 0;

  constructor(private readonly run: TopRun) {}

  /** How long to wait before the next look. */
  get restMs(): number {
    return Math.max(this.run.interval * 1000 - this.#tookMs, this.#tookMs / SHARE);
  }

  /** Throws LocalClientError. */
  async look(): Promise<Sample> {
    const at = performance.now();
    try {
      this.#agent ??= await AgentConnection.open(this.run);
      const status = await this.#agent.status();
      const counters = await this.#agent.counters();
      const intercepts = await this.#agent.intercepts();
      return { at, status, counters, intercepts };
    } catch (error) {
      this.#agent?.[Symbol.dispose]();
      this.#agent = undefined;
      throw error;
    } finally {
      this.#tookMs = performance.now() - at;
    }
  }

  [Symbol.dispose](): void {
    this.#agent?.[Symbol.dispose]();
  }
}

function asAway(error: unknown): undefined {
  if (!(error instanceof LocalClientError)) throw error;
}

/** False where it was ended. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return await delay(milliseconds, true, { signal }).catch(() => false);
}
