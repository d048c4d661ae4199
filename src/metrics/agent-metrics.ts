/** What the agent reports. Labels are bounded and there from the start; none names a subscriber, session or intercept. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import {
  DATAPATH_ERROR_CODES,
  type Datapath,
  type DatapathCounters,
  type DatapathErrorCode,
  type MapFill,
} from "../datapath/port.js";
import { DEAD_LETTER_REASONS, type DeadLetterReason } from "../events/subjects.js";
import { RADIUS_EVENT_TYPES, type RadiusEventType, type ResultKind } from "../events/types.js";

/** `recorded`: the event asked for no answer. `duplicate`: it had been applied before. `failed`: a fault of ours. */
export const EVENT_RESULTS = [
  "applied",
  "noop",
  "stopped",
  "unknown-session",
  "rejected",
  "recorded",
  "duplicate",
  "failed",
] as const;
export type EventResultLabel = (typeof EVENT_RESULTS)[number] & (ResultKind | "recorded" | "duplicate" | "failed");

/** `active`: the kernel matches. `waiting`: for an address or session id. `failed`: the kernel refused it. */
export const INTERCEPT_STATES = ["active", "waiting", "failed"] as const;
export type InterceptState = (typeof INTERCEPT_STATES)[number];

function noEvents(): Record<EventResultLabel, number> {
  return Object.fromEntries(EVENT_RESULTS.map((result) => [result, 0])) as Record<EventResultLabel, number>;
}

export interface AgentGauges {
  sessions(): number;
  intercepts(): Readonly<Record<InterceptState, number>>;
}

export class AgentMetrics {
  /** By type and result; the registry is told at a scrape, since its own counting takes as long as what is counted. */
  readonly #events = new Map<string, Record<EventResultLabel, number>>();
  readonly #activation: Histogram;
  readonly #lag: Gauge;
  #eventLag = 0;
  readonly #refusals: Counter<"reason">;
  readonly #conflicts: Counter<"stands">;
  readonly #deadLetters: Counter<"reason">;
  readonly #silent: Counter<"kind">;

  constructor(registry: Registry) {
    const registers = [registry];
    const events = this.#events;
    for (const type of [...RADIUS_EVENT_TYPES, "malformed"]) events.set(type, noEvents());
    const total = new Counter({
      name: "submirror_events_total",
      help: "Events of the stream by type and by what became of them.",
      labelNames: ["type", "result"],
      registers: [],
      collect() {
        this.reset();
        for (const [type, counts] of events) {
          for (const result of EVENT_RESULTS) this.inc({ type, result }, counts[result]);
        }
      },
    });
    registry.registerMetric(total);
    this.#lag = new Gauge({
      name: "submirror_event_lag_messages",
      help: "Messages that the stream holds and this agent has not taken yet.",
      registers,
    });
    this.#activation = new Histogram({
      name: "submirror_activation_seconds",
      help: "From the time of an event that starts mirroring to the kernel matching.",
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    });
    this.#refusals = new Counter({
      name: "submirror_datapath_refusals_total",
      help: "Intercepts that the datapath refused, by reason.",
      labelNames: ["reason"],
      registers,
    });
    for (const reason of DATAPATH_ERROR_CODES) this.#refusals.inc({ reason }, 0);
    this.#conflicts = new Counter({
      name: "submirror_record_conflicts_total",
      help: "Session records that another agent had written meanwhile, by whose stands.",
      labelNames: ["stands"],
      registers,
    });
    this.recordConflicts({ theirs: 0, ours: 0 });
    this.#deadLetters = new Counter({
      name: "submirror_dead_letters_total",
      help: "Events that could not be taken and were set aside, by reason.",
      labelNames: ["reason"],
      registers,
    });
    this.#silent = new Counter({
      name: "submirror_silent_sessions_total",
      help: "Sessions, and logins without a session, that were ended since nothing was heard of them any more.",
      labelNames: ["kind"],
      registers,
    });
    for (const kind of ["session", "login"]) this.#silent.inc({ kind }, 0);
    for (const reason of DEAD_LETTER_REASONS) this.#deadLetters.inc({ reason }, 0);
  }

  event(type: RadiusEventType | "malformed", result: EventResultLabel): void {
    const counts = this.#events.get(type);
    if (counts !== undefined) counts[result] += 1;
  }

  /** Messages that wait in the stream. */
  get eventLag(): number {
    return this.#eventLag;
  }

  lag(messages: number): void {
    this.#eventLag = messages;
    this.#lag.set(messages);
  }

  activated(seconds: number): void {
    this.#activation.observe(Math.max(0, seconds));
  }

  recordConflicts({ theirs, ours }: { readonly theirs: number; readonly ours: number }): void {
    this.#conflicts.inc({ stands: "theirs" }, theirs);
    this.#conflicts.inc({ stands: "ours" }, ours);
  }

  silent(kind: "session" | "login"): void {
    this.#silent.inc({ kind });
  }

  deadLetter(reason: DeadLetterReason): void {
    this.#deadLetters.inc({ reason });
  }

  refused(reason: DatapathErrorCode): void {
    this.#refusals.inc({ reason });
  }
}

