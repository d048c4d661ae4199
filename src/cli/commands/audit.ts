/** `submirror audit`: whether the log is complete and unchanged, and what it says. */
import { readdirSync } from "node:fs";
import { jetstream } from "@nats-io/jetstream";
import { Command } from "commander";
import { pino } from "pino";
import { auditCopies } from "../../bus/audit-stream.js";
import { connectNats } from "../../bus/connect.js";
import { loadConfig } from "../../config/load.js";
import type { Config } from "../../config/schema.js";
import { readAudit } from "../../security/audit/show.js";
import { type Verified, verifyAudit } from "../../security/audit/verify.js";
import { authorityTable } from "../../security/configured.js";
import { readSealingKey } from "../../security/keys/files.js";
import { verifierOf } from "../../security/keys/signing-key.js";
import { configOption } from "../config-option.js";
import { EXIT, UsageError } from "../exit.js";

interface VerifyOptions {
  readonly config: string;
  readonly directory?: string;
  readonly key?: string[];
  readonly copies: boolean;
  readonly node?: string;
  readonly json: boolean;
}

interface ShowOptions {
  readonly config: string;
  readonly directory?: string;
  readonly open?: string[];
  readonly json: boolean;
}

const DEFAULT_DIRECTORY = "/var/lib/submirror/audit";
const CONNECT_MS = 10_000;

/** To be mounted in the program. Sets `process.exitCode`. */
export function auditCommand(): Command {
  const command = new Command("audit").description("verify and read the audit log of a node");
  located(command.command("verify").description("find the first entry that was changed, deleted, moved or cut off"))
    .option(
      "--key <public key>",
      "signing key of the agent that wrote it, in place of those of the configuration",
      collect,
    )
    .option("--copies", "compare with the copies in the stream AUDIT, too", false)
    .option("--node <name>", "whose copies; absent: node of the configuration")
    .addHelpText(
      "after",
      "\nExamples:\n  submirror audit verify --config edge1.yaml --copies\n  submirror audit verify --directory ./audit-of-edge1 --key UABC...",
    )
    .action(verify);
  located(command.command("show").description("print the entries"))
    .option("--open <key file>", "sealing key of a reader: also prints whom entries are about", collect)
    .addHelpText(
      "after",
      "\nExample:\n  submirror audit show --config edge1.yaml --open /etc/submirror/keys/auditor.seal",
    )
    .action(show);
  return command;
}

function located(command: Command): Command {
  return command
    .addOption(configOption())
    .option("--directory <directory>", "where the log is, in place of that of the configuration")
    .option("--json", "print JSON", false);
}

async function verify(options: VerifyOptions): Promise<void> {
  // Away from the node there need be no configuration.
  const needsConfig = options.directory === undefined || options.key === undefined || options.copies;
  const config = needsConfig ? loadConfig(options.config) : undefined;
  const directory = directoryOf(options.directory, config);
  const copies =
    options.copies && config !== undefined ? await readCopies(config, options.node ?? config.node) : undefined;
  const verified = await verifyAudit({
    directory,
    verifierOf: agentVerifier(options.key, config),
    ...(copies !== undefined && { copies }),
  });
  if (options.json) print(JSON.stringify({ directory, ...verified }));
  else printVerified(directory, verified, options.copies);
  process.exitCode = verified.misfit === undefined ? EXIT.done : EXIT.failed;
}

async function show(options: ShowOptions): Promise<void> {
  const config = options.directory === undefined ? loadConfig(options.config) : undefined;
  const keys = (options.open ?? []).map((file) => readSealingKey(file));
  for await (const { entry, about } of readAudit(directoryOf(options.directory, config), keys)) {
    if (options.json) {
      print(JSON.stringify({ ...entry, ...(about !== undefined && { about }) }));
      continue;
    }
    const { v: _v, seq, time, node, kind, prev: _prev, hash: _hash, sealed: _sealed, grant: _grant, ...fields } = entry;
    const words = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    print(
      [`${seq} ${time} ${node} ${kind}`, ...words, ...(about === undefined ? [] : [JSON.stringify(about)])].join(" "),
    );
  }
}

function directoryOf(given: string | undefined, config: Config | undefined): string {
  const directory = given ?? config?.audit.directory ?? DEFAULT_DIRECTORY;
  try {
    readdirSync(directory);
  } catch (error) {
    throw new UsageError(
      `the audit log ${directory} cannot be read (${(error as NodeJS.ErrnoException).code}): name it with --directory`,
    );
  }
  return directory;
}

function agentVerifier(keys: readonly string[] | undefined, config: Config | undefined) {
  if (keys !== undefined) return (key: string) => (keys.includes(key) ? verifierOf(key) : undefined);
  const table = config === undefined ? undefined : authorityTable(config.security);
  return (key: string) => {
    const known = table?.find(key);
    return known?.authority.kind === "agent" ? known.verifier : undefined;
  };
}

async function readCopies(config: Config, node: string): Promise<Map<number, string>> {
  const log = pino({ level: "silent" });
  const connection = await connectNats(
    config.nats,
    `submirror-audit-${config.node}`,
    log,
    AbortSignal.timeout(CONNECT_MS),
  );
  try {
    return await auditCopies(jetstream(connection), node);
  } finally {
    await connection.close();
  }
}

function printVerified(
  directory: string,
  { first, last, segments, compared, misfit, lastTime }: Verified,
  copies: boolean,
): void {
  const files = `${segments} ${segments === 1 ? "file" : "files"}`;
  if (misfit !== undefined) {
    print(`${directory}: ${misfit.place}: entry ${misfit.seq} ${misfit.problem}`);
    return;
  }
  if (last === 0) return print(`${directory}: no entries`);
  print(`${directory}: entries ${first} to ${last} in ${files} fit; the last is of ${lastTime}`);
  if (copies) print(`${compared} of them are the same as their copies in the stream AUDIT`);
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
