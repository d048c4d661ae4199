/** Panels in the form that Grafana reads, laid out from left to right on a grid of 24 columns. */
import {
  type Dashboard,
  type DataSourceRef,
  type Panel,
  type RowPanel,
  ThresholdsMode,
  type VariableModel,
  VariableRefresh,
} from "@grafana/schema";

const COLUMNS = 24;
const ROW_HEIGHT = 1;
/** Grafana's dashboard schema that the panels are written for. */
const SCHEMA_VERSION = 39;
const DATASOURCE: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

export interface Query {
  readonly expr: string;
  /** Name of each series, with {{label}} in it. */
  readonly legend?: string;
}

export interface PanelSpec {
  readonly title: string;
  readonly description?: string;
  readonly kind: "timeseries" | "stat" | "table";
  readonly width: number;
  readonly unit?: string;
  readonly queries: readonly Query[];
  /** `bad`: red above 0. `good`: green above 0, else red. */
  readonly meaning?: "bad" | "good";
}

export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableModel[];
  readonly rows: readonly RowSpec[];
}

const HEIGHT: Readonly<Record<PanelSpec["kind"], number>> = { timeseries: 8, stat: 4, table: 8 };

export function dashboard(spec: DashboardSpec): Dashboard {
  const panels: (Panel | RowPanel)[] = [];
  let y = 0;
  for (const row of spec.rows) {
    panels.push({
      type: "row",
      id: panels.length + 1,
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: ROW_HEIGHT },
    });
    y += ROW_HEIGHT;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) [x, y, height] = [0, y + height, 0];
      panels.push(draw(panel, panels.length + 1, x, y));
      x += panel.width;
      height = Math.max(height, HEIGHT[panel.kind]);
    }
    y += height;
  }
  return {
    uid: spec.uid,
    title: spec.title,
    description: spec.description,
    tags: ["submirror"],
    editable: true,
    schemaVersion: SCHEMA_VERSION,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: { list: [datasourceVariable(), ...spec.variables] },
    panels,
  };
}

function draw(spec: PanelSpec, id: number, x: number, y: number): Panel {
  const instant = spec.kind !== "timeseries";
  return {
    type: spec.kind,
    id,
    title: spec.title,
    ...(spec.description !== undefined && { description: spec.description }),
    datasource: DATASOURCE,
    gridPos: { x, y, w: spec.width, h: HEIGHT[spec.kind] },
    targets: spec.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: DATASOURCE,
      expr,
      instant,
      range: !instant,
      ...(spec.kind === "table" && { format: "table" }),
      ...(legend !== undefined && { legendFormat: legend }),
    })),
    fieldConfig: { defaults: { ...(spec.unit !== undefined && { unit: spec.unit }), ...colours(spec) }, overrides: [] },
    options: options(spec.kind),
  };
}

function colours({ meaning }: PanelSpec): NonNullable<Panel["fieldConfig"]>["defaults"] {
  if (meaning === undefined) return { min: 0 };
  const [below, above] = meaning === "bad" ? ["green", "red"] : ["red", "green"];
  const steps = [
    // Grafana reads null as minus infinity.
    { value: null as unknown as number, color: below },
    { value: 0.000_001, color: above },
  ];
  return { min: 0, thresholds: { mode: ThresholdsMode.Absolute, steps } };
}

function options(kind: PanelSpec["kind"]): Record<string, unknown> {
  if (kind === "stat") return { reduceOptions: { calcs: ["lastNotNull"] }, graphMode: "none" };
  if (kind === "table") return { showHeader: true };
  return { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } };
}

function datasourceVariable(): VariableModel {
  return { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" };
}

/** Variable whose values are those that `label` has in `metric`. */
export function labelVariable(name: string, label: string, metric: string): VariableModel {
  return {
    name,
    label: name,
    type: "query",
    datasource: DATASOURCE,
    query: `label_values(${metric}, ${label})`,
    refresh: VariableRefresh.onTimeRangeChanged,
    includeAll: false,
    multi: false,
  };
}

/** One number, an eighth of the width. */
export function stat(title: string, expr: string, meaning?: PanelSpec["meaning"], unit?: string): PanelSpec {
  return {
    title,
    kind: "stat",
    width: 3,
    queries: [{ expr }],
    ...(meaning !== undefined && { meaning }),
    ...(unit !== undefined && { unit }),
  };
}

/** One query's series over time, a third of the width. */
export function lines(title: string, unit: string, expr: string, legend: string): PanelSpec {
  return { title, kind: "timeseries", width: 8, unit, queries: [{ expr, legend }] };
}
