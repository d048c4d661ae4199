/** `submirror task`: orders of an authority, signed and sealed, and what became of them. */
import { readFileSync } from "node:fs";
import type { NatsConnection } from "@nats-io/transport-node";
import { Command, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { connectNats } from "../../bus/connect.js";
import { loadConfig } from "../../config/load.js";
import type { Config } from "../../config/schema.js";
import type { EventResult } from "../../events/types.js";
import { agentReaders, authorityTable, type OwnKeys, readOwnKeys } from "../../security/configured.js";
import { KeyError } from "../../security/errors.js";
import type { TaskAction, TaskOrder } from "../../security/orders/payload.js";
import { countersign, type SignedOrder, signOrder } from "../../security/orders/signed.js";
import { type ListedTask, listTasks, orderText, publishOrder } from "../../tasking/client.js";
import { TaskingError } from "../../tasking/errors.js";
import { buildOrder, type TaskOptions } from "../../tasking/order.js";
import { readOrderFile, writeOrderFile } from "../../tasking/order-file.js";
import { configOption } from "../config-option.js";
import { EXIT, UsageError } from "../exit.js";

interface CommonOptions {
  readonly config: string;
  readonly json: boolean;
  readonly wait: number;
  readonly agents: number;
}

interface OrderOptions extends CommonOptions, Omit<TaskOptions, "terms"> {
  readonly terms?: string;
  readonly signOnly?: string;
}

const HOUR_MS = 3_600_000;
const CONNECT_MS = 10_000;

/** To be mounted in the program. Sets `process.exitCode`. */
export function taskCommand(): Command {
  const command = new Command("task").description("task by warrant: signed and sealed orders to the agents");
  subjectOptions(
    orderOptions(common(command.command("activate").description("mirror a subscriber, now and at each later login"))),
  )
    .option("--id <task>", "name of the task; made up where absent")
    .addHelpText(
      "after",
      "\nExample:\n  submirror task activate --config authority.yaml --reference W-2026-0042 --user-name alice \\\n    --mediation 198.51.100.9:30030 --intercept-id 4660 --for 30d",
    )
    .action((options: OrderOptions) => order("activate", options));
  subjectOptions(
    orderOptions(common(command.command("modify").description("replace the terms of a task; its subject stays"))),
  )
    .requiredOption("--id <task>", "name of the task")
    .addHelpText(
      "after",
      "\nExample:\n  submirror task modify --config authority.yaml --id t-42 --reference W-2026-0042 --user-name alice \\\n    --mediation 198.51.100.10:30030 --intercept-id 4660 --for 30d",
    )
    .action((options: OrderOptions) => order("modify", options));
  signOnly(common(command.command("deactivate").description("end a task")))
    .requiredOption("--id <task>", "name of the task")
    .addHelpText("after", "\nExample:\n  submirror task deactivate --config authority.yaml --id t-42")
    .action((options: OrderOptions) => order("deactivate", options));
  common(command.command("sign").description("put a second signature under an order in a file, and publish it"))
    .argument("<file>", "written by --sign-only")
    .option("--keep", "do not publish: write it back for one more signature", false)
    .addHelpText("after", "\nExample:\n  submirror task sign --config second-authority.yaml t-42.order")
    .action((file: string, options: CommonOptions & { keep: boolean }) => sign(file, options));
  common(command.command("list").description("tasks of the stream, as far as these keys can read them"))
    .addHelpText("after", "\nExample:\n  submirror task list --config authority.yaml --json")
    .action(list);
  return command;
}

function common(command: Command): Command {
  return command
    .addOption(configOption("configuration file with nats and security"))
    .option("--json", "print JSON", false)
    .option("--wait <seconds>", "how long to wait for answers of agents", seconds, 5)
    .option("--agents <count>", "answers that are enough", count, Number.MAX_SAFE_INTEGER);
}

function orderOptions(command: Command): Command {
  return signOnly(command)
    .option("--reference <text>", "number of the warrant on paper")
    .option("--mediation <address:port>", "where copies go; address:port/port tells the directions apart by port")
    .option("--intercept-id <id>", "30 bits, decimal or 0x...")
    .addOption(new Option("--direction <direction>", "as seen from the subscriber").choices(["both", "from", "to"]))
    .addOption(new Option("--header <format>", "in front of the copies").choices(["junos", "nokia"]))
    .option("--dscp <value>", "outer DSCP, 0 to 63")
    .option("--from <time>", "RFC 3339 in UTC; absent: now")
    .option("--until <time>", "RFC 3339 in UTC; absent: as long as this authority may")
    .option("--for <duration>", "in place of --until: 12h, 30d, 4w")
    .option("--terms <file>", "JSON with further terms: dropPolicy, rate, snapLength, multicast, zone");
}

function signOnly(command: Command): Command {
  return command.option("--sign-only <file>", "do not publish: write the signed order for a second signature");
}

function subjectOptions(command: Command): Command {
  return command
    .option("--user-name <name>", "subject by User-Name; - here and below: read from standard input", valueOrInput)
    .option("--calling-station-id <id>", "subject by Calling-Station-Id", valueOrInput)
    .option("--nas-port-id <id>", "subject by NAS-Port-Id; needs --nas", valueOrInput)
    .option("--circuit-id <id>", "subject by agent circuit id", valueOrInput)
    .option("--remote-id <id>", "subject by agent remote id", valueOrInput)
    .option("--address <prefix>", "subject by address or prefix", valueOrInput)
    .option("--acct-session-id <id>", "one session; needs --nas", valueOrInput)
    .option("--nas <name>", "at this NAS alone");
}

/** The command line of a program is for everybody on the machine to see. */
function valueOrInput(value: string): string {
  return value === "-" ? readFileSync(0, "utf8").replace(/\r?\n$/, "") : value;
}

async function order(action: TaskAction, options: OrderOptions): Promise<void> {
  const config = loadConfig(options.config);
  const { terms, ...given } = options;
  const keys = ownKeys(config);
  const built = buildOrder(
    action,
    { ...given, ...(terms !== undefined && { terms: readTerms(terms) }) },
    Date.now(),
    longest(config, keys),
  );
  const signed = keys === undefined ? undefined : signOrder(built, keys.signer);
  if (options.signOnly === undefined) return await publish(config, keys, built, signed, options);
  if (signed === undefined)
    throw new UsageError("--sign-only needs security.mode strict: in lab mode nothing is signed");
  writeOrderFile(options.signOnly, signed);
  print(
    options.json
      ? JSON.stringify({ task: built.task, file: options.signOnly })
      : `task ${built.task}: signed, in ${options.signOnly}; next: submirror task sign ${options.signOnly}`,
  );
}

async function sign(file: string, options: CommonOptions & { keep: boolean }): Promise<void> {
  const config = loadConfig(options.config);
  const keys = ownKeys(config);
  if (keys === undefined) throw new UsageError("signing needs security.mode strict");
  const { order: read, signed } = readOrderFile(file);
  // Whoever signs has to see what.
  process.stderr.write(`${JSON.stringify(read, undefined, 2)}\n`);
  const both = countersign(signed, keys.signer);
  if (options.keep) return writeOrderFile(file, both);
  await publish(config, keys, read, both, options);
}

async function publish(
  config: Config,
  keys: OwnKeys | undefined,
  built: TaskOrder,
  signed: SignedOrder | undefined,
  options: CommonOptions,
): Promise<void> {
  const readers = [...agentReaders(config.security), ...(keys?.sealingKeys ?? []).map(({ publicKey }) => publicKey)];
  const text = orderText(built, signed, keys === undefined ? undefined : { readers });
  const limits = { waitMs: options.wait * 1000, enough: options.agents };
  const results = await withBus(config, (connection) => publishOrder(connection, built, text, limits));
  if (options.json) print(JSON.stringify({ task: built.task, order: built.id, results }));
  else printResults(built.task, results);
  const isDone = results.length > 0 && results.every(({ result }) => result !== "rejected");
  process.exitCode = isDone ? EXIT.done : EXIT.failed;
}

async function list(options: CommonOptions): Promise<void> {
  const config = loadConfig(options.config);
  const keys = ownKeys(config);
  const reading =
    keys === undefined ? undefined : { sealingKeys: keys.sealingKeys, authorities: authorityTable(config.security) };
  const tasks = await withBus(config, (connection) => listTasks(connection, reading, Date.now()));
  if (options.json) return print(JSON.stringify(tasks));
  for (const task of tasks) printTask(task);
  if (tasks.length === 0) print("no tasks");
}

/** Undefined in lab mode. Throws KeyError. */
function ownKeys(config: Config): OwnKeys | undefined {
  if (config.security.mode === "lab") return undefined;
  const keys = readOwnKeys(config.security, "authority");
  if (Array.isArray(keys)) throw new KeyError(keys.join("\n"));
  if (config.security.agents.length === 0)
    throw new KeyError("security.agents is empty: name the agents' public keys there, since orders are sealed to them");
  return keys;
}

/** How long this authority's orders may be in force, where its own configuration says so. */
function longest({ security }: Config, keys: OwnKeys | undefined): number {
  const own = security.authorities.find(
    (authority) => keys !== undefined && authority.keys.includes(keys.signer.publicKey),
  );
  return Math.min(security.maxDurationHours, own?.maxDurationHours ?? Infinity) * HOUR_MS;
}

function readTerms(file: string): Record<string, unknown> {
  try {
    const terms: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof terms === "object" && terms !== null && !Array.isArray(terms)) return terms as Record<string, unknown>;
  } catch (error) {
    throw new TaskingError(`--terms ${file} cannot be read: ${(error as Error).message}`);
  }
  throw new TaskingError(`--terms ${file} must hold a JSON object`);
}

