/** `submirror completion`: what a shell has to know to complete commands, options and their values. */
import { Argument, Command } from "commander";
import { type CommandNode, commandTree } from "../command-tree.js";
import { bashCompletion } from "../completion/bash.js";
import { fishCompletion } from "../completion/fish.js";
import { zshCompletion } from "../completion/zsh.js";

const SHELLS: Readonly<Record<string, (program: CommandNode, name: string) => string>> = {
  bash: bashCompletion,
  fish: fishCompletion,
  zsh: zshCompletion,
};

/** To be mounted in the program, which it describes. */
export function completionCommand(): Command {
  return new Command("completion")
    .description("print what a shell needs to complete this command")
    .addArgument(new Argument("<shell>", "whose").choices(Object.keys(SHELLS)))
    .addHelpText(
      "after",
      `
Examples:
  source <(submirror completion bash)
  submirror completion bash > /etc/bash_completion.d/submirror
  submirror completion zsh > "\${fpath[1]}/_submirror"
  submirror completion fish > ~/.config/fish/completions/submirror.fish`,
    )
    .action((shell: string, _options: object, command: Command) => {
      const program = command.parent ?? command;
      process.stdout.write(SHELLS[shell]?.(commandTree(program), program.name()) ?? "");
    });
}
