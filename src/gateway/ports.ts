/** What the gateway needs from outside: the event bus, the time, somewhere to log. */
import type { Registry } from "prom-client";
import type { EventResult, PublishedEvent, RadiusEvent } from "../events/types.js";

export interface EventBus {
  /** Resolves when JetStream stored the event. Publishing the same id again within the stream's window stores it once. */
  publish(event: PublishedEvent): Promise<void>;
  /**
   * Answers of agents to event `eventId`, as they come, until the iterator is returned or `signal` aborts.
   * The subscription is made by this call and not by the first `next`, so that no answer to an event that is published after it is missed.
   */
  results(eventId: string, signal: AbortSignal): AsyncIterable<EventResult>;
}

/** A part of pino's interface. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type Cancel = () => void;

export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds since some moment; never steps. */
  monotonic(): number;
  /** Calls `act` once, after `ms` milliseconds. */
  after(ms: number, act: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

export interface GatewayPorts {
  readonly bus: EventBus;
  readonly log: Log;
  readonly metricsRegistry: Registry;
  readonly clock?: Clock;
  /**
   * Seals and signs the LI instruction of an event that has one, before the event leaves the process or goes to disk.
   * Absent: it stays in the clear, which only the lab mode of agents accepts.
   */
  readonly seal?: (event: RadiusEvent) => PublishedEvent;
}
