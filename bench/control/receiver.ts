/** The mediation device of the bench: when the first copy of each intercept came. */
import { fileURLToPath } from "node:url";
import type { Namespace } from "../../test/lab/parts/namespace.js";

const PROGRAM = fileURLToPath(new URL("first-copies.js", import.meta.url));

export interface Receiver {
  /** Ends it. By intercept id, nanoseconds since the epoch. */
  finish(): Promise<Readonly<Record<number, number | undefined>>>;
}

export async function startReceiver(namespace: Namespace, address: string, port: number): Promise<Receiver> {
  const daemon = namespace.start("first-copies", [process.execPath, PROGRAM, address, String(port)]);
  await daemon.ready("its socket", () => daemon.stdout().includes("ready"));
  return {
    finish: async () => {
      await daemon.stop();
      return JSON.parse(daemon.stdout().split("\n")[1] ?? "{}") as Record<number, number>;
    },
  };
}
