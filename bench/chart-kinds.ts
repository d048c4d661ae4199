/** Two kinds of chart: bars in groups, and lines over a few steps. Pure. */
import { bar, document, dot, line, type Place, polyline, text } from "./svg.js";

export interface BarValue {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface BarRow {
  readonly label: string;
  readonly colour: string;
  /** One for each series; undefined where there is none. */
  readonly values: readonly (BarValue | undefined)[];
}

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly series: readonly string[];
  readonly rows: readonly BarRow[];
  readonly unit: string;
}

const WIDTH = 760;
const MARGIN = 20;
const HEAD = 66;
const BAR = 13;
const GROUP_GAP = 10;
const LABELS = 280;
/** For the number behind the longest bar. */
const NUMBERS = 52;

/** 1, 2 or 5 times a power of ten, so that some five steps reach `top`. */
export function stepFor(top: number): number {
  const rough = top / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough) ?? 10;
  return factor * power;
}

function head(title: string, subtitle: string): string[] {
  return [
    text({ x: MARGIN, y: 28 }, title, { size: 16, bold: true }),
    text({ x: MARGIN, y: 47 }, subtitle, { size: 12, kind: "faint" }),
  ];
}

function tick(value: number): string {
  return Number(value.toFixed(3)).toString();
}

export function barChart(chart: BarChart): string {
  const group = chart.series.length * BAR + GROUP_GAP;
  const bottom = HEAD + chart.rows.length * group;
  const values = chart.rows.flatMap((row) => row.values);
  const top = Math.max(...values.map((each) => each?.high ?? 0));
  const left = MARGIN + LABELS;
  const scale = (value: number): number => left + (value / top) * (WIDTH - left - MARGIN - NUMBERS);
  const step = stepFor(top);
  const parts = head(chart.title, chart.subtitle);
  for (let value = 0; value <= top; value += step) {
    parts.push(line({ x: scale(value), y: HEAD - 4 }, { x: scale(value), y: bottom }, value === 0 ? "axis" : "grid"));
    parts.push(text({ x: scale(value), y: bottom + 16 }, tick(value), { size: 11, anchor: "middle", kind: "faint" }));
  }
  parts.push(text({ x: WIDTH - MARGIN, y: bottom + 16 }, chart.unit, { size: 11, anchor: "end", kind: "faint" }));
  chart.rows.forEach((row, index) => {
    parts.push(...barGroup(row, { x: left, y: HEAD + index * group + GROUP_GAP / 2 }, chart.series, scale));
  });
  return document(WIDTH, bottom + 28, chart.title, parts);
}

function barGroup(row: BarRow, corner: Place, series: readonly string[], scale: (value: number) => number): string[] {
  const middle = corner.y + (series.length * BAR) / 2 + 4;
  const parts = [text({ x: corner.x - 10, y: middle }, row.label, { size: 12, anchor: "end" })];
  row.values.forEach((each, index) => {
    if (!each) return;
    const y = corner.y + index * BAR;
    const centre = y + BAR / 2;
    parts.push(
      bar({ x: corner.x, y: y + 1 }, scale(each.value) - corner.x, BAR - 2, row.colour, index === 0 ? 1 : 0.6),
    );
    parts.push(line({ x: scale(each.low), y: centre }, { x: scale(each.high), y: centre }, "spread"));
    const place = { x: scale(Math.max(each.value, each.high)) + 5, y: centre + 4 };
    parts.push(text(place, each.value.toFixed(2), { size: 10.5, kind: "faint" }));
  });
  return parts;
}

export interface LineSeries {
  readonly label: string;
  readonly colour: string;
  readonly dashed?: boolean;
  /** One for each step; undefined where there is none. */
  readonly values: readonly (number | undefined)[];
}

export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly steps: readonly string[];
  readonly stepsTitle: string;
  readonly series: readonly LineSeries[];
  /** The scale reaches at least this. */
  readonly top?: number;
}

const PLOT = { left: MARGIN + 34, right: WIDTH - 250, top: HEAD + 4, bottom: HEAD + 244 } as const;
const LABEL_HEIGHT = 15;

/** Moves labels apart that would lie on each other, in the order of their places. */
export function spreadLabels(wanted: readonly number[], height: number): number[] {
  const order = wanted.map((y, index) => ({ y, index })).toSorted((a, b) => a.y - b.y);
  const placed = wanted.map(() => 0);
  let lowest = Number.NEGATIVE_INFINITY;
  for (const { y, index } of order) {
    lowest = Math.max(y, lowest + height);
    placed[index] = lowest;
  }
  return placed;
}

export function lineChart(chart: LineChart): string {
  const top = Math.max(chart.top ?? 0, ...chart.series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const step = stepFor(top);
  const y = (value: number): number => PLOT.bottom - (value / top) * (PLOT.bottom - PLOT.top);
  const x = (index: number): number => {
    const gaps = Math.max(1, chart.steps.length - 1);
    return PLOT.left + 20 + (index / gaps) * (PLOT.right - PLOT.left - 40);
  };
  const parts = head(chart.title, chart.subtitle);
  for (let value = 0; value <= top; value += step) {
    parts.push(line({ x: PLOT.left, y: y(value) }, { x: PLOT.right, y: y(value) }, value === 0 ? "axis" : "grid"));
    parts.push(text({ x: PLOT.left - 6, y: y(value) + 4 }, tick(value), { size: 11, anchor: "end", kind: "faint" }));
  }
  chart.steps.forEach((name, index) => {
    parts.push(text({ x: x(index), y: PLOT.bottom + 18 }, name, { size: 11, anchor: "middle", kind: "faint" }));
  });
  const middle = (PLOT.left + PLOT.right) / 2;
  parts.push(text({ x: middle, y: PLOT.bottom + 36 }, chart.stepsTitle, { size: 11, anchor: "middle", kind: "faint" }));
  parts.push(...lines(chart.series, x, y));
  return document(WIDTH, PLOT.bottom + 50, chart.title, parts);
}

function lines(series: readonly LineSeries[], x: (index: number) => number, y: (value: number) => number): string[] {
  const drawn = series.map(({ values }) =>
    values.flatMap((value, index) => (value === undefined ? [] : [{ x: x(index), y: y(value) }])),
  );
  const ends = drawn.map((places) => places.at(-1)?.y ?? PLOT.bottom);
  const labels = spreadLabels(ends, LABEL_HEIGHT);
  return series.flatMap(({ label, colour, dashed = false }, index) => {
    const places = drawn[index] ?? [];
    const name = text({ x: PLOT.right + 12, y: (labels[index] ?? 0) + 4 }, label, { size: 12, fill: colour });
    return [polyline(places, colour, dashed), ...places.map((place) => dot(place, colour)), name];
  });
}
