/** Real traffic between a subscriber and the server beyond the edge. */
import { fileURLToPath } from "node:url";
import type { Daemon } from "./daemon.js";
import type { Namespace } from "./namespace.js";

export const TCP_PORT = 8080;
export const UDP_PORT = 5300;

const program = (name: string): string => fileURLToPath(new URL(`./traffic/${name}.js`, import.meta.url));

export async function startServer(namespace: Namespace): Promise<Daemon> {
  const daemon = namespace.start("server", [process.execPath, program("server"), String(TCP_PORT), String(UDP_PORT)]);
  await daemon.ready("its sockets", () => daemon.stdout().split("ready").length === 3);
  return daemon;
}

async function client(namespace: Namespace, args: readonly (string | number)[]): Promise<void> {
  await namespace.run([process.execPath, program("client"), ...args.map(String)], { timeout: 60_000 });
}

/** TCP from the server to the subscriber; throws unless all bytes came, unchanged. */
export function download(namespace: Namespace, server: string, bytes: number, seed = "download"): Promise<void> {
  return client(namespace, ["get", server, TCP_PORT, bytes, seed]);
}

/** TCP from the subscriber to the server. */
export function upload(namespace: Namespace, server: string, bytes: number, seed = "upload"): Promise<void> {
  return client(namespace, ["put", server, TCP_PORT, bytes, seed]);
}

/** Small datagrams, each answered. */
export function ask(namespace: Namespace, server: string, count: number, bytes: number): Promise<void> {
  return client(namespace, ["ask", server, UDP_PORT, count, bytes]);
}

/** Small datagrams at a steady rate, each answered, until the daemon is stopped. */
export async function startSteady(namespace: Namespace, server: string, perSecond: number): Promise<Daemon> {
  const daemon = namespace.start("steady", [
    process.execPath,
    program("steady"),
    server,
    `${UDP_PORT}`,
    `${perSecond}`,
  ]);
  await daemon.ready("its first datagram", () => daemon.stdout().includes("ready"));
  return daemon;
}

/** ICMP echo; throws unless every one is answered. `bytes` is the payload; `source` an address of the subscriber. */
export async function ping(
  namespace: Namespace,
  to: string,
  { count = 3, bytes = 56, source }: { count?: number; bytes?: number; source?: string } = {},
): Promise<void> {
  const from = source === undefined ? [] : ["-I", source];
  const { stdout } = await namespace.run(
    ["ping", "-n", "-c", String(count), "-i", "0.01", "-w", "10", "-s", String(bytes), ...from, to],
    { accept: [0, 1] },
  );
  if (!stdout.includes(`${count} received`)) throw new Error(`ping: not every echo was answered:\n${stdout}`);
}
