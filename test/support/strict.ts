/** What strict mode takes in a test: key files, the sections of the configuration, and a publisher that seals as the gateway does. */
import { join } from "node:path";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { stringify } from "yaml";
import { NatsGrantBucket } from "../../src/bus/grant-bucket.js";
import { EventPublisher } from "../../src/bus/publisher.js";
import type { EventResult, PublishedEvent, RadiusEvent } from "../../src/events/types.js";
import { NO_AUDIT } from "../../src/security/audit/recorder.js";
import { grantTrust } from "../../src/security/configured.js";
import { type EventSealing, sealEvent } from "../../src/security/events/sealed-event.js";
import { AgentKeys } from "../../src/security/grants/agent-keys.js";
import { writeSeed } from "../../src/security/keys/files.js";
import { generateSealingSeed, type SealingKey, sealingKeyFromSeed } from "../../src/security/keys/sealing-key.js";
import { generateSigningSeed, type Signer, signerFromSeed } from "../../src/security/keys/signing-key.js";
import { AuthorityTable } from "../../src/security/orders/authorities.js";
import { ReplayJournal } from "../../src/security/orders/replay-journal.js";
import type { DataKey } from "../../src/security/seal/data-key.js";
import { issueDataKey } from "../../src/security/seal/grant.js";
import { StrictTrust, type StrictTrustOptions } from "../../src/security/strict-trust.js";
import { silent } from "./nats.js";
import { AGENT, AUTHORITY, agentKey, agentSeal, DAY, GATEWAY, SECOND, temporaryDirectory } from "./security.js";

export interface StrictKeys extends Disposable {
  readonly directory: string;
  readonly gateway: Signer;
  readonly authority: Signer;
  readonly second: Signer;
  readonly agent: Signer;
  readonly agentSeal: SealingKey;
  /** Files of secret keys. `reader`: sealing key of the authorities. */
  readonly files: Readonly<Record<"agent" | "agentSeal" | "gateway" | "authority" | "second" | "reader", string>>;
  /** The sections `security` and `audit`, as objects. */
  readonly sections: { readonly security: object; readonly audit: object };
  /** The same as YAML, with `more` in `security`. */
  yaml(more?: object): string;
}

/** Keys of one gateway, two authorities and the agents, in files where they belong. */
export function makeStrictKeys(): StrictKeys {
  const temporary = temporaryDirectory();
  const directory = temporary.path;
  const seeds = { agent: generateSigningSeed(), seal: generateSealingSeed() };
  const file = (name: string, seed: string): string => {
    writeSeed(join(directory, name), seed, "of a test");
    return join(directory, name);
  };
  const signingSeeds = [seeds.agent, ...Array.from({ length: 3 }, generateSigningSeed)] as [
    string,
    string,
    string,
    string,
  ];
  const [agent, gateway, authority, second] = signingSeeds.map(signerFromSeed) as [Signer, Signer, Signer, Signer];
  const files = {
    agent: file("agent.sign", signingSeeds[0]),
    gateway: file("gateway.sign", signingSeeds[1]),
    authority: file("authority.sign", signingSeeds[2]),
    second: file("second.sign", signingSeeds[3]),
    agentSeal: file("agent.seal", seeds.seal),
    reader: file("reader.seal", generateSealingSeed()),
  };
  const agentSeal = sealingKeyFromSeed(seeds.seal);
  const mediation = ["198.51.100.0/24"];
  const security = {
    mode: "strict",
    signingKeyFile: files.agent,
    gatewaySigningKeyFile: files.gateway,
    sealingKeyFiles: [files.agentSeal],
    stateDirectory: join(directory, "state"),
    agents: [{ name: "edge", keys: [agent.publicKey], opens: [agentSeal.publicKey] }],
    authorities: [
      {
        name: "gw1",
        kind: "gateway",
        keys: [gateway.publicKey],
        nas: ["bng1", "bng2"],
        mediation,
        interceptIds: ["1-4095"],
      },
      { name: "north", kind: "authority", keys: [authority.publicKey], mediation, interceptIds: ["4096-8191"] },
      { name: "south", kind: "authority", keys: [second.publicKey] },
    ],
  };
  const sections = { security, audit: { directory: join(directory, "audit") } };
  const yaml = (more: object = {}): string => stringify({ ...sections, security: { ...security, ...more } });
  const dispose = (): void => temporary[Symbol.dispose]();
  return { directory, gateway, authority, second, agent, agentSeal, files, sections, yaml, [Symbol.dispose]: dispose };
}

/** Publishes events sealed and signed as a gateway does; and, where a test asks for it, as it must not. */
export class StrictPublisher {
  readonly publisher: EventPublisher;
  readonly #client: JetStreamClient;

  private constructor(
    connection: NatsConnection,
    private readonly signer: Signer,
    private readonly key: DataKey,
  ) {
    this.publisher = new EventPublisher(connection);
    this.#client = jetstream(connection);
  }

  /** `signer` issues the data key and signs instructions. */
  static async open(connection: NatsConnection, signer: Signer, readers: readonly string[]): Promise<StrictPublisher> {
    const { key, grant } = issueDataKey("events", readers, signer, Date.now());
    const bucket = await NatsGrantBucket.open(connection, 1);
    await bucket.put(key.id, Buffer.from(JSON.stringify(grant)));
    return new StrictPublisher(connection, signer, key);
  }

  seal(event: RadiusEvent, changes: Partial<EventSealing> = {}): PublishedEvent {
    return sealEvent(event, { signer: this.signer, key: this.key, orderValidityMs: DAY, now: Date.now(), ...changes });
  }

  async ask(event: RadiusEvent, changes: Partial<EventSealing> = {}): Promise<EventResult> {
    return await this.askAs(this.seal(event, changes));
  }

  /** Publishes as it is and waits for the first answer. */
  async askAs(event: PublishedEvent): Promise<EventResult> {
    const results = this.publisher.results(event.id, AbortSignal.timeout(20_000));
    await this.publisher.publish(event);
    for await (const result of results) return result;
    throw new Error(`no result for ${event.type}`);
  }

  async tell(event: RadiusEvent): Promise<void> {
    await this.publisher.publish(this.seal(event));
  }

  /** The same bytes once more, as somebody does who has recorded them: under another message id, so that the stream takes them. */
  async replay(event: PublishedEvent): Promise<void> {
    const type = event.type.slice("radius.".length);
    await this.#client.publish(`radius.${event.data.nas}.${type}`, JSON.stringify(event), {
      msgID: `replay-${Math.random()}`,
    });
  }
}

/** The trust of an agent with these authorities, without a bus: no data key was granted to it yet. */
export function strictTrust(directory: string, changes: Partial<StrictTrustOptions> = {}): StrictTrust {
  const authorities = new AuthorityTable([GATEWAY, AUTHORITY, SECOND, AGENT]);
  const sealingKeys = [agentSeal];
  const agents = [agentSeal.publicKey];
  return new StrictTrust({
    keys: new AgentKeys({
      signer: agentKey,
      retired: [],
      sealingKeys,
      trust: grantTrust(authorities),
      agents,
      notified: agents,
      clock: Date.now,
      log: silent,
    }),
    sealingKeys,
    authorities,
    replay: new ReplayJournal(join(directory, "orders.jsonl"), Date.now()),
    audit: NO_AUDIT,
    toleranceMs: 300_000,
    maxWindowMs: DAY,
    twoPersonRule: false,
    plainEvents: false,
    startsOffRecord: false,
    clock: Date.now,
    onRefusal: () => undefined,
    ...changes,
  });
}
