/** Intercepts as a table. Pure. */
import type { MediationTarget } from "../../intercepts/types.js";
import { bitRate, bytes, columns, count, time } from "./format.js";
import { bothWays, type RatedIntercept } from "./rates.js";

const HEADINGS = ["INTERCEPT", "SESSION", "STATE", "DIRECTION", "MEDIATION", "PACKETS", "BYTES", "RATE", "LOST"];
const RIGHT: ReadonlySet<number> = new Set([0, 1, 5, 6, 7, 8]);
const TIMES = ["SINCE", "UNTIL"];
const SUBJECT = ["NAS", "USER NAME", "ACCT SESSION ID", "ADDRESSES"];

/** The first line has the headings. Subjects are there where the agent was asked for them. */
export function interceptLines(intercepts: readonly RatedIntercept[], withTimes = true): string[] {
  const withSubjects = intercepts.some(({ subject }) => subject !== undefined);
  const headings = [...HEADINGS, ...(withTimes ? TIMES : []), ...(withSubjects ? SUBJECT : [])];
  const rows = intercepts.map((intercept) => [
    ...cells(intercept),
    ...(withTimes ? timeCells(intercept) : []),
    ...(withSubjects ? subjectCells(intercept) : []),
  ]);
  return columns([headings, ...rows], RIGHT);
}

function cells(intercept: RatedIntercept): string[] {
  const { interceptId, sessionId, state, direction, mediation, rate, lost } = intercept;
  const both = bothWays(intercept);
  return [
    String(interceptId),
    sessionId === undefined ? "-" : String(sessionId),
    state,
    direction,
    targetText(mediation),
    count(both.packets),
    bytes(both.bytes),
    rate === undefined ? "-" : bitRate(rate.bytesPerSecond),
    count(lost),
  ];
}

function timeCells({ since, until }: RatedIntercept): string[] {
  return [since === undefined ? "-" : time(since), until === undefined ? "-" : time(until)];
}

function subjectCells({ subject }: RatedIntercept): string[] {
  if (subject === undefined) return ["", "", "", ""];
  const { nas, userName = "-", acctSessionId = "-", prefixes } = subject;
  return [nas, userName, acctSessionId, prefixes.join(" ")];
}

/** address:port, or address:port/port where the directions are told apart by port. */
function targetText({ address, port, portTo }: MediationTarget): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `${host}:${port}${portTo === undefined ? "" : `/${portTo}`}`;
}