async function withBus<T>(config: Config, work: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const log = pino({ level: "silent" });
  let connection: NatsConnection;
  try {
    connection = await connectNats(config.nats, `submirror-task-${config.node}`, log, AbortSignal.timeout(CONNECT_MS));
  } catch (error) {
    if (error instanceof KeyError) throw error;
    throw new TaskingError(
      `NATS cannot be reached within ${CONNECT_MS / 1000} s: check nats.servers and the credentials`,
    );
  }
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function printResults(task: string, results: readonly EventResult[]): void {
  print(`task ${task}`);
  for (const { node, result, errorCause, detail } of results) {
    print(
      `  ${node}  ${result}${errorCause === undefined ? "" : ` (${errorCause})`}${detail === undefined ? "" : `  ${detail}`}`,
    );
  }
  if (results.length === 0) {
    print(
      "  published, but no agent has answered: they carry it out when they read it; see their logs, or wait longer with --wait",
    );
  }
}

function printTask({ task, state, order: latest, by }: ListedTask): void {
  const { warrant } = latest ?? {};
  if (warrant === undefined) return print(`${task}  ${state}`);
  const { reference, subject, li } = warrant;
  const where = `${li.mediation.address}:${li.mediation.port}`;
  const at = subject.nas === undefined ? "" : ` at ${subject.nas}`;
  const until = li.notAfter ?? "as long as the authority may";
  print(
    `${task}  ${state}  ${reference}  ${subject.by} ${subject.value}${at}  > ${where} id ${Number.parseInt(li.handle.slice(0, 8), 16) & 0x3fff_ffff}  until ${until}  by ${by.join(", ")}`,
  );
}

function seconds(text: string): number {
  const value = Number(text);
  if (value >= 0 && value <= 3600) return value;
  throw new InvalidArgumentError("Expected seconds from 0 to 3600.");
}

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number of at least 1.");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
