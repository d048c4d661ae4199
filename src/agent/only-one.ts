/** One agent a node: two would each take out what the other has put into the kernel. */
import { once } from "node:events";
import { createServer } from "node:net";
import { StartError } from "./errors.js";

/**
 * Holds the node's place until this program ends, however it ends: an abstract socket goes with its program, and is the
 * network namespace's own, as the interfaces are. Throws StartError where another program holds it.
 */
export async function holdNode(pinDirectory: string): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ path: `\0submirror/agent${pinDirectory}` });
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new StartError([
      `an agent with datapath.pinDirectory ${pinDirectory} runs on this node already: end it first (systemctl stop, or kubectl delete pod)`,
    ]);
  }
  server.unref();
}
