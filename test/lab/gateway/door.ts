/** A gateway between real `radclient` and real FreeRADIUS, all on loopback. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { type RadiusConfigInput, radiusConfigSchema } from "../../../src/gateway/config.js";
import { type Gateway, startGateway } from "../../../src/gateway/gateway.js";
import { FakeBus, FakeLog } from "../../unit/gateway/fakes.js";
import { type FreeradiusOptions, type RunningFreeradius, startFreeradius } from "../parts/freeradius.js";
import { freeUdpPorts } from "../parts/ports.js";

export const NAS_SECRET = "between nas and gateway";
export const AAA_SECRET = "between gateway and aaa";
export const DAC_SECRET = "between dac and gateway";

export interface Door extends AsyncDisposable {
  readonly bus: FakeBus;
  readonly log: FakeLog;
  readonly registry: Registry;
  readonly ports: { readonly auth: number; readonly accounting: number; readonly coa: number };
  readonly gateway: Gateway;
  readonly aaa: RunningFreeradius;
  readonly aaaPorts: { readonly auth: number; readonly acct: number };
}

export async function openDoor(
  aaaOptions: Pick<FreeradiusOptions, "users" | "extra">,
  overrides: Partial<RadiusConfigInput> = {},
  /** Puts something between the gateway and the server: given the server's port, the port to use instead. */
  between: (aaaPort: number) => Promise<number> = (port) => Promise.resolve(port),
): Promise<Door> {
  const dir = mkdtempSync(join(tmpdir(), "submirror-aaa-"));
  const [auth, acct] = (await freeUdpPorts(2)) as [number, number];
  const clients = [{ name: "loopback", address: "127.0.0.0/8", secret: AAA_SECRET }];
  const aaa = await startFreeradius({ ...aaaOptions, dir, ports: { auth, acct }, clients });
  const bus = new FakeBus();
  const log = new FakeLog();
  const registry = new Registry();
  const config = radiusConfigSchema.parse({
    listen: { addresses: ["127.0.0.1"], auth: 0, accounting: 0, coa: 0 },
    clients: [{ name: "bng1", address: "127.0.0.1", secret: NAS_SECRET, nasIdentifier: "bng1" }],
    upstreams: [
      { name: "aaa1", address: "127.0.0.1", secret: AAA_SECRET, auth: await between(auth), accounting: acct },
    ],
    coaClients: [{ name: "dac1", address: "127.0.0.1", secret: DAC_SECRET }],
    ...overrides,
  });
  const gateway = startGateway(config, { bus, log, metricsRegistry: registry });
  const close = async () => {
    await gateway.close();
    await aaa.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const { auth: authPort = 0, accounting = 0, coa = 0 } = await gateway.ready;
    const ports = { auth: authPort, accounting, coa };
    return { bus, log, registry, ports, gateway, aaa, aaaPorts: { auth, acct }, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
