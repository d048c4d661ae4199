/** PromQL that several panels share. */
import type { Query } from "./panels.js";

/** Rate a second of a counter, summed by labels. `selector`: in braces, or empty. */
export function rate(counter: string, by: string, selector = ""): string {
  return `sum by (${by}) (rate(${counter}${selector}[$__rate_interval]))`;
}

export function quantiles(histogram: string, selector = ""): Query[] {
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${rate(`${histogram}_bucket`, "le", selector)})`,
    legend: `${quantile * 100} %`,
  }));
}

export function auditBehind(selector: string): string {
  return `submirror_audit_entries${selector} - submirror_audit_copied_entries${selector}`;
}
