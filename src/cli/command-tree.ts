/** The command line as data, read from the program itself: what completion and the reference are made from. */
import type { Argument, Command, Option } from "commander";

/** What a value is, as far as a shell can help with it. */
export type ValueKind =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "file" | "directory" | "other" };

export interface OptionNode {
  /** E.g. `-c, --config <file>`. */
  readonly flags: string;
  readonly long?: string;
  readonly short?: string;
  readonly description: string;
  /** Absent where it takes none. */
  readonly value?: ValueKind;
  readonly mandatory: boolean;
  readonly environment?: string;
  /** As it is written, where there is one that says something. */
  readonly defaultValue?: string;
}

export interface ArgumentNode {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly value: ValueKind;
}

export interface CommandNode {
  /** Below the program, e.g. `["task", "activate"]`; empty for the program itself. */
  readonly path: readonly string[];
  readonly usage: string;
  readonly description: string;
  readonly options: readonly OptionNode[];
  readonly arguments: readonly ArgumentNode[];
  readonly commands: readonly CommandNode[];
  /** What stands behind the help: examples. */
  readonly after: string;
}

export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((child) => child.name() !== "help");
  return {
    path,
    usage: help.commandUsage(command),
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    arguments: command.registeredArguments.map(argumentNode),
    commands: commands
      .toSorted((one, other) => one.name().localeCompare(other.name()))
      .map((child) => commandTree(child, [...path, child.name()])),
    after: textAfter(command),
  };
}

/** The command and all below it, in the order of the help. */
export function flattened(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(flattened)];
}

function optionNode(option: Option): OptionNode {
  const takesValue = option.required || option.optional;
  const { defaultValue } = option;
  const says = defaultValue !== undefined && defaultValue !== false && takesValue;
  const text = option.defaultValueDescription ?? (says ? String(defaultValue) : undefined);
  return {
    flags: option.flags,
    ...(option.long && { long: option.long }),
    ...(option.short && { short: option.short }),
    description: option.description,
    ...(takesValue && { value: valueKind(option.argChoices, /<([^>]*)>/.exec(option.flags)?.[1] ?? "") }),
    mandatory: option.mandatory,
    ...(option.envVar !== undefined && { environment: option.envVar }),
    ...(text !== undefined && { defaultValue: text }),
  };
}

function argumentNode(argument: Argument): ArgumentNode {
  return {
    name: argument.name(),
    description: argument.description,
    required: argument.required,
    value: valueKind(argument.argChoices, argument.name()),
  };
}

function valueKind(choices: readonly string[] | undefined, placeholder: string): ValueKind {
  if (choices !== undefined) return { kind: "words", words: choices };
  if (/\bfile\b/.test(placeholder)) return { kind: "file" };
  if (/\bdirectory\b/.test(placeholder)) return { kind: "directory" };
  return { kind: "other" };
}

/** commander tells of it in the whole help alone. */
function textAfter(command: Command): string {
  const before = { ...command.configureOutput() };
  let text = "";
  command.configureOutput({ writeOut: (piece) => void (text += piece) });
  command.outputHelp();
  command.configureOutput(before);
  return text.slice(command.helpInformation().length).trim();
}
