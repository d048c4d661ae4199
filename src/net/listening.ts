/** Whether anybody takes connections somewhere. */
import { once } from "node:events";
import { connect, type NetConnectOpts } from "node:net";

const WITHIN_MS = 1000;

/** Connects and hangs up. False where nobody answers within a second, too. */
export async function isListening(where: NetConnectOpts): Promise<boolean> {
  const socket = connect(where);
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(WITHIN_MS) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
