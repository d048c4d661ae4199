/** docs/reference/cli.md */
import { type CommandNode, commandTree, flattened, type OptionNode } from "../../src/cli/command-tree.js";
import { createProgram } from "../../src/cli/whole-program.js";
import { block, code, GENERATED, page, table } from "./markdown.js";

export function cliReference(): string {
  const commands = flattened(commandTree(createProgram()));
  return page(GENERATED, "# Command line", ...commands.flatMap(section));
}

function section(command: CommandNode): string[] {
  const { path, usage, description, options, arguments: positional, commands, after } = command;
  const rows = options.filter(({ long }) => long !== "--help").map(optionRow);
  return [
    ...(path.length === 0 ? [] : [`${path.length === 1 ? "##" : "###"} submirror ${path.join(" ")}`]),
    sentence(description),
    block(usage),
    commands.length === 0 || path.length === 0
      ? ""
      : `Commands: ${commands.map((child) => code(child.path.at(-1) ?? "")).join(", ")}.`,
    positional.length === 0
      ? ""
      : table(
          ["argument", "meaning"],
          positional.map(({ name, description, value }) => [
            code(name),
            value.kind === "words" ? `${description}: ${value.words.join(", ")}` : description,
          ]),
        ),
    rows.length === 0 ? "" : table(["option", "meaning", "default"], rows),
    after === "" ? "" : block(after),
  ];
}

function optionRow({ flags, description, value, mandatory, environment, defaultValue }: OptionNode): string[] {
  const choices = value?.kind === "words" ? `: ${value.words.join(", ")}` : "";
  const variable = environment === undefined ? "" : ` (or the environment variable ${environment})`;
  return [code(flags), `${description}${choices}${variable}`, mandatory ? "must be given" : code(defaultValue ?? "")];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}
