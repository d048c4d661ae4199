/** `submirror keys`: makes, shows and changes the keys that sign and seal. Secrets go to files, never to the terminal. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { KeyError } from "../../security/errors.js";
import { readSeed, writeSeed } from "../../security/keys/files.js";
import { generateSealingSeed, sealingKeyFromSeed } from "../../security/keys/sealing-key.js";
import { generateSigningSeed, signerFromSeed } from "../../security/keys/signing-key.js";
import { UsageError } from "../exit.js";

const HOLDERS = ["agent", "gateway", "authority", "nats"] as const;
type Holder = (typeof HOLDERS)[number];
type KeyUse = "signing" | "sealing";

interface MadeKey {
  readonly file: string;
  readonly use: KeyUse;
  readonly publicKey: string;
}

const SUFFIX: Readonly<Record<KeyUse, string>> = { signing: ".sign", sealing: ".seal" };
/** A gateway seals to others, and opens nothing. An authority reads back what it has ordered. */
const USES: Readonly<Record<Holder, readonly KeyUse[]>> = {
  agent: ["signing", "sealing"],
  gateway: ["signing"],
  authority: ["signing", "sealing"],
  // An nkey, with which a program shows itself to nats-server.
  nats: ["signing"],
};

/** To be mounted in the program. */
export function keysCommand(): Command {
  const command = new Command("keys").description("make, show and change the keys that sign and seal");
  command
    .command("generate")
    .description("make the keys of an agent, a gateway or an authority, or an nkey for NATS; files of mode 0600")
    .addOption(new Option("--for <holder>", "who will hold them").choices(HOLDERS).makeOptionMandatory())
    .requiredOption("--name <name>", "name of the files, and in the configuration")
    .requiredOption("--out <directory>", "where the files go")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  submirror keys generate --for agent --name edge1 --out /etc/submirror/keys")
    .action(({ for: holder, name, out, json }: { for: Holder; name: string; out: string; json: boolean }) =>
      generate(holder, name, out, json),
    );
  command
    .command("show")
    .description("print the public keys of key files")
    .argument("<files...>", "key files")
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      "\nExample:\n  submirror keys show /etc/submirror/keys/edge1.sign /etc/submirror/keys/edge1.seal",
    )
    .action((files: string[], { json }: { json: boolean }) => show(files, json));
  command
    .command("rotate")
    .description("make the successor of a key beside it, and say in which order to bring it in without a gap")
    .argument("<file>", "key file that is to be replaced")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  submirror keys rotate /etc/submirror/keys/edge1.sign")
    .action((file: string, { json }: { json: boolean }) => rotate(file, json));
  return command;
}

function generate(holder: Holder, name: string, directory: string, json: boolean): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new UsageError("--name must be letters, digits, '-' and '_'");
  }
  const wanted = USES[holder].map((use) => ({ use, file: join(directory, name + SUFFIX[use]) }));
  const existing = wanted.find(({ file }) => existsSync(file));
  if (existing !== undefined) {
    throw new KeyError(`${existing.file} is there already: keys are never overwritten; see submirror keys rotate`);
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const made = wanted.map(({ use, file }) => make(use, file));
  if (json) return printJson(made);
  printTable(made);
  if (holder === "nats") {
    print(`\nFor the configuration of the program, under nats:\n  nkeySeedFile: ${made[0]?.file}`);
    print(`\nFor that of nats-server, as user:\n  nkey: ${made[0]?.publicKey}`);
    return;
  }
  print(`\nFor the configuration of ${holder === "gateway" ? "the gateway" : `the ${holder}`} itself, under security:`);
  for (const { use, file } of made)
    print(use === "signing" ? `  signingKeyFile: ${file}` : `  sealingKeyFiles: [${file}]`);
  print("\nFor the configuration of everybody, under security:");
  for (const line of publicPart(holder, name, made)) print(line);
}

/** What others have to know of these keys, as YAML. */
function publicPart(holder: Holder, name: string, made: readonly MadeKey[]): string[] {
  const publicKey = (use: KeyUse): string => made.find((key) => key.use === use)?.publicKey ?? "";
  if (holder === "agent") {
    return ["  agents:", `    - { name: ${name}, keys: [${publicKey("signing")}], opens: [${publicKey("sealing")}] }`];
  }
  return ["  authorities:", `    - { name: ${name}, kind: ${holder}, keys: [${publicKey("signing")}] }`];
}

function show(files: readonly string[], json: boolean): void {
  const keys = files.map((file) => describe(file));
  if (json) printJson(keys);
  else printTable(keys);
}

function rotate(file: string, json: boolean): void {
  const { use } = describe(file);
  const next = make(use, successorOf(file));
  if (json) return printJson([next]);
  printTable([next]);
  const list = use === "signing" ? "keys" : "opens";
  const own = use === "signing" ? "signingKeyFile" : "sealingKeyFiles";
  print("\nWithout a gap, in this order:");
  print(`1. Everywhere: add ${next.publicKey} to ${list}, beside the old one, and restart.`);
  if (use === "signing") {
    print(`2. Here: set security.${own} to ${next.file}, and restart.`);
    print(
      `3. Everywhere, when nothing signed with the old key is under way any more: take the old one out of ${list}. An authority first orders each of its tasks in force again: submirror task modify.`,
    );
  } else {
    print(`2. Here: add ${next.file} to security.${own}, beside the old one, and restart. Both open.`);
    print(`3. Everywhere: take the old one out of ${list}, and restart. Nothing new is sealed to it.`);
    print(
      `4. Here, when the stream RADIUS holds no event from before step 3, and each task in force was ordered again since step 1 (submirror task modify): take ${file} out of ${own}, and delete it.`,
    );
  }
}

/** `edge1.seal`, `edge1-2.seal`, `edge1-3.seal`, ... */
function successorOf(file: string): string {
  const parts = /^(.*?)(?:-(\d+))?(\.[a-z]+)?$/s.exec(file);
  const [stem = file, number = "1", suffix = ""] = [parts?.[1], parts?.[2], parts?.[3]];
  for (let next = Number(number) + 1; ; next++) {
    const candidate = `${stem}-${next}${suffix}`;
    if (!existsSync(candidate)) return candidate;
  }
}

function make(use: KeyUse, file: string): MadeKey {
  const seed = use === "signing" ? generateSigningSeed() : generateSealingSeed();
  const { publicKey } = use === "signing" ? signerFromSeed(seed) : sealingKeyFromSeed(seed);
  writeSeed(file, seed, `submirror ${use} key, secret. Public: ${publicKey}`);
  return { file, use, publicKey };
}

function describe(file: string): MadeKey {
  const seed = readSeed(file);
  if (seed.startsWith("SX")) return { file, use: "sealing", publicKey: sealingKeyFromSeed(seed).publicKey };
  if (seed.startsWith("SU")) return { file, use: "signing", publicKey: signerFromSeed(seed).publicKey };
  throw new KeyError(`${file} holds neither a signing key (SU...) nor a sealing key (SX...)`);
}

function printTable(keys: readonly MadeKey[]): void {
  for (const { file, use, publicKey } of keys) print(`${use}  ${publicKey}  ${file}`);
}

function printJson(keys: readonly MadeKey[]): void {
  print(JSON.stringify(keys));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