/** Gauges that are read when Prometheus asks. */
export function registerAgentGauges(registry: Registry, gauges: AgentGauges): void {
  const sessions = new Gauge({
    name: "submirror_sessions",
    help: "Subscriber sessions that this agent knows.",
    registers: [],
    collect() {
      this.set(gauges.sessions());
    },
  });
  const intercepts = new Gauge({
    name: "submirror_intercepts",
    help: "Intercepts by state.",
    labelNames: ["state"],
    registers: [],
    collect() {
      const counts = gauges.intercepts();
      for (const state of INTERCEPT_STATES) this.set({ state }, counts[state]);
    },
  });
  registry.registerMetric(sessions);
  registry.registerMetric(intercepts);
}

/** The datapath's own counters, read once a scrape. */
export function registerDatapathMetrics(registry: Registry, datapath: Datapath): void {
  const registers = [registry];
  let counters: DatapathCounters | undefined;
  const read = (): DatapathCounters => {
    if (counters === undefined) {
      counters = datapath.counters();
      // One scrape asks four times in a row, the next one asks anew.
      setImmediate(() => {
        counters = undefined;
      });
    }
    return counters;
  };
  const total = (
    name: string,
    help: string,
    label: string,
    values: (all: DatapathCounters) => Record<string, bigint>,
  ) =>
    new Counter({
      name,
      help,
      labelNames: label === "" ? [] : [label],
      registers,
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(values(read()))) {
          this.inc(label === "" ? {} : { [label]: value }, Number(count));
        }
      },
    });
  total(
    "submirror_mirrored_packets_total",
    "Copies sent, by direction as seen from the subscriber.",
    "direction",
    (all) => ({
      from: all.from.packets,
      to: all.to.packets,
    }),
  );
  total(
    "submirror_mirrored_bytes_total",
    "Bytes of the mirrored packets from their IP header on.",
    "direction",
    (all) => ({
      from: all.from.bytes,
      to: all.to.bytes,
    }),
  );
  total(
    "submirror_dropped_packets_total",
    "Copies that were due and did not leave, by reason.",
    "reason",
    (all) => all.dropped,
  );
  total("submirror_fragmented_packets_total", "Copies that left as IP fragments.", "", (all) => ({
    all: all.fragmented,
  }));
  total("submirror_xdp_packets_total", "Copies that an XDP program made; all others were made by tc.", "", (all) => ({
    all: all.byXdp,
  }));
  registerMapGauges(registry, datapath);
}

function registerMapGauges(registry: Registry, datapath: Datapath): void {
  const gauge = (name: string, help: string, value: (fill: MapFill) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["map"],
      registers: [registry],
      collect() {
        for (const fill of datapath.fill()) this.set({ map: fill.map }, value(fill));
      },
    });
  gauge("submirror_map_entries", "Entries of each table of the datapath.", (fill) => fill.entries);
  gauge("submirror_map_capacity", "Entries that each table of the datapath can hold.", (fill) => fill.capacity);
}
