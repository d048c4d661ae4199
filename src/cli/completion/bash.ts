/** Completion for bash. */
import { type CommandNode, flattened, type ValueKind } from "../command-tree.js";

export function bashCompletion(program: CommandNode, name: string): string {
  const commands = flattened(program);
  return `# bash completion for ${name}: source <(${name} completion bash)
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path= word i
  COMPREPLY=()
  # bash takes --option=value apart.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
      ${commands
        .slice(1)
        .map(({ path }) => `"${["", ...path.slice(0, -1)].join("/")} ${path.at(-1)}"`)
        .join(" | ")}) path=$path/$word ;;
    esac
  done
  case "$path $prev" in
${commands.flatMap(optionCases).join("\n")}
  esac
  case "$path" in
${commands.map(commandCase).join("\n")}
  esac
}
complete -F _${name} ${name}
`;
}

const keyOf = ({ path }: CommandNode): string => (path.length === 0 ? "" : `/${path.join("/")}`);

function optionCases(command: CommandNode): string[] {
  return command.options.flatMap(({ long, short, value }) => {
    if (value === undefined) return [];
    const patterns = [long, short].filter((flag) => flag !== undefined).map((flag) => `"${keyOf(command)} ${flag}"`);
    return [`    ${patterns.join(" | ")}) ${replyFor(value)}; return ;;`];
  });
}

function commandCase(command: CommandNode): string {
  const options = command.options.flatMap(({ long, short }) => long ?? short ?? []);
  const argument = command.arguments[0]?.value;
  const others =
    command.commands.length > 0
      ? words(command.commands.map(({ path }) => path.at(-1) ?? ""))
      : argument === undefined
        ? ":"
        : replyFor(argument);
  return `    "${keyOf(command)}") if [[ $cur == -* ]]; then ${words(options)}; else ${others}; fi ;;`;
}

function replyFor(value: ValueKind): string {
  switch (value.kind) {
    case "words":
      return words(value.words);
    case "file":
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")';
    case "directory":
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur")';
    case "other":
      return ":";
  }
}

function words(list: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W "${list.join(" ")}" -- "$cur")`;
}
