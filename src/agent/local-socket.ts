/** The agent's local socket. An agent that cannot have it mirrors all the same, and says so. */
import type { Logger } from "pino";
import { LocalServer } from "../security/process/local-server.js";
import type { LocalApi } from "./local-api.js";

export interface LocalSocketParts {
  readonly path: string;
  readonly api: LocalApi;
  readonly log: Logger;
  /** Somebody who is not root has tried. */
  readonly onStranger: () => void;
}

/** Undefined where it cannot be listened on. */
export async function listenOnLocalSocket(parts: LocalSocketParts): Promise<LocalServer | undefined> {
  const { path, api, log, onStranger } = parts;
  try {
    return await LocalServer.listen({
      path,
      answer: (request) => api.answer(request),
      onStranger: (uid) => {
        onStranger();
        log.warn({ uid }, "somebody who is not root has tried the local socket, and was refused");
      },
      onFault: (error) => log.error({ reason: (error as Error).stack }, "a request on the local socket failed"),
    });
  } catch (error) {
    const { message } = error as Error;
    log.warn({ reason: message }, "no local socket: submirror status, intercepts and top cannot ask this agent");
    return undefined;
  }
}
