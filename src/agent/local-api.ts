/** What a running agent tells root on its local socket. A request names no subscriber, and an answer does so only when asked. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Datapath, DatapathSurroundings, DirectionCounters, MapFill } from "../datapath/port.js";
import type { Direction, MediationTarget } from "../intercepts/types.js";
import type { InterceptState } from "../metrics/agent-metrics.js";
import { LocalRequestError } from "../security/process/local-server.js";
import { validityOf } from "../sessions/intercept.js";
import { prefixesOf, type Session, type SessionIntercept } from "../sessions/session.js";
import { stateOf } from "./intercept-counts.js";

export interface AgentStatus {
  readonly node: string;
  readonly version: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly started: string;
  readonly security: "strict" | "lab";
  readonly datapathMode: string;
  /** What keeps the agent from being ready; empty when it is. */
  readonly waitingFor: readonly string[];
  readonly sessions: number;
  readonly intercepts: Readonly<Record<InterceptState, number>>;
  /** Messages that the stream holds and this agent has not taken yet. */
  readonly eventLag: number;
  /** Absent while the datapath is not there. */
  readonly surroundings?: DatapathSurroundings;
  readonly maps: readonly MapFill[];
  readonly audit: { readonly entries: number; readonly copied: number; readonly unavailable: boolean };
}

export interface Counted {
  readonly packets: number;
  /** Of the mirrored packets, without what was prepended. */
  readonly bytes: number;
}

export interface ListedIntercept {
  /** Names the intercept on this node and in its audit log. */
  readonly key: string;
  readonly interceptId: number;
  /** Absent while accounting has not told it. */
  readonly sessionId?: number;
  readonly state: InterceptState;
  readonly source: SessionIntercept["source"];
  readonly header?: "junos" | "nokia";
  readonly direction: Direction;
  readonly mediation: MediationTarget;
  /** RFC 3339. Absent: from the start. */
  readonly since?: string;
  /** RFC 3339. Absent: nothing bounds it (lab mode). */
  readonly until?: string;
  /** From the subscriber, and to the subscriber. */
  readonly from: Counted;
  readonly to: Counted;
  /** Copies that were due and did not leave. */
  readonly lost: number;
  /** Packets that the drop policy left out. */
  readonly excluded: number;
  /** With `"subjects": true` alone. */
  readonly subject?: {
    readonly nas: string;
    readonly userName?: string;
    readonly acctSessionId?: string;
    readonly prefixes: readonly string[];
  };
}

export interface ListedCounters {
  readonly from: Counted;
  readonly to: Counted;
  readonly dropped: Readonly<Record<string, number>>;
  readonly fragmented: number;
  readonly throughStack: number;
  readonly excluded: number;
  readonly byXdp: number;
}

export interface LocalApiParts {
  readonly status: () => AgentStatus;
  readonly sessions: () => Iterable<Session>;
  /** Undefined while the agent starts. */
  readonly datapath: () => Datapath | undefined;
}

/** Intercepts that are looked up before others have their turn: a CoA does not wait for a list of a hundred thousand. */
const AT_ONCE = 500;
const NOTHING: Counted = { packets: 0, bytes: 0 };

export class LocalApi {
  constructor(private readonly parts: LocalApiParts) {}

  /** `{"get": "status" | "intercepts" | "counters"}`; intercepts with `"subjects": true`, too. Throws LocalRequestError. */
  async answer(request: unknown): Promise<object> {
    const { get, subjects } = (typeof request === "object" && request !== null ? request : {}) as Record<
      string,
      unknown
    >;
    switch (get) {
      case "status":
        return { status: this.parts.status() };
      case "counters":
        return { counters: this.#counters() };
      case "intercepts":
        return { intercepts: await this.#intercepts(subjects === true) };
      default:
        throw new LocalRequestError('"get" must be "status", "intercepts" or "counters"');
    }
  }

  #counters(): ListedCounters {
    const counters = this.parts.datapath()?.counters();
    if (counters === undefined) throw new LocalRequestError("the agent is starting: ask again in a moment");
    const { from, to, dropped, fragmented, throughStack, excluded, byXdp } = counters;
    const reasons = Object.entries(dropped).map(([reason, count]) => [reason, Number(count)] as const);
    return {
      from: counted(from),
      to: counted(to),
      dropped: Object.fromEntries(reasons),
      fragmented: Number(fragmented),
      throughStack: Number(throughStack),
      excluded: Number(excluded),
      byXdp: Number(byXdp),
    };
  }

  async #intercepts(subjects: boolean): Promise<ListedIntercept[]> {
    const listed: ListedIntercept[] = [];
    for (const session of this.parts.sessions()) {
      for (const intercept of session.intercepts) {
        listed.push(this.#listed(session, intercept, subjects));
        if (listed.length % AT_ONCE === 0) await nextTurn();
      }
    }
    return listed;
  }

  #listed(session: Session, intercept: SessionIntercept, subjects: boolean): ListedIntercept {
    const { key, interceptId, sessionId, source, order } = intercept;
    const { notBefore, notAfter } = validityOf(intercept);
    const counters = this.parts.datapath()?.interceptCounters(key);
    return {
      key,
      interceptId,
      ...(sessionId !== undefined && { sessionId }),
      state: stateOf(session, intercept),
      source,
      ...(order.header !== undefined && { header: order.header }),
      direction: order.direction ?? "both",
      mediation: order.mediation,
      ...(notBefore !== undefined && { since: new Date(notBefore).toISOString() }),
      ...(notAfter !== undefined && { until: new Date(notAfter).toISOString() }),
      from: counters === undefined ? NOTHING : counted(counters.from),
      to: counters === undefined ? NOTHING : counted(counters.to),
      lost: Number(counters?.dropped ?? 0n),
      excluded: Number(counters?.excluded ?? 0n),
      ...(subjects && { subject: subjectOf(session) }),
    };
  }
}

/** A packet counter takes centuries to outgrow a double's 53 bits. */
function counted({ packets, bytes }: DirectionCounters): Counted {
  return { packets: Number(packets), bytes: Number(bytes) };
}

function subjectOf(session: Session): NonNullable<ListedIntercept["subject"]> {
  const { nas, acctSessionId, attributes } = session;
  const userName = attributes["User-Name"];
  return {
    nas,
    ...(userName !== undefined && { userName }),
    ...(acctSessionId !== undefined && { acctSessionId }),
    prefixes: prefixesOf(session),
  };
}
