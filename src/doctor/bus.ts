/** Whether NATS can be reached with this program's credentials, and holds what is needed. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { AUDIT_STREAM } from "../bus/audit-stream.js";
import { connectOnce } from "../bus/connect.js";
import { DEAD_LETTER_STREAM } from "../bus/dead-letter-stream.js";
import { GRANT_BUCKET } from "../bus/grant-bucket.js";
import { EVENT_STREAM, SESSION_BUCKET } from "../bus/streams.js";
import { TASK_STREAM } from "../bus/task-stream.js";
import { natsServers } from "../config/nats-servers.js";
import type { Config } from "../config/schema.js";
import { KeyError } from "../security/errors.js";
import { type Finding, failure, fromSentence, ok, warning } from "./finding.js";
import { findProgram } from "./programs.js";

const CONNECT_MS = 5000;
const ANSWER_MS = 3000;

/** `program` says with which name, and so with which permissions. */
export async function checkBus(config: Config, program: "agent" | "gateway"): Promise<Finding[]> {
  const servers = natsServers(config.nats).map(withoutPassword).join(", ");
  let connection: NatsConnection;
  try {
    connection = await connectOnce(config.nats, `submirror-${program}-${config.node}`, CONNECT_MS);
  } catch (error) {
    if (error instanceof KeyError) return [fromSentence("failure", "nats", error.message)];
    return [config.nats.embedded ? embeddedAway(config) : unreachable(servers, error as Error)];
  }
  try {
    const version = connection.info?.version ?? "of unknown version";
    return [
      ok("nats", `nats-server ${version} answers at ${servers}`),
      ...(await checkStreams(connection, config, program)),
    ];
  } finally {
    await connection.close();
  }
}

function unreachable(servers: string, error: Error): Finding {
  if (/authoriz|authenticat/i.test(`${error.name} ${error.message}`))
    return failure(
      "nats",
      `${servers} refuses the credentials`,
      "check user, password, token, nkeySeedFile or credentialsFile in nats, and the server's users",
    );
  return failure(
    "nats",
    `${servers} cannot be reached (${error.message})`,
    "check nats.servers, nats.tls, the firewall, and that nats-server runs",
  );
}

/** The agent starts it, so there need be none now. */
function embeddedAway({ nats }: Config): Finding {
  const binary = findProgram(nats.serverBinary);
  if (binary !== undefined) return ok("nats", `the agent starts ${binary}; it does not run now`);
  return failure(
    "nats",
    `nats.embedded needs ${nats.serverBinary}, which is not there`,
    "install the package nats-server, or name the program in nats.serverBinary",
  );
}

async function checkStreams(
  connection: NatsConnection,
  config: Config,
  program: "agent" | "gateway",
): Promise<Finding[]> {
  let manager: JetStreamManager;
  try {
    manager = await jetstreamManager(connection, { timeout: ANSWER_MS });
  } catch (error) {
    return [
      failure(
        "jetstream",
        `does not answer (${(error as Error).message})`,
        "switch it on in the server's configuration (jetstream { store_dir: ... }) and for this account, or allow $JS.API.INFO",
      ),
    ];
  }
  const findings: Finding[] = [];
  for (const { name, stream } of streamsOf(config, program)) findings.push(await checkStream(manager, name, stream));
  return findings;
}

/** What the program's permissions let it look at (deploy/nats). */
function streamsOf({ security, audit }: Config, program: "agent" | "gateway"): { name: string; stream: string }[] {
  const strict = security.mode === "strict";
  const plain = (stream: string) => ({ name: `stream ${stream}`, stream });
  const bucket = (name: string) => ({ name: `bucket ${name}`, stream: `KV_${name}` });
  return [
    plain(EVENT_STREAM),
    ...(program === "agent" ? [plain(TASK_STREAM), plain(DEAD_LETTER_STREAM), bucket(SESSION_BUCKET)] : []),
    ...(strict ? [bucket(GRANT_BUCKET)] : []),
    ...(strict && program === "agent" && audit.copies ? [plain(AUDIT_STREAM)] : []),
  ];
}

const NOT_FOUND = 10059;

async function checkStream(manager: JetStreamManager, about: string, stream: string): Promise<Finding> {
  try {
    const { state, config } = await manager.streams.info(stream);
    const copies = `${config.num_replicas} ${config.num_replicas === 1 ? "replica" : "replicas"}`;
    return ok(about, `is there with ${state.messages} messages, ${copies}`);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NOT_FOUND)
      return warning(about, "is not there yet", "start an agent that may make it, or run submirror provision");
    return failure(
      about,
      `cannot be looked at (${(error as Error).message})`,
      `allow $JS.API.STREAM.INFO.${stream} to this user (deploy/nats), and see that the cluster has a leader`,
    );
  }
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^@/]+@/i, "$1");
}
