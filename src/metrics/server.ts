/** /metrics, /healthz and /readyz over HTTP. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  /** IP address. */
  readonly listen: string;
  /** 0: any free one. */
  readonly port: number;
  readonly registry: Registry;
  /** What is not there yet, in a few words each. */
  readonly waitingFor: () => readonly string[];
  /** Where it serves without some of that; else it is ready when it waits for nothing. */
  readonly isReady?: () => boolean;
}

/** Throws where the address cannot be listened on. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    void respond(request, response, options);
  });
  server.listen(options.port, options.listen);
  await once(server, "listening");
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: MetricsServerOptions,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD")
    return send(response, 405, "text/plain", "only GET is answered\n");
  switch (request.url?.split("?")[0]) {
    case "/metrics":
      return await sendMetrics(response, options.registry);
    case "/healthz":
      return send(response, 200, "application/json", '{"status":"alive"}\n');
    case "/readyz": {
      const waitingFor = options.waitingFor();
      const isReady = options.isReady?.() ?? waitingFor.length === 0;
      const body = JSON.stringify({ status: isReady ? "ready" : "not ready", waitingFor });
      return send(response, isReady ? 200 : 503, "application/json", `${body}\n`);
    }
    default:
      return send(response, 404, "text/plain", "there are /metrics, /healthz and /readyz\n");
  }
}

async function sendMetrics(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    send(response, 200, registry.contentType, await registry.metrics());
  } catch (error) {
    send(response, 500, "text/plain", `the metrics cannot be read: ${(error as Error).message}\n`);
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type });
  response.end(body);
}
