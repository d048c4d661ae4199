/** One screen of `submirror top`. Pure. */
import { cutTo, type Paint } from "../terminal.js";
import { bitRate, count } from "./format.js";
import { interceptLines } from "./intercepts-view.js";
import { type Rate, ratedIntercepts, rateOf, type Sample } from "./rates.js";
import { headline, lossText } from "./status-view.js";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** Where output is no terminal, nothing is cut. */
export const UNBOUNDED: Screen = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };

export interface TopOptions {
  readonly screen: Screen;
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly paint: Paint;
}

/** At most as many lines as the screen has rows, none longer than it has columns. */
export function topLines(before: Sample | undefined, after: Sample, { screen, now, paint }: TopOptions): string[] {
  const { status, counters } = after;
  const { active, waiting, failed } = status.intercepts;
  const seconds = before === undefined ? 0 : (after.at - before.at) / 1000;
  const cut = (line: string): string => cutTo(line, screen.columns);
  const lost = lossText(counters);
  const summary = [
    cut(headline(status, now, paint)),
    cut(
      `sessions ${count(status.sessions)}   intercepts ${count(active)} active, ${count(waiting)} waiting, ${count(failed)} failed   events waiting ${count(status.eventLag)}`,
    ),
    cut(`from subscribers  ${rateText(before && rateOf(before.counters.from, counters.from, seconds))}`),
    cut(`to subscribers    ${rateText(before && rateOf(before.counters.to, counters.to, seconds))}`),
    lost === "none" ? cut("lost              none") : paint("red", cut(`lost              ${lost}`)),
    "",
  ];
  const [headings = "", ...rows] = interceptLines(ratedIntercepts(before, after), false);
  const table = fitted(rows, screen.rows - summary.length - 1, cut);
  return [...summary, paint("bold", cut(headings)), ...table].slice(0, screen.rows);
}

/** The last line says what there was no room for. */
function fitted(rows: readonly string[], room: number, cut: (line: string) => string): string[] {
  if (rows.length <= room) return rows.map(cut);
  const shown = Math.max(0, room - 1);
  return [...rows.slice(0, shown).map(cut), cut(`... and ${count(rows.length - shown)} more`)];
}

function rateText(rate: Rate | undefined): string {
  if (rate === undefined) return "-";
  return `${bitRate(rate.bytesPerSecond).padStart(12)} ${count(rate.packetsPerSecond).padStart(12)} packets/s`;
}
