/** The connection to NATS: tried until it works, kept up for ever, every change of state in the log. */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import type { Logger } from "pino";
import { natsServers } from "../config/nats-servers.js";
import type { Config } from "../config/schema.js";
import { checkSecretFile, readSecretFile, readSeed } from "../security/keys/files.js";

type NatsConfig = Config["nats"];

/** Also before the first connection: whoever logs in until then is not mirrored before the events have come. */
const RECONNECT_WAIT_MS = 250;
const SAID_EVERY = 30_000 / RECONNECT_WAIT_MS;

/**
 * Connects, however long it takes; `signal` ends the attempt. `name` is shown in the server's monitoring.
 * Throws KeyError at once where a file of keys cannot be read, or can be read by others.
 */
export async function connectNats(
  config: NatsConfig,
  name: string,
  log: Logger,
  signal: AbortSignal,
): Promise<NatsConnection> {
  const options = connectionOptions(config, name);
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      const connection = await connect(options);
      log.info({ server: connection.getServer() }, "connected to NATS");
      void logStatus(connection, log);
      return connection;
    } catch (error) {
      // Said at once and then every half minute.
      if (attempt % SAID_EVERY === 1) {
        log.warn(
          { reason: (error as Error).message },
          "NATS cannot be reached; trying on. Check nats.servers and the credentials",
        );
      }
      await delay(RECONNECT_WAIT_MS, undefined, { signal });
    }
  }
}

/** Connects at once or not at all. Throws KeyError, or what the client says. */
export async function connectOnce(config: NatsConfig, name: string, timeoutMs: number): Promise<NatsConnection> {
  return await connect({ ...connectionOptions(config, name), timeout: timeoutMs, maxReconnectAttempts: 0 });
}

function connectionOptions(config: NatsConfig, name: string): NodeConnectionOptions {
  if (config.tls?.keyFile !== undefined) checkSecretFile(config.tls.keyFile);
  return {
    servers: natsServers(config),
    name,
    // Answers come where nobody else may listen: the server's permissions can name it.
    inboxPrefix: `_INBOX.${name.replace(/[^A-Za-z0-9_-]/g, "_")}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    // Where the server has not heard of us yet, it may have tomorrow: an agent does not end for that.
    ignoreAuthErrorAbort: true,
    authenticator: authenticators(config),
    // The client refuses a server that offers no TLS when these are given.
    ...(config.tls !== undefined && { tls: defined(config.tls) }),
  };
}

function authenticators(config: NatsConfig): Authenticator[] {
  const found: Authenticator[] = [];
  if (config.nkeySeedFile !== undefined) found.push(nkeyAuthenticator(Buffer.from(readSeed(config.nkeySeedFile))));
  if (config.credentialsFile !== undefined) found.push(credsAuthenticator(readSecretFile(config.credentialsFile)));
  if (config.user !== undefined) found.push(usernamePasswordAuthenticator(config.user, config.password));
  if (config.token !== undefined) found.push(tokenAuthenticator(config.token));
  return found;
}

async function logStatus(connection: NatsConnection, log: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect")
      log.warn({ server: status.server }, "the connection to NATS is lost; what is mirrored goes on");
    else if (status.type === "reconnect") log.info({ server: status.server }, "connected to NATS again");
    else if (status.type === "error") log.error({ reason: status.error.message }, "NATS reports an error");
  }
}

function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
