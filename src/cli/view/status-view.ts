/** `submirror status` as text. Pure. */
import type { AgentStatus, ListedCounters } from "../../agent/local-api.js";
import type { MapFill, MediationPath } from "../../datapath/port.js";
import type { Paint } from "../terminal.js";
import { bytes, columns, count, duration } from "./format.js";

/** `now`: Unix time in milliseconds. */
export function statusLines(
  status: AgentStatus,
  counters: ListedCounters | undefined,
  { now, paint }: { readonly now: number; readonly paint: Paint },
): string[] {
  const rows = [
    ["security", status.security],
    ["sessions", count(status.sessions)],
    ["intercepts", interceptsText(status)],
    ...(counters === undefined ? [] : countersRows(counters)),
    ["events", status.eventLag === 0 ? "none waits in the stream" : `${count(status.eventLag)} wait in the stream`],
    ...surroundingsRows(status),
    ...(status.maps.length === 0 ? [] : [["tables", fillText(status.maps)]]),
    ["audit", auditText(status)],
  ];
  return [headline(status, now, paint), "", ...columns(rows)];
}

export function headline(status: AgentStatus, now: number, paint: Paint): string {
  const { node, version, pid, started, datapathMode, waitingFor } = status;
  const state =
    waitingFor.length === 0 ? paint("green", "ready") : paint("yellow", `waiting for ${waitingFor.join(", ")}`);
  const up = duration(now - Date.parse(started));
  return `${paint("bold", node)}: ${state}, ${datapathMode}, submirror ${version}, pid ${pid}, up ${up}`;
}

export function lossText({ dropped }: ListedCounters): string {
  const reasons = Object.entries(dropped)
    .filter(([, packets]) => packets > 0)
    .toSorted(([, one], [, other]) => other - one);
  if (reasons.length === 0) return "none";
  const total = reasons.reduce((sum, [, packets]) => sum + packets, 0);
  return `${count(total)} copies: ${reasons.map(([reason, packets]) => `${count(packets)} ${reason}`).join(", ")}`;
}

function interceptsText({ intercepts: { active, waiting, failed } }: AgentStatus): string {
  return `${count(active)} active, ${count(waiting)} waiting, ${count(failed)} failed`;
}

function countersRows(counters: ListedCounters): string[][] {
  const { from, to, fragmented, throughStack, byXdp } = counters;
  const optional = (name: string, value: number): string[][] => (value > 0 ? [[name, `${count(value)} copies`]] : []);
  return [
    ["mirrored", `${count(from.packets)} packets, ${bytes(from.bytes)} from subscribers`],
    ["", `${count(to.packets)} packets, ${bytes(to.bytes)} to subscribers`],
    ["lost", lossText(counters)],
    ...optional("fragmented", fragmented),
    ...optional("by the stack", throughStack),
    ...optional("by XDP", byXdp),
  ];
}

function surroundingsRows({ surroundings }: AgentStatus): string[][] {
  if (surroundings === undefined) return [];
  const { access, mediation, paths } = surroundings;
  return [
    ["access", namesText(access)],
    ["mediation", namesText(mediation)],
    ...paths.map((path) => ["path", pathText(path)]),
  ];
}

const NAMES_SHOWN = 8;

function namesText(names: readonly string[]): string {
  if (names.length === 0) return "no interface";
  const more = names.length - NAMES_SHOWN;
  return names.slice(0, NAMES_SHOWN).join(", ") + (more > 0 ? ` and ${count(more)} more` : "");
}

function pathText({ interface: name, mtu, needed, neighbour }: MediationPath): string {
  if (name === undefined || mtu === undefined) return "no route to a mediation device";
  const width = mtu < needed ? `too narrow: MTU ${mtu}, ${needed} needed` : `MTU ${mtu}, ${needed} needed`;
  return `by ${name}, ${width}, next hop ${neighbour}`;
}

/** One that is full refuses what comes: the fullest is what matters. */
function fillText(maps: readonly MapFill[]): string {
  const share = ({ entries, capacity }: MapFill): number => (capacity > 0 ? entries / capacity : 0);
  const [fullest] = maps.toSorted((one, other) => share(other) - share(one));
  if (fullest === undefined) return "none";
  const percent = Math.floor(share(fullest) * 100);
  return `the fullest, ${fullest.map}, has ${count(fullest.entries)} of ${count(fullest.capacity)} entries (${percent} %)`;
}

function auditText({ audit: { entries, copied, unavailable } }: AgentStatus): string {
  if (unavailable) return `${count(entries)} entries; others wait for the disk`;
  return entries === 0 ? "no entries" : `${count(entries)} entries, ${count(copied)} copied off the node`;
}
