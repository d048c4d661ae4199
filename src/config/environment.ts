/** `${NAME}` and `${NAME:-default}` in the values of the file, so that secrets stay out of it. */
import { type Document, isScalar, parseDocument, type Scalar, visit } from "yaml";

export interface MissingVariable {
  readonly variable: string;
  /** Offset of the value in the file. */
  readonly offset: number;
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Replaces in place. Returns the variables that are not set and have no default. `$${` stands for a plain `${`. */
export function substituteEnvironment(document: Document, environment: NodeJS.ProcessEnv): MissingVariable[] {
  const missing: MissingVariable[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const offset = node.range?.[0] ?? 0;
      const text = replace(node.value, environment, (variable) => missing.push({ variable, offset }));
      node.value = node.type === "PLAIN" ? plainValue(text) : text;
    },
  });
  return missing;
}

function replace(text: string, environment: NodeJS.ProcessEnv, onMissing: (variable: string) => void): string {
  return text
    .split("$${")
    .map((part) =>
      part.replaceAll(VARIABLE, (_whole, variable: string, fallback: string | undefined) => {
        const value = environment[variable] ?? fallback;
        if (value === undefined) onMissing(variable);
        return value ?? "";
      }),
    )
    .join("${");
}

/** What the text would have been in the file without quotes: a number stays a number. */
function plainValue(text: string): unknown {
  const { contents, errors } = parseDocument(text);
  return errors.length === 0 && isScalar(contents) && (contents as Scalar).value !== null ? contents.value : text;
}
