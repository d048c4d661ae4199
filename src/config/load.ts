/** Reads the configuration file: YAML, then environment, then schema; every mistake is found before any is reported. */
import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { substituteEnvironment } from "./environment.js";
import { describeIssue, type SchemaProblem } from "./issues.js";
import { ConfigError, type ConfigProblem, formatPath } from "./problem.js";
import { type AgentConfig, type Config, configSchema, type GatewayConfig } from "./schema.js";

/** Throws ConfigError with every mistake. */
export function loadConfig(file: string, environment: NodeJS.ProcessEnv = process.env): Config {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new ConfigError(file, [{ path: "", message: `the configuration file ${reason}; name one with --config` }]);
  }
  return parseConfig(text, file, environment);
}

/** `file` is for the messages alone. */
export function parseConfig(text: string, file: string, environment: NodeJS.ProcessEnv = {}): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems: ConfigProblem[] = document.errors.map((error) => ({
    ...at(error.pos[0]),
    path: "",
    message: error.message,
  }));
  if (problems.length > 0) throw new ConfigError(file, problems);
  for (const { variable, offset } of substituteEnvironment(document, environment)) {
    problems.push({
      ...at(offset),
      path: "",
      message: `the environment variable ${variable} is not set; set it, or write \${${variable}:-default}`,
    });
  }
  const result = configSchema.safeParse(document.toJS() ?? {}, { reportInput: true });
  if (!result.success) {
    for (const issue of result.error.issues) {
      for (const problem of describeIssue(issue, knownKeys)) {
        const place = at(offsetOf(document, problem));
        // An unset variable leaves an empty text behind; what is wrong with that is no second mistake.
        if (problems.some((other) => other.line === place.line && other.column === place.column && other.path === ""))
          continue;
        problems.push({ ...place, path: formatPath(problem.path), message: problem.message });
      }
    }
  }
  problems.sort((one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0));
  if (problems.length > 0 || !result.success) throw new ConfigError(file, problems);
  return result.data;
}

/** Throws ConfigError where a section that only the agent needs is not there. */
export function requireAgentParts(config: Config, file: string): AgentConfig {
  const problems: ConfigProblem[] = [];
  if (config.interfaces === undefined) {
    problems.push({ path: "interfaces", message: "is missing; the agent needs interfaces.access, such as [eth1]" });
  }
  if (config.mediation.sourceIpv4 === undefined && config.mediation.sourceIpv6 === undefined) {
    problems.push({
      path: "mediation",
      message: "the agent needs sourceIpv4 or sourceIpv6, the address of this node that the mediation devices know",
    });
  }
  if (config.interfaces === undefined || problems.length > 0) throw new ConfigError(file, problems);
  return { ...config, interfaces: config.interfaces };
}

/** Throws ConfigError where the section that only the gateway needs is not there. */
export function requireGatewayParts(config: Config, file: string): GatewayConfig {
  if (config.radius !== undefined) return { ...config, radius: config.radius };
  throw new ConfigError(file, [
    { path: "radius", message: "is missing; the gateway needs radius.clients and radius.upstreams" },
  ]);
}

/** Offset of the value, or of the key itself, or of the nearest thing around what is missing. */
function offsetOf(document: Document, problem: SchemaProblem): number {
  for (let length = problem.path.length; length >= 0; length--) {
    const path = problem.path.slice(0, length);
    const parent = document.getIn(path.slice(0, -1), true);
    const key = path.at(-1);
    const pair = isMap(parent) ? parent.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    const node = pair === undefined ? document.getIn(path, true) : problem.atKey ? pair.key : (pair.value ?? pair.key);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** The keys that the schema knows at a path. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = configSchema;
  for (const part of path) {
    const inner = unwrap(schema);
    if (inner instanceof z.ZodObject) schema = (inner.shape as Record<PropertyKey, unknown>)[part];
    else if (inner instanceof z.ZodArray) schema = inner.element;
    else return [];
  }
  const object = unwrap(schema);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/** The schema inside of optional, default and the like. */
function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap();
  }
  return inner;
}
