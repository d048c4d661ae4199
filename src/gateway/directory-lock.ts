/** One process a directory: flock(2) on a file in it, which the kernel gives back whatever way the process ends. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { lastErrno, libc } from "../net/libc.js";

const LOCK_EXCLUSIVE_NOW = 2 | 4;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Undefined where another process, or another part of this one, has the directory. Rejects with what the disk says. */
export async function lockDirectory(directory: string): Promise<DirectoryLock | undefined> {
  const file = await open(join(directory, "lock"), "a", 0o600);
  if (libc().flock(file.fd, LOCK_EXCLUSIVE_NOW) === 0) return { release: () => file.close() };
  const code = lastErrno();
  await file.close();
  if (code === "EAGAIN") return undefined;
  throw Object.assign(new Error(`flock ${code}`), { code });
}
