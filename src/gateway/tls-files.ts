/** Keys and certificates in files, read again when they change: whoever renews them need not restart anything. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Cancel, Clock, Log } from "./ports.js";

/** All PEM. */
export interface TlsFiles {
  /** With intermediate certificates behind it. */
  readonly certificate: string;
  /** Without a passphrase. */
  readonly key: string;
  /** Authorities that the other side's certificate must come from. */
  readonly ca: string;
}

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
  readonly minVersion: "TLSv1.2";
}

/** Keys or certificates that cannot be used. The message says which file. */
export class TlsFilesError extends Error {
  override readonly name = "TlsFilesError";
}

/** Files are looked at this often. */
const INTERVAL_MS = 5000;

export class TlsIdentity {
  #material: TlsMaterial;
  #context: SecureContext;
  #fingerprint: string;
  #cancel: Cancel | undefined;
  #isFailing = false;

  /** Throws TlsFilesError. `changed` is called when new files are in force. */
  constructor(
    private readonly files: TlsFiles,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly changed: (material: TlsMaterial) => void = () => undefined,
  ) {
    this.#material = read(files);
    this.#context = contextOf(files, this.#material);
    this.#fingerprint = fingerprint(this.#material);
    this.#schedule();
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  get context(): SecureContext {
    return this.#context;
  }

  stop(): void {
    this.#cancel?.();
  }

  #schedule(): void {
    this.#cancel = this.clock.after(INTERVAL_MS, () => {
      this.#reload();
      this.#schedule();
    });
  }

  /** A file that is half written, or does not fit the others yet, leaves the old ones in force. */
  #reload(): void {
    try {
      const material = read(this.files);
      const found = fingerprint(material);
      if (found !== this.#fingerprint) {
        this.#context = contextOf(this.files, material);
        this.#material = material;
        this.#fingerprint = found;
        this.changed(material);
        this.log.info({ certificate: this.files.certificate }, "a certificate was read again");
      }
      this.#isFailing = false;
    } catch (error) {
      if (!(error instanceof TlsFilesError)) throw error;
      if (!this.#isFailing)
        this.log.error({ reason: error.message }, "a certificate cannot be renewed: the old one stays");
      this.#isFailing = true;
    }
  }
}

function read(files: TlsFiles): TlsMaterial {
  const [cert, key, ca] = [files.certificate, files.key, files.ca].map((path) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new TlsFilesError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }) as [Buffer, Buffer, Buffer];
  return { cert, key, ca, minVersion: "TLSv1.2" };
}

function contextOf(files: TlsFiles, material: TlsMaterial): SecureContext {
  try {
    return createSecureContext(material);
  } catch (error) {
    throw new TlsFilesError(
      `${files.certificate}, ${files.key} and ${files.ca} do not fit together (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

function fingerprint({ cert, key, ca }: TlsMaterial): string {
  const hash = createHash("sha256");
  for (const part of [cert, key, ca]) hash.update(part).update("\0");
  return hash.digest("hex");
}
