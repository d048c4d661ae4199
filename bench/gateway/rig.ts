/** What logins are sent to: FreeRADIUS itself, and through proxies. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { heapOptions } from "../../src/security/process/begin-anew.js";
import { startFreeradius } from "../../test/lab/parts/freeradius.js";
import { freeUdpPorts } from "../../test/lab/parts/ports.js";
import { startTestNats } from "../../test/support/nats.js";
import { temporaryDirectory } from "../../test/support/security.js";
import { FREERADIUS, GATEWAY, NO_PROXY, STORING } from "./report.js";

export const SECRET = "the same everywhere";
export const USERS = 1000;

export interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

interface Ports {
  readonly auth: number;
  readonly acct: number;
}

async function startGateway(name: string, upstream: Ports, natsUrl?: string): Promise<Target & AsyncDisposable> {
  const config = {
    listen: { addresses: ["127.0.0.1"], auth: 0, accounting: 0, coa: 0 },
    clients: [{ name: "bng1", address: "127.0.0.1", secret: SECRET }],
    upstreams: [{ name: "aaa1", address: "127.0.0.1", secret: SECRET, auth: upstream.auth, accounting: upstream.acct }],
  };
  const script = fileURLToPath(new URL("run-gateway.js", import.meta.url));
  const argv = [...heapOptions("gateway"), script, JSON.stringify(config), ...(natsUrl === undefined ? [] : [natsUrl])];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { auth } = JSON.parse(line.toString()) as { auth: number };
  const stop = async (): Promise<void> => {
    child.kill();
    await once(child, "exit");
  };
  return { name, port: auth, pid: child.pid as number, [Symbol.asyncDispose]: stop };
}

async function startRadius(
  name: string,
  dir: string,
  ports: Ports,
  options: Pick<Parameters<typeof startFreeradius>[0], "users" | "proxyTo">,
): Promise<Target & AsyncDisposable> {
  const clients = [{ name: "loopback", address: "127.0.0.0/8", secret: SECRET }];
  const server = await startFreeradius({ dir: join(dir, name.replaceAll(/\W/g, "")), ports, clients, ...options });
  const { pid } = server.process;
  return { name, port: ports.auth, pid: pid as number, [Symbol.asyncDispose]: () => server.stop() };
}

/** Calls `use` with all of them running, and ends them. */
export async function withTargets(use: (targets: readonly Target[]) => Promise<void>): Promise<void> {
  using directory = temporaryDirectory();
  const [homeAuth, homeAcct, auth, acct] = (await freeUdpPorts(4)) as [number, number, number, number];
  const home = { auth: homeAuth, acct: homeAcct };
  const users = Array.from(
    { length: USERS },
    (_, i) => `user${i} Cleartext-Password := "secret"\n\tFramed-IP-Address = 100.64.0.7`,
  ).join("\n");
  const proxyTo = { address: "127.0.0.1", ports: home, secret: SECRET };
  await using direct = await startRadius(NO_PROXY, directory.path, home, { users });
  await using freeradius = await startRadius(FREERADIUS, directory.path, { auth, acct }, { users: "", proxyTo });
  await using nats = await startTestNats();
  await using gateway = await startGateway(GATEWAY, home);
  await using storing = await startGateway(STORING, home, nats.url);
  await use([direct, freeradius, gateway, storing]);
}
