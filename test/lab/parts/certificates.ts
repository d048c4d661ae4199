/** Certificates of a test's own authority, made by openssl. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export class TestAuthority {
  readonly ca: string;
  readonly #key: string;

  constructor(private readonly directory: string) {
    this.ca = join(directory, "ca.pem");
    this.#key = join(directory, "ca.key");
    openssl([
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      this.#key,
      "-out",
      this.ca,
      "-days",
      "2",
      "-subj",
      "/CN=test authority",
    ]);
  }

  /** A certificate for `name`, also as its DNS name; made again under the same `file`, it replaces the earlier one. */
  issue(name: string, file = name): CertificateFiles {
    const [certificate, key, request, extensions] = ["pem", "key", "csr", "ext"].map((suffix) =>
      join(this.directory, `${file}.${suffix}`),
    ) as [string, string, string, string];
    writeFileSync(extensions, `subjectAltName = DNS:${name}\nextendedKeyUsage = serverAuth, clientAuth\n`);
    openssl(["req", ...NEW_KEY, "-keyout", key, "-out", request, "-subj", `/CN=${name}`]);
    const sign = ["x509", "-req", "-in", request, "-CA", this.ca, "-CAkey", this.#key, "-CAcreateserial"];
    openssl([...sign, "-days", "2", "-extfile", extensions, "-out", certificate]);
    return { certificate, key };
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function openssl(args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
