/**
 * When silence means that a session is over. What counts is how long nothing was heard of the session while its NAS was
 * heard: where nothing comes from the whole NAS, the way from it is broken, and its sessions may well go on.
 */
import type { Session } from "./session.js";

export interface SilenceLimits {
  /** Where the session has no Acct-Interim-Interval; undefined: such sessions never end for silence. */
  readonly interimMs: number | undefined;
  /** 2 or more. */
  readonly missedInterims: number;
  readonly silentNasMs: number;
  readonly pendingMs: number;
}

/** Milliseconds of a clock that nobody steps. */
interface Voice {
  heardAt: number;
  /** Since then there was no gap in what is heard. */
  since: number;
  doesAccounting: boolean;
  /** The longest of its sessions. */
  intervalMs: number;
}

export class Silence {
  readonly #voices = new Map<string, Voice>();

  constructor(
    private readonly limits: SilenceLimits,
    /** Nothing is known of before. */
    private readonly startedAt: number,
  ) {}

  /** An event of the NAS has come. */
  heard(nas: string, now: number, isAccounting: boolean): void {
    const voice = this.#voiceOf(nas);
    if (now - voice.heardAt > this.#gapOf(voice)) voice.since = now;
    voice.heardAt = now;
    voice.doesAccounting ||= isAccounting;
  }

  /** Whether the session is over. `seenAt`: when an event last spoke of it. */
  isOver(session: Session, seenAt: number, now: number): boolean {
    const voice = this.#voiceOf(session.nas);
    const interval = this.#intervalOf(session);
    if (interval !== undefined) voice.intervalMs = Math.max(voice.intervalMs, interval);
    const isPending = session.acctSessionId === undefined;
    const limit = isPending ? this.limits.pendingMs : interval && interval * this.limits.missedInterims;
    if (limit === undefined) return false;
    const nasIsQuietFor = now - voice.heardAt;
    if (nasIsQuietFor > this.#gapOf(voice)) return nasIsQuietFor > Math.max(limit, this.limits.silentNasMs);
    if (isPending && !voice.doesAccounting) return false;
    return now - Math.max(seenAt, voice.since) > limit;
  }

  /** One interim update may get lost without that being a gap. */
  #gapOf({ intervalMs }: Voice): number {
    const { missedInterims, pendingMs } = this.limits;
    return intervalMs > 0 ? intervalMs * (missedInterims - 1) : pendingMs;
  }

  #intervalOf({ attributes }: Session): number | undefined {
    const text = attributes["Acct-Interim-Interval"];
    if (text === undefined || !/^[1-9]\d{0,8}$/.test(text)) return this.limits.interimMs;
    return Number(text) * 1000;
  }

  #voiceOf(nas: string): Voice {
    const known = this.#voices.get(nas);
    if (known !== undefined) return known;
    const { startedAt } = this;
    const intervalMs = this.limits.interimMs ?? 0;
    const voice = { heardAt: startedAt, since: startedAt, doesAccounting: false, intervalMs };
    this.#voices.set(nas, voice);
    return voice;
  }
}
