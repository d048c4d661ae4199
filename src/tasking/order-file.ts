/** An order that waits for a second signature, in a file: legible to whoever is to sign it, and to nobody else. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { SecurityError } from "../security/errors.js";
import { parseOrder, type TaskOrder } from "../security/orders/payload.js";
import { formatSigned, parseSigned, type SignedOrder } from "../security/orders/signed.js";
import { TaskingError } from "./errors.js";

export function writeOrderFile(path: string, signed: SignedOrder): void {
  writeFileSync(`${path}.new`, `${formatSigned(signed)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Throws TaskingError. The signatures are not looked at: the agents do that. */
export function readOrderFile(path: string): { readonly order: TaskOrder; readonly signed: SignedOrder } {
  try {
    const signed = parseSigned(readFileSync(path, "utf8").trim());
    const order = parseOrder(signed.payload);
    if (order.kind === "task") return { order, signed };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) throw new TaskingError(`${path} cannot be read (${code})`);
    if (!(error instanceof SecurityError)) throw error;
    throw new TaskingError(`${path} holds no order: ${error.message}`);
  }
  throw new TaskingError(`${path} holds no order of a task`);
}
