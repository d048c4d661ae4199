/** Grants of data keys in the KV bucket `datakeys`. */
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { GrantBucket } from "../security/grants/ports.js";

export const GRANT_BUCKET = "datakeys";

const IN_FLIGHT = 100;

type OnGrant = (name: string, bytes: Uint8Array) => void;

export class NatsGrantBucket implements GrantBucket {
  private constructor(private readonly kv: KV) {}

  /** Makes the bucket where it is not there. */
  static async open(connection: NatsConnection, replicas: number): Promise<NatsGrantBucket> {
    return new NatsGrantBucket(await new Kvm(connection).create(GRANT_BUCKET, { history: 1, replicas }));
  }

  async load(onGrant: OnGrant): Promise<void> {
    const names: string[] = [];
    for await (const name of await this.kv.keys()) names.push(name);
    for (let at = 0; at < names.length; at += IN_FLIGHT) {
      const batch = names.slice(at, at + IN_FLIGHT);
      const grants = await Promise.all(batch.map((name) => this.get(name)));
      for (const [index, bytes] of grants.entries()) if (bytes !== undefined) onGrant(batch[index] as string, bytes);
    }
  }

  async watch(onGrant: OnGrant): Promise<() => void> {
    const changes = await this.kv.watch();
    void (async () => {
      for await (const { key, operation, value } of changes) if (operation === "PUT") onGrant(key, value);
    })();
    return () => changes.stop();
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const entry = await this.kv.get(name);
    return entry === null || entry.operation !== "PUT" ? undefined : entry.value;
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.kv.create(name, bytes);
      return true;
    } catch (error) {
      if ((await this.get(name)) !== undefined) return false;
      throw error;
    }
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.kv.put(name, bytes);
  }
}
