/** Files of secret keys: one seed each, for their owner's eyes alone. */
import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../disk/append-file.js";
import { KeyError } from "../errors.js";
import { type SealingKey, sealingKeyFromSeed } from "./sealing-key.js";
import { type Signer, signerFromSeed } from "./signing-key.js";

const MAX_BYTES = 4096;
const FOR_OTHERS = 0o077;
const GROUP_READS = 0o040;

/** Throws KeyError that names the file and what to do, never what is in it. */
export function readSigner(path: string): Signer {
  return named(path, () => signerFromSeed(readSeed(path)));
}

/** Throws KeyError. */
export function readSealingKey(path: string): SealingKey {
  return named(path, () => sealingKeyFromSeed(readSeed(path)));
}

/** The seed in the file. Lines that begin with # are for people. Throws KeyError. */
export function readSeed(path: string): string {
  const fd = openKeyFile(path);
  try {
    const { size } = checkOwner(fd, path);
    if (size > MAX_BYTES) throw new KeyError(`${path} is too large for a key file: one seed is expected`);
    const lines = readFileSync(fd, "ascii")
      .split("\n")
      .map((line) => line.trim());
    const seeds = lines.filter((line) => line !== "" && !line.startsWith("#"));
    if (seeds.length !== 1) throw new KeyError(`${path} must hold one seed, in a line of its own`);
    return seeds[0] as string;
  } finally {
    closeSync(fd);
  }
}

/** The bytes of any secret file that only its owner may read. Throws KeyError. */
export function readSecretFile(path: string): Buffer {
  const fd = openKeyFile(path);
  try {
    checkOwner(fd, path);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Throws KeyError where others can read the file. */
export function checkSecretFile(path: string): void {
  const fd = openKeyFile(path);
  try {
    checkOwner(fd, path);
  } finally {
    closeSync(fd);
  }
}

/** Makes a file that nobody but its owner reads. Throws KeyError where there is one already. */
export function writeSeed(path: string, seed: string, comment: string): void {
  let fd: number;
  try {
    fd = openSync(path, "wx", 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new KeyError(`${path} is there already: keys are never overwritten; name another file`);
    throw new KeyError(`${path} cannot be made (${code}): check the directory`);
  }
  try {
    // Whatever the umask says.
    fchmodSync(fd, 0o600);
    writeSync(fd, `# ${comment}\n${seed}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncDirectory(dirname(path));
}

function openKeyFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new KeyError(
      code === "ENOENT"
        ? `the key file ${path} does not exist: make one with submirror keys generate`
        : `the key file ${path} cannot be read (${code})`,
    );
  }
}

function checkOwner(fd: number, path: string): { size: number } {
  const { mode, uid, gid, size } = fstatSync(fd);
  if ((mode & 0o170000) !== 0o100000) throw new KeyError(`${path} must be a file`);
  const own = process.geteuid?.() ?? 0;
  // As Kubernetes gives a Secret to a pod that does not run as root: root's, readable by the pod's own group.
  const isLent = uid === 0 && own !== 0 && (process.getgroups?.() ?? []).includes(gid);
  if ((mode & FOR_OTHERS & (isLent ? ~GROUP_READS : ~0)) !== 0) {
    throw new KeyError(
      `${path} must be readable by its owner alone, and has mode ${(mode & 0o777).toString(8).padStart(4, "0")}: chmod 600 ${path}`,
    );
  }
  if (uid !== own && uid !== 0) throw new KeyError(`${path} must belong to the user that runs submirror, or to root`);
  return { size };
}

function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KeyError) || error.message.includes(path)) throw error;
    throw new KeyError(`${path}: ${error.message}`);
  }
}
