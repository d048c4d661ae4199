/** The gateway's counters. Every label is one of a list that is known when the gateway starts, and starts at zero. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { ERROR_CAUSE, RADIUS_EVENT_TYPES } from "../events/types.js";

export const SERVICES = ["auth", "accounting", "coa", "http"] as const;
export type Service = (typeof SERVICES)[number];
/** Those that drop what they do not believe; the others say so. */
export type DatagramService = Exclude<Service, "http">;

const DATAGRAM_SERVICES: readonly DatagramService[] = ["auth", "accounting", "coa"];

export const DROP_REASONS = [
  "malformed",
  "unknown_client",
  "untrusted_certificate",
  "unexpected_code",
  "bad_authenticator",
  "bad_message_authenticator",
  "missing_message_authenticator",
  "unprotected_proxy_state",
  "other_nas",
  "stale_timestamp",
  "bad_response",
  "too_long",
  "overload",
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export const REQUEST_RESULTS = {
  auth: ["accept", "reject", "challenge", "timeout", "duplicate", "status"],
  accounting: ["answered", "timeout", "not_stored", "duplicate", "status"],
  coa: ["ack", "nak", "duplicate"],
  http: ["stored", "not_stored", "refused", "unauthorized"],
} as const;
export type RequestResult<S extends Service> = (typeof REQUEST_RESULTS)[S][number];

export const HOLD_RESULTS = ["answered", "timeout", "unavailable"] as const;
export type HoldResult = (typeof HOLD_RESULTS)[number];

export const EVENT_RESULTS = ["stored", "spooled", "lost"] as const;
export type EventOutcome = (typeof EVENT_RESULTS)[number];

type Labels<L extends string> = Readonly<Record<L, string>>;

/** A counter whose label values are all known. It counts by itself, and hands over when it is collected: a login counts often. */
class BoundedCounter<L extends string> {
  readonly #counts = new Map<string, { readonly labels: Labels<L>; value: number; collected: number }>();

  constructor(registry: Registry, name: string, help: string, names: readonly L[], values: readonly Labels<L>[]) {
    const counts = this.#counts;
    for (const labels of values) {
      counts.set(names.map((label) => labels[label]).join(" "), { labels, value: 0, collected: 0 });
    }
    const counter: Counter = new Counter({
      name,
      help,
      labelNames: [...names],
      registers: [registry],
      collect() {
        for (const count of counts.values()) {
          counter.inc(count.labels, count.value - count.collected);
          count.collected = count.value;
        }
      },
    });
  }

  /** `key`: the values of the labels, in their order, with a blank between. */
  inc(key: string): void {
    const count = this.#counts.get(key);
    if (count !== undefined) count.value++;
  }
}

/** From a fast answer on the same machine to a time-out. */
const LATENCY_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export class GatewayMetrics {
  readonly #requests: BoundedCounter<"service" | "result">;
  readonly #dropped: BoundedCounter<"service" | "reason">;
  readonly #holds: BoundedCounter<"result">;
  readonly #events: BoundedCounter<"type" | "result">;
  readonly #naks: BoundedCounter<"error_cause">;
  readonly #refusedInstructions: Counter;
  readonly #unsignedReplies: BoundedCounter<"upstream">;
  readonly #hiddenFailures: Counter;
  readonly #upstreamSeconds: Map<string, { observe(seconds: number): void }>;
  readonly #upstreamTimeouts: BoundedCounter<"upstream">;
  readonly #upstreamUp: Gauge;
  readonly heldAccepts: Gauge;

  constructor(
    private readonly registry: Registry,
    upstreams: readonly string[],
  ) {
    const registers = [registry];
    const services = SERVICES.flatMap((service) => REQUEST_RESULTS[service].map((result) => ({ service, result })));
    const drops = DATAGRAM_SERVICES.flatMap((service) => DROP_REASONS.map((reason) => ({ service, reason })));
    const events = RADIUS_EVENT_TYPES.flatMap((type) => EVENT_RESULTS.map((result) => ({ type, result })));
    const byUpstream = upstreams.map((upstream) => ({ upstream }));
    this.#requests = new BoundedCounter(
      registry,
      "submirror_gateway_requests_total",
      "Requests that authenticated, by service and by what became of them.",
      ["service", "result"],
      services,
    );
    this.#dropped = new BoundedCounter(
      registry,
      "submirror_gateway_dropped_total",
      "Packets that were dropped without an answer, by reason.",
      ["service", "reason"],
      drops,
    );
    this.#holds = new BoundedCounter(
      registry,
      "submirror_gateway_holds_total",
      "Access-Accepts that were held until agents answered, by what ended the hold.",
      ["result"],
      HOLD_RESULTS.map((result) => ({ result })),
    );
    this.#events = new BoundedCounter(
      registry,
      "submirror_gateway_events_total",
      "Events by type and by where they ended up.",
      ["type", "result"],
      events,
    );
    this.#naks = new BoundedCounter(
      registry,
      "submirror_gateway_naks_total",
      "CoA-NAK and Disconnect-NAK by Error-Cause.",
      ["error_cause"],
      [...Object.values(ERROR_CAUSE).map(String), "other"].map((cause) => ({ error_cause: cause })),
    );
    this.#unsignedReplies = new BoundedCounter(
      registry,
      "submirror_gateway_replies_without_message_authenticator_total",
      "Access-Accept, -Reject and -Challenge that an upstream server sent without Message-Authenticator.",
      ["upstream"],
      byUpstream,
    );
    this.#upstreamTimeouts = new BoundedCounter(
      registry,
      "submirror_gateway_upstream_timeouts_total",
      "Packets that an upstream server did not answer in time.",
      ["upstream"],
      byUpstream,
    );
    this.#refusedInstructions = new Counter({
      name: "submirror_gateway_refused_instructions_total",
      help: "Access-Accepts whose LI attributes could not be decrypted or break a rule; the login goes on without them.",
      registers,
    });
    this.#hiddenFailures = new Counter({
      name: "submirror_gateway_undecryptable_attributes_total",
      help: "Hidden attributes that did not decrypt with the hop's secret and were passed on as they came.",
      registers,
    });
    this.heldAccepts = new Gauge({
      name: "submirror_gateway_held_accepts",
      help: "Access-Accepts that wait for agents at the moment.",
      registers,
    });
    this.#upstreamUp = new Gauge({
      name: "submirror_gateway_upstream_up",
      help: "1 while an upstream server, or a NAS that requests are relayed to, answers, else 0.",
      labelNames: ["upstream", "port"],
      registers,
    });
    const seconds = new Histogram({
      name: "submirror_gateway_upstream_seconds",
      help: "Time from a request to the upstream server's answer.",
      labelNames: ["upstream"],
      buckets: LATENCY_BUCKETS,
      registers,
    });
    for (const labels of byUpstream) seconds.zero(labels);
    this.#upstreamSeconds = new Map(upstreams.map((upstream) => [upstream, seconds.labels({ upstream })]));
  }

  request<S extends Service>(service: S, result: RequestResult<S>): void {
    this.#requests.inc(`${service} ${result}`);
  }

  dropped(service: DatagramService, reason: DropReason): void {
    this.#dropped.inc(`${service} ${reason}`);
  }

  hold(result: HoldResult): void {
    this.#holds.inc(result);
  }

  event(type: string, result: EventOutcome): void {
    this.#events.inc(`${type.slice("radius.".length)} ${result}`);
  }

  nak(errorCause: number): void {
    const known = Object.values(ERROR_CAUSE).some((cause) => cause === errorCause);
    this.#naks.inc(known ? String(errorCause) : "other");
  }

  refusedInstruction(): void {
    this.#refusedInstructions.inc();
  }

  hiddenFailures(count: number): void {
    if (count > 0) this.#hiddenFailures.inc(count);
  }

  unsignedReply(upstream: string): void {
    this.#unsignedReplies.inc(upstream);
  }

  upstreamTimeout(upstream: string): void {
    this.#upstreamTimeouts.inc(upstream);
  }

  upstreamAnswered(upstream: string, seconds: number): void {
    this.#upstreamSeconds.get(upstream)?.observe(seconds);
  }

  upstreamUp(upstream: string, port: string, up: boolean): void {
    this.#upstreamUp.set({ upstream, port }, up ? 1 : 0);
  }

  /** Reads the spool's state whenever metrics are collected. */
  watchSpool(read: () => { readonly bytes: number; readonly damaged: number; readonly active: boolean }): void {
    this.#watch("submirror_gateway_spool_bytes", "Events that wait on disk, in bytes.", () => read().bytes);
    this.#watch("submirror_gateway_spooling", "1 while events take the way through the spool, else 0.", () =>
      read().active ? 1 : 0,
    );
    this.#watch(
      "submirror_gateway_spool_damaged_records",
      "Records of the spool that could not be read back since the gateway started.",
      () => read().damaged,
    );
  }

  #watch(name: string, help: string, read: () => number): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read());
      },
    });
    this.registry.registerMetric(gauge);
  }
}
