/** The gateway's side of strict mode: every event is sealed before it goes anywhere, every instruction in it signed. */
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { StartError } from "../agent/errors.js";
import { NatsGrantBucket } from "../bus/grant-bucket.js";
import { whenReady } from "../bus/streams.js";
import type { GatewayConfig } from "../config/schema.js";
import type { PublishedEvent, RadiusEvent } from "../events/types.js";
import { agentReaders, readOwnKeys } from "../security/configured.js";
import { sealEvent } from "../security/events/sealed-event.js";
import { GatewayKeys } from "../security/grants/gateway-keys.js";
import type { Signer } from "../security/keys/signing-key.js";
import { sealedWith } from "../security/seal/data-key.js";
import { BusAwayError } from "./nats-bus.js";
import type { EventBus, Log } from "./ports.js";

const HOUR_MS = 3_600_000;

export class EventSealing {
  readonly #signer: Signer;
  readonly #keys: GatewayKeys;
  readonly #orderValidityMs: number;

  /** Throws StartError. `clock`: Unix time in milliseconds. */
  constructor(
    config: GatewayConfig,
    log: Log,
    private readonly clock: () => number = Date.now,
  ) {
    const { security } = config;
    const own = readOwnKeys(security, "gateway");
    const problems = Array.isArray(own) ? own : [];
    if (security.agents.length === 0) {
      problems.push("security.agents is empty: name the agents' public keys there, since everything is sealed to them");
    }
    if (Array.isArray(own) || problems.length > 0) throw new StartError(problems);
    this.#signer = own.signer;
    this.#orderValidityMs = security.orderValidityHours * HOUR_MS;
    this.#keys = openKeys(own.signer, agentReaders(security), security.stateDirectory, clock, log);
  }

  seal(event: RadiusEvent): PublishedEvent {
    const [signer, orderValidityMs] = [this.#signer, this.#orderValidityMs];
    return sealEvent(event, { signer, key: this.#keys.current(), orderValidityMs, now: this.clock() });
  }

  /** A bus on which no event goes out before the agents can find its data key. */
  over(bus: EventBus): EventBus {
    return {
      publish: async (event) => {
        await this.#keyStored(event);
        await bus.publish(event);
      },
      results: (eventId, signal) => bus.results(eventId, signal),
    };
  }

  async attach(connection: NatsConnection, replicas: number, signal: AbortSignal): Promise<void> {
    this.#keys.attach(await whenReady(() => NatsGrantBucket.open(connection, replicas), signal));
  }

  close(): void {
    this.#keys.stop();
  }

  async #keyStored({ data }: PublishedEvent): Promise<void> {
    // A spool that was filled in lab mode: agents in strict mode refuse what is in it, and say so.
    if (!("sealed" in data)) return;
    // The first 24 characters are 18 bytes; the id of the key has 16.
    const key = sealedWith(Buffer.from(data.sealed.slice(0, 24), "base64url"));
    if (key === undefined || this.#keys.isStored(key)) return;
    if (!this.#keys.isAttached) throw new BusAwayError("NATS is away");
    await this.#keys.stored(key);
  }
}

function openKeys(signer: Signer, agents: string[], directory: string, clock: () => number, log: Log): GatewayKeys {
  try {
    return new GatewayKeys({ signer, agents, directory: join(directory, "grants"), clock, log });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError([
      `security.stateDirectory ${directory} cannot be used (${code}): make it a directory that submirror can write`,
    ]);
  }
}
