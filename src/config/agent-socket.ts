/** Where a running agent is asked, read from its configuration without all the rest: secrets of the environment, say. */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { substituteEnvironment } from "./environment.js";
import { ConfigError } from "./problem.js";
import { DEFAULT_SOCKET } from "./schema.js";

/** Throws ConfigError where the file cannot be read. */
export function agentSocket(file: string, environment: NodeJS.ProcessEnv = process.env): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(file, [{ path: "", message: `the configuration file cannot be read (${code})` }]);
  }
  const document = parseDocument(text);
  substituteEnvironment(document, environment);
  const path: unknown = document.getIn(["agent", "socket"]);
  return typeof path === "string" && path !== "" ? path : DEFAULT_SOCKET;
}
