/** The few pieces of SVG that the charts are made of. Colours hold on light and on dark; the panel brings its own ground. */

export interface Place {
  readonly x: number;
  readonly y: number;
}

const STYLE = `
  .panel { fill: #ffffff; stroke: #d0d7de; }
  .text { fill: #1f2328; }
  .faint { fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .axis { stroke: #59636e; }
  .spread { stroke: #1f2328; }
  @media (prefers-color-scheme: dark) {
    .panel { fill: #0d1117; stroke: #3d444d; }
    .text { fill: #f0f6fc; }
    .faint { fill: #9198a1; }
    .grid { stroke: #2a313c; }
    .axis { stroke: #9198a1; }
    .spread { stroke: #f0f6fc; }
  }
  text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial, sans-serif; }`;

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const at = (value: number): string => (Math.round(value * 10) / 10).toString();

/** `title` is what a screen reader says. */
export function document(width: number, height: number, title: string, parts: readonly string[]): string {
  const panel = `<rect class="panel" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`;
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const open = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(title)}">`;
  return [open, `<title>${escaped(title)}</title>`, `<style>${STYLE}\n</style>`, panel, ...parts, "</svg>", ""].join(
    "\n",
  );
}

export interface TextOptions {
  readonly size?: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly kind?: "text" | "faint";
  readonly bold?: boolean;
  /** Instead of the kind's colour. */
  readonly fill?: string;
}

export function text(place: Place, content: string, options: TextOptions = {}): string {
  const { size = 12, anchor = "start", kind = "text", bold = false, fill } = options;
  const look = `font-size="${size}" text-anchor="${anchor}"${bold ? ' font-weight="600"' : ""}`;
  const colour = fill === undefined ? `class="${kind}"` : `fill="${fill}"`;
  return `<text ${colour} x="${at(place.x)}" y="${at(place.y)}" ${look}>${escaped(content)}</text>`;
}

export function bar(place: Place, width: number, height: number, fill: string, opacity = 1): string {
  const size = `width="${at(Math.max(width, 0.5))}" height="${at(height)}"`;
  return `<rect x="${at(place.x)}" y="${at(place.y)}" ${size} rx="1.5" fill="${fill}" fill-opacity="${opacity}"/>`;
}

export function line(from: Place, to: Place, kind: "grid" | "axis" | "spread"): string {
  const ends = `x1="${at(from.x)}" y1="${at(from.y)}" x2="${at(to.x)}" y2="${at(to.y)}"`;
  return `<line class="${kind}" ${ends} stroke-width="1"/>`;
}

export function polyline(places: readonly Place[], stroke: string, dashed: boolean): string {
  const points = places.map(({ x, y }) => `${at(x)},${at(y)}`).join(" ");
  const dash = dashed ? ' stroke-dasharray="5 4"' : "";
  return `<polyline points="${points}" fill="none" stroke="${stroke}" stroke-width="2.2"${dash}/>`;
}

export function dot({ x, y }: Place, fill: string): string {
  return `<circle cx="${at(x)}" cy="${at(y)}" r="3.6" fill="${fill}"/>`;
}
