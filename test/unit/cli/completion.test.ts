/** Completion as shells do it: asked of the real ones. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type CommandNode, commandTree, flattened } from "../../../src/cli/command-tree.js";
import { createProgram } from "../../../src/cli/whole-program.js";
import { runProgram } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/security.js";

const temporary = temporaryDirectory();
after(() => temporary[Symbol.dispose]());
mkdirSync(join(temporary.path, "keys"));
writeFileSync(join(temporary.path, "edge1.yaml"), "");

const scripts = Object.fromEntries(
  ["bash", "zsh", "fish"].map((shell) => {
    const { status, out, err } = runProgram("completion", shell);
    assert.equal(status, 0, err);
    const file = join(temporary.path, `completion.${shell}`);
    writeFileSync(file, out);
    return [shell, file];
  }),
);

function shell(name: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(name, args, {
    encoding: "utf8",
    cwd: temporary.path,
    timeout: 30_000,
    ...(input !== undefined && { input }),
  });
  assert.equal(status, 0, `${name}: ${stderr}`);
  return stdout;
}

/** What bash offers for the last of the words. */
function bash(...words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  const ask = `. "$1"; COMP_WORDS=(submirror ${line}); COMP_CWORD=${words.length}; _submirror; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return shell("bash", ["--norc", "-c", ask, "bash", scripts["bash"] ?? ""])
    .split("\n")
    .filter(Boolean)
    .toSorted();
}

function fish(line: string): string[] {
  const ask = `source ${scripts["fish"]}; complete -C '${line}'`;
  const offered = shell("fish", ["--no-config", "-c", ask]).split("\n").filter(Boolean);
  return offered.map((entry) => entry.split("\t")[0] ?? "").toSorted();
}

const tree = commandTree(createProgram());
const all = flattened(tree);

describe("completion", () => {
  test("knows each command and each option of the program, and nothing else", () => {
    for (const command of all) {
      const options = command.options.flatMap(({ long }) => long ?? []).toSorted();
      assert.deepEqual(bash(...command.path, "--"), options, `bash: ${command.path.join(" ")}`);
      if (command.commands.length > 0) assert.deepEqual(bash(...command.path, ""), names(command));
    }
    assert.ok(all.length > 15, "the tree was read");
  });

  test("no value can be taken for a command: what has commands takes no values", () => {
    for (const command of all.filter(({ commands }) => commands.length > 0))
      assert.ok(
        command.options.every(({ value }) => value === undefined) && command.arguments.length === 0,
        command.path.join(" "),
      );
  });

  test("fish offers the same", () => {
    for (const command of all) {
      const line = ["submirror", ...command.path, ""].join(" ");
      if (command.commands.length > 0) assert.deepEqual(fish(line), names(command));
      const options = command.options.flatMap(({ long }) => long ?? []).toSorted();
      const offered = fish(`${line}--`).map((option) => option.replace(/=$/, ""));
      assert.deepEqual(offered, options, `fish: ${command.path.join(" ")}`);
    }
  });

  test("values: choices, files, directories; those of options are not taken for commands", () => {
    assert.deepEqual(bash("mediation", "--format", "j"), ["junos"]);
    assert.deepEqual(bash("completion", ""), ["bash", "fish", "zsh"]);
    assert.deepEqual(bash("doctor", "--config", "edge"), ["edge1.yaml"]);
    assert.deepEqual(bash("doctor", "--config", "=", "edge"), ["edge1.yaml"]);
    assert.deepEqual(bash("keys", "generate", "--out", ""), ["keys"]);
    assert.deepEqual(bash("task", "activate", "--reference", "list", "--dir"), ["--direction"]);
    assert.deepEqual(bash("task", "activate", "--reference", "li"), []);
    assert.deepEqual(fish("submirror mediation --format j"), ["junos"]);
    assert.deepEqual(fish("submirror task activate --reference list --dir"), ["--direction"]);
    assert.deepEqual(fish("submirror doctor --config edge"), ["edge1.yaml"]);
  });

  test("a bash that somebody types into completes", () => {
    const typed = `PS1=; . ${scripts["bash"]}; submirror() { echo "<$*>"; }\nsubmirror doc\t--js\t--conf\tedge\t\nexit\n`;
    const seen = shell("script", ["-qec", "bash --norc --noprofile -i", "/dev/null"], typed);
    assert.match(seen, /<doctor --json --config edge1\.yaml>/);
  });

  test("zsh takes its script, and completes", () => {
    shell("zsh", ["-n", scripts["zsh"] ?? ""]);
    const ask = `autoload -U compinit; compinit -u -D; . ${scripts["zsh"]}; print -- $_comps[submirror]; whence -w _submirror_task_activate`;
    assert.equal(shell("zsh", ["-f", "-c", ask]), "_submirror\n_submirror_task_activate: function\n");
    const typed = `PS1=; autoload -U compinit; compinit -u -D; . ${scripts["zsh"]}; submirror() { echo "<$*>" }\nsubmirror task deac\t--js\t\nexit\n`;
    const seen = shell("script", ["-qec", "zsh -f -i", "/dev/null"], typed);
    assert.match(seen, /<task deactivate --json>/);
  });
});

function names(command: CommandNode): string[] {
  return command.commands.map(({ path }) => path.at(-1) ?? "").toSorted();
}
