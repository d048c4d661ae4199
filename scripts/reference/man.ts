/** docs/reference/submirror.8: the same for man(1). */
import { type CommandNode, commandTree, flattened, type OptionNode } from "../../src/cli/command-tree.js";
import { createProgram } from "../../src/cli/whole-program.js";

export function manPage(): string {
  const program = commandTree(createProgram());
  const lines = [
    '.\\" Generated from the code by scripts/generate.sh: change it there.',
    ".TH SUBMIRROR 8",
    ".SH NAME",
    `submirror \\- ${roff(program.description.replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ".B submirror",
    ".I command",
    "[options]",
    ".SH COMMANDS",
    ...flattened(program).slice(1).flatMap(command),
    ".SH EXIT STATUS",
    "0 done, 1 failed, 2 wrong usage or configuration.",
    ".SH FILES",
    ".I /etc/submirror/submirror.yaml",
  ];
  return `${lines.join("\n")}\n`;
}

function command({ path, description, options, commands, after }: CommandNode): string[] {
  const shown = options.filter(({ long }) => long !== "--help");
  return [
    `.SS submirror ${roff(path.join(" "))}`,
    roff(`${description.replace(/\.$/, "")}.`),
    ...(commands.length > 0 ? [`Commands: ${commands.map((child) => roff(child.path.at(-1) ?? "")).join(", ")}.`] : []),
    ...shown.flatMap(option),
    ...(after === "" ? [] : [".PP", ".nf", ...after.split("\n").map(roff), ".fi"]),
  ];
}

function option({ flags, description, value, mandatory, defaultValue }: OptionNode): string[] {
  const choices = value?.kind === "words" ? `: ${value.words.join(", ")}` : "";
  const absent = mandatory ? " (must be given)" : defaultValue === undefined ? "" : ` (default: ${defaultValue})`;
  return [".TP", `.B ${roff(flags)}`, roff(`${description}${choices}${absent}`)];
}

/** A line that begins with a dot or an apostrophe would be a request. */
function roff(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
