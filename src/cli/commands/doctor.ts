/** `submirror doctor`: what this node lacks, before anything runs on it. */
import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { Command, InvalidArgumentError } from "commander";
import { loadConfig, parseConfig } from "../../config/load.js";
import type { Config } from "../../config/schema.js";
import type { Finding, FindingState } from "../../doctor/finding.js";
import { configOption } from "../config-option.js";
import { EXIT } from "../exit.js";
import { type Paint, painter, type Style, takesColour } from "../terminal.js";

interface DoctorFlags {
  readonly config: string;
  readonly mediation?: string[];
  readonly json: boolean;
}

/** To be mounted in the program. Sets `process.exitCode`. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("say what this node has and lacks: kernel, interfaces, mediation paths, clock, keys, NATS")
    .addOption(configOption())
    .option("--mediation <address>", "a mediation device to look for a path to; may be given several times", address)
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      `
Each line is ok, warning or failure; what to do stands below it. With a failure, the exit status is 1.
Nothing has to run, and nothing is changed.

Examples:
  submirror doctor --config edge1.yaml
  submirror doctor --config edge1.yaml --mediation 198.51.100.9 --json`,
    )
    .action(async (flags: DoctorFlags, command: Command) => {
      await doctor(flags, command.getOptionValueSource("config") === "default");
    });
}

async function doctor({ config: file, mediation = [], json }: DoctorFlags, isDefault: boolean): Promise<void> {
  const findings: Finding[] = [];
  const paint = painter(!json && takesColour(process.stdout));
  const tell = (finding: Finding): void => {
    findings.push(finding);
    if (!json) process.stdout.write(`${lineOf(finding, paint)}\n`);
  };
  const config = configOf(file, isDefault, tell);
  const { examine } = await import("../../doctor/doctor.js");
  await examine({ config, mediation, tell });
  const counts = countsOf(findings);
  process.stdout.write(
    json ? `${JSON.stringify({ node: config.node, ...counts, findings })}\n` : summary(counts, paint),
  );
  process.exitCode = counts.failure > 0 ? EXIT.failed : EXIT.done;
}

/** On a node that has no configuration yet there is much to look at all the same. Throws ConfigError. */
function configOf(file: string, isDefault: boolean, tell: (finding: Finding) => void): Config {
  if (isDefault && !existsSync(file)) {
    tell({
      about: "configuration",
      state: "warning",
      found: `${file} is not there; the rest is judged by the defaults`,
      remedy: "write one, or name it with --config",
    });
    return parseConfig("", file);
  }
  const config = loadConfig(file);
  tell({ about: "configuration", state: "ok", found: `${file} can be read and fits the schema` });
  return config;
}

const STYLES: Readonly<Record<FindingState, Style>> = { ok: "green", warning: "yellow", failure: "red" };
const ABOUT_WIDTH = 22;
const STATE_WIDTH = 9;

function lineOf({ about, state, found, remedy }: Finding, paint: Paint): string {
  const line = `${paint(STYLES[state], state.padEnd(STATE_WIDTH))}${about.padEnd(ABOUT_WIDTH)} ${found}`;
  return remedy === undefined ? line : `${line}\n${" ".repeat(STATE_WIDTH)}${paint("bold", `> ${remedy}`)}`;
}

function countsOf(findings: readonly Finding[]): Record<FindingState, number> {
  const counts = { ok: 0, warning: 0, failure: 0 };
  for (const { state } of findings) counts[state] += 1;
  return counts;
}

function summary({ ok, warning, failure }: Record<FindingState, number>, paint: Paint): string {
  const verdict =
    failure > 0 ? paint("red", "this node is not ready") : paint("green", "nothing keeps this node from running");
  const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
  return `\n${verdict}: ${ok} ok, ${counted(warning, "warning")}, ${counted(failure, "failure")}\n`;
}

function address(text: string, before: string[] | undefined): string[] {
  if (isIP(text) === 0) throw new InvalidArgumentError("Expected an IP address.");
  return [...(before ?? []), text];
}
