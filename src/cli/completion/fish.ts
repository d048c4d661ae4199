/** Completion for fish. */
import { type CommandNode, flattened, type OptionNode, type ValueKind } from "../command-tree.js";

export function fishCompletion(program: CommandNode, name: string): string {
  const commands = flattened(program);
  const steps = commands.slice(1).map(({ path }) => quote(path.join(" ")));
  return `# fish completion for ${name}: ${name} completion fish | source
# The commands on the line so far. Only commands without options that take values have commands below them.
function __${name}_path
    set -l path
    for word in (commandline -opc)[2..]
        if contains -- (string trim "$path $word") ${steps.join(" ")}
            set path (string trim "$path $word")
        end
    end
    echo "$path"
end
function __${name}_at
    test (__${name}_path) = "$argv"
end
complete -c ${name} -f
${commands.flatMap((command) => linesOf(command, name)).join("\n")}
`;
}

function linesOf({ path, options, arguments: positional, commands }: CommandNode, name: string): string[] {
  const begin = `complete -c ${name} -n ${quote(`__${name}_at ${path.join(" ")}`.trimEnd())}`;
  return [
    ...commands.map((child) => `${begin} -a ${child.path.at(-1)} -d ${quote(child.description)}`),
    ...positional.flatMap(({ value }) => (value.kind === "other" ? [] : [`${begin} ${valueFlags(value)}`])),
    ...options.map((option) => `${begin} ${optionFlags(option)}`),
  ];
}

function optionFlags({ long, short, description, value }: OptionNode): string {
  return [
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(value === undefined ? [] : ["-r", valueFlags(value)]),
    `-d ${quote(description)}`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

function valueFlags(value: ValueKind): string {
  switch (value.kind) {
    case "words":
      return `-a ${quote(value.words.join(" "))}`;
    case "file":
      return "-F";
    case "directory":
      return "-a '(__fish_complete_directories)'";
    case "other":
      return "";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
