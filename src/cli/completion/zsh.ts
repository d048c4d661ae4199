/** Completion for zsh. */
import { type CommandNode, flattened, type OptionNode, type ValueKind } from "../command-tree.js";

export function zshCompletion(program: CommandNode, name: string): string {
  const functions = flattened(program).map((command) => functionOf(command, name));
  return `#compdef ${name}
# zsh completion for ${name}: source <(${name} completion zsh)

${functions.join("\n")}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

const functionName = (name: string, path: readonly string[]): string => ["", name, ...path].join("_");

function functionOf({ path, options, arguments: positional, commands }: CommandNode, name: string): string {
  const own = functionName(name, path);
  const specifications = options.flatMap(optionSpecifications);
  if (commands.length === 0) {
    const values = positional.map(({ name: about, value }, at) => quote(`${at + 1}:${escape(about)}:${action(value)}`));
    return `${own}() {\n  _arguments -s -S ${[...specifications, ...values].join(" \\\n    ")}\n}\n`;
  }
  const described = commands.map((child) => quote(`${child.path.at(-1)}:${child.description}`));
  const cases = commands.map((child) => `    ${child.path.at(-1)}) ${functionName(name, child.path)} ;;`);
  return `${own}() {
  local curcontext="$curcontext" state line
  local -a commands=(
    ${described.join("\n    ")}
  )
  _arguments -C ${[...specifications, "'1: :->command'", "'*:: :->rest'"].join(" \\\n    ")}
  case $state in
  command) _describe command commands ;;
  rest) case $line[1] in
${cases.join("\n")}
    esac ;;
  esac
}
`;
}

function optionSpecifications({ long, short, description, value }: OptionNode): string[] {
  const flags = [short, long].filter((flag) => flag !== undefined);
  // Options that may be given several times are not told apart here: each may.
  return flags.map((flag) => {
    const argument = value === undefined ? "" : `:value:${action(value)}`;
    const name = value !== undefined && flag.startsWith("--") ? `${flag}=` : flag;
    return quote(`*${name}[${escape(description)}]${argument}`);
  });
}

function action(value: ValueKind): string {
  switch (value.kind) {
    case "words":
      return `(${value.words.join(" ")})`;
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "other":
      return " ";
  }
}

function escape(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
