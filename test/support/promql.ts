/** As much of PromQL and of the text format as it takes to say whether an expression asks for something that exists. */

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const METRIC = /\b((?:submirror|process|nodejs)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?/g;
const MATCHER = /([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;

/** Metrics of ours, of the process and `up` in an expression, with their matchers. */
export function selectors(expr: string): Selector[] {
  return [...expr.matchAll(METRIC)].map(([, metric = "", inner = ""]) => ({
    metric,
    matchers: [...inner.matchAll(MATCHER)].map(([, label = "", operator, value = ""]) => ({
      label,
      operator: operator as Matcher["operator"],
      value,
    })),
  }));
}

/** Samples of the text format. */
export function samples(text: string): Sample[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", inner = ""] = /^([a-z0-9_:]+)(?:\{(.*)\})? /i.exec(line) ?? [];
      const pairs = [...inner.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label = "", value = ""]) => [label, value]);
      return { name, labels: Object.fromEntries(pairs) as Record<string, string> };
    });
}

export function selects({ metric, matchers }: Selector, { name, labels }: Sample): boolean {
  return name === metric && matchers.every((matcher) => matches(matcher, labels[matcher.label] ?? ""));
}

function matches({ operator, value }: Matcher, actual: string): boolean {
  if (operator === "=") return actual === value;
  if (operator === "!=") return actual !== value;
  return new RegExp(`^(?:${value})$`).test(actual) === (operator === "=~");
}
