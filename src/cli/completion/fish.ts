/** Completion for fish. */
import { type CommandNode, flattened, type OptionNode, type ValueKind } from "../command-tree.js";

export function fishCompletion(program: CommandNode, name: string): string {
  const commands = flattened(program);
  const steps = commands.slice(1).map(({ path }) => quote(path.join(" ")));
  const valued = commands.flatMap(({ path, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined))
      .map((flag) => quote([...path, flag].join(" "))),
  );
  return `# fish completion for ${name}: ${name} completion fish | source
# The commands on the line so far, without options and their values.
function __${name}_path
    set -l path
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        if contains -- (string trim "$path $word") ${[...new Set(valued)].join(" ")}
            set skip 1
        else if contains -- (string trim "$path $word") ${steps.join(" ")}
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
