/** Files of keys, and the command that makes them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../../src/config/load.js";
import { printConfig } from "../../../src/config/print.js";
import { ConfigError } from "../../../src/config/problem.js";
import { agentReaders, authoritiesOf, readOwnKeys } from "../../../src/security/configured.js";
import { KeyError } from "../../../src/security/errors.js";
import { readSealingKey, readSigner, writeSeed } from "../../../src/security/keys/files.js";
import { generateSealingSeed, sealTo } from "../../../src/security/keys/sealing-key.js";
import { generateSigningSeed } from "../../../src/security/keys/signing-key.js";
import { runProgram } from "../../support/cli.js";
import { reachableAt } from "../../support/reachable.js";
import {
  agentKey,
  agentSeal,
  authorityKey,
  gatewayKey,
  otherSeal,
  temporaryDirectory,
} from "../../support/security.js";

interface Shown {
  readonly file: string;
  readonly use: string;
  readonly publicKey: string;
}

test("a key file that others can read is refused, with the command that mends it", () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "edge1.sign");
  writeSeed(file, generateSigningSeed(), "of a test");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(readSigner(file).publicKey.startsWith("U"));
  for (const mode of [0o640, 0o604, 0o610, 0o644, 0o660]) {
    chmodSync(file, mode);
    assert.throws(
      () => readSigner(file),
      (error: unknown) => error instanceof KeyError && error.message.endsWith(`chmod 600 ${file}`),
    );
  }
  chmodSync(file, 0o400);
  assert.ok(readSigner(file).publicKey.startsWith("U"));
  chownSync(file, 65_534, 65_534);
  assert.throws(() => readSigner(file), /must belong to the user that runs submirror/);
});

test("root lends a key file to the group of a program that is not root's, for reading alone", () => {
  using directory = temporaryDirectory();
  chmodSync(directory.path, 0o755);
  const file = join(directory.path, "gateway.sign");
  writeSeed(file, generateSigningSeed(), "of a test");
  chownSync(file, 0, 65_532);
  using repository = temporaryDirectory();
  chmodSync(repository.path, 0o755);
  const { prefix, moduleAt } = reachableAt(repository.path);
  const [command, ...rest] = [...prefix, "setpriv"];
  const module = moduleAt(new URL("../../../src/security/keys/files.js", import.meta.url));
  const program = `import(${JSON.stringify(module)}).then(({ readSigner }) => readSigner(${JSON.stringify(file)}))
    .then(({ publicKey }) => console.log(publicKey[0]), (error) => console.log(error.name, error.message));`;
  const read = (...as: string[]): string =>
    spawnSync(command, [...rest, ...as, process.execPath, "-e", program], { encoding: "utf8" }).stdout.trim();
  const gateway = ["--reuid", "65532", "--regid", "65532", "--clear-groups"];
  chmodSync(file, 0o440);
  assert.equal(read(...gateway), "U");
  assert.equal(read("--reuid", "65532", "--regid", "1", "--groups", "65532"), "U");
  assert.match(
    read("--reuid", "0"),
    /^KeyError .* must be readable by its owner alone/,
    "to root it is open to others",
  );
  assert.match(read("--reuid", "65532", "--regid", "1", "--clear-groups"), /^KeyError .* cannot be read/);
  for (const mode of [0o460, 0o444, 0o640 | 0o004]) {
    chmodSync(file, mode);
    assert.match(read(...gateway), /^KeyError .* must be readable by its owner alone/);
  }
  chmodSync(file, 0o440);
  chownSync(file, 65_533, 65_532);
  assert.match(read(...gateway), /^KeyError/, "another user's");
});

test("what is no key file is named, and its contents never", () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "key");
  assert.throws(() => readSigner(file), /does not exist: make one with submirror keys generate/);
  const seed = generateSigningSeed();
  writeFileSync(file, `${seed}\n${seed}\n`, { mode: 0o600 });
  assert.throws(() => readSigner(file), /must hold one seed/);
  writeFileSync(file, seed);
  assert.throws(
    () => readSealingKey(file),
    (error: unknown) =>
      error instanceof KeyError && error.message.startsWith(`${file}: `) && !error.message.includes(seed),
  );
  assert.throws(() => writeSeed(file, seed, ""), /never overwritten/);
  mkdirSync(join(directory.path, "folder"), { mode: 0o700 });
  assert.throws(() => readSigner(join(directory.path, "folder")), /must be a file/);
});

test("keys generate, show and rotate: the old key opens until it is taken away", () => {
  using directory = temporaryDirectory();
  const made = runProgram("keys", "generate", "--for", "agent", "--name", "edge1", "--out", directory.path, "--json");
  assert.equal(made.status, 0, made.err);
  const keys = JSON.parse(made.out) as Shown[];
  assert.deepEqual(
    keys.map(({ use }) => use),
    ["signing", "sealing"],
  );
  const files = keys.map(({ file }) => file);
  assert.deepEqual(
    files.map((file) => statSync(file).mode & 0o777),
    [0o600, 0o600],
  );
  assert.deepEqual(JSON.parse(runProgram("keys", "show", "--json", ...files).out), keys);

  const sealing = keys[1] as Shown;
  const [earlier] = sealTo([sealing.publicKey], Buffer.from("sealed before"));
  const rotated = runProgram("keys", "rotate", sealing.file);
  assert.equal(rotated.status, 0, rotated.err);
  assert.match(rotated.out, /1\. Everywhere: add X[A-Z2-7]{55} to opens, beside the old one/);
  const next = join(directory.path, "edge1-2.seal");
  const both = [sealing.file, next].map(readSealingKey);
  const [later] = sealTo([both[1]?.publicKey ?? ""], Buffer.from("sealed after"));
  assert.ok(earlier !== undefined && later !== undefined);
  assert.deepEqual(
    [earlier, later].map((box) => both.map((key) => key.open(box)?.toString())),
    [
      ["sealed before", undefined],
      [undefined, "sealed after"],
    ],
  );
  for (const { out } of [made, rotated]) assert.doesNotMatch(out, /S[UX][A-Z2-7]{50}/, "a seed was printed");
});

test("keys generate overwrites nothing, also not half", () => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, "edge1.seal"), "precious");
  const { status, err } = runProgram("keys", "generate", "--for", "agent", "--name", "edge1", "--out", directory.path);
  assert.equal(status, 2);
  assert.match(err, /never overwritten/);
  assert.deepEqual(readdirSync(directory.path), ["edge1.seal"]);
  assert.equal(readFileSync(join(directory.path, "edge1.seal"), "utf8"), "precious");
});

const YAML = `
security:
  signingKeyFile: KEYS/edge1.sign
  sealingKeyFiles: [KEYS/edge1.seal]
  agents: [{ name: edge1, keys: [${agentKey.publicKey}], opens: [${agentSeal.publicKey}, ${otherSeal.publicKey}] }]
  authorities:
    - { name: gw1, kind: gateway, keys: [${gatewayKey.publicKey}], nas: [bng.1], interceptIds: [7, 256-511, 0x300-0x3ff], mediation: [198.51.100.0/24], maxDurationHours: 48 }
    - { name: north, kind: authority, keys: [${authorityKey.publicKey}] }
`;

test("authorities are as the configuration says", () => {
  const { security } = parseConfig(YAML, "edge1.yaml");
  const [gateway, authority, agent] = authoritiesOf(security);
  assert.deepEqual(gateway?.nas, ["bng_1"]);
  assert.deepEqual(gateway?.interceptIds, [
    [7, 7],
    [256, 511],
    [0x300, 0x3ff],
  ]);
  assert.equal(gateway?.maxDurationMs, 48 * 3_600_000);
  assert.equal(authority?.maxDurationMs, 90 * 24 * 3_600_000);
  assert.equal(agent?.kind, "agent");
  assert.deepEqual(agentReaders(security), [agentSeal.publicKey, otherSeal.publicKey]);
});

test("mistakes in it are found where they are", () => {
  const wrong = [
    [YAML.replace("256-511", "511-256"), /authorities\[0\]\.interceptIds\[1\]: must be an intercept id or a range/],
    [YAML.replace("198.51.100.0/24", "198.51.100.1/24"), /authorities\[0\]\.mediation\[0\]: must be a prefix/],
    [YAML.replace(authorityKey.publicKey, gatewayKey.publicKey), /authorities: must not give one key to two/],
    [YAML.replace(agentSeal.publicKey, agentKey.publicKey), /agents\[0\]\.opens\[0\]: must be a public sealing key/],
    [YAML.replace(agentKey.publicKey, "UABC"), /agents\[0\]\.keys\[0\]: must be a public signing key/],
    [YAML.replace("name: north", "name: gw1"), /authorities: must have names that differ/],
  ] as const;
  for (const [yaml, expected] of wrong) {
    assert.throws(
      () => parseConfig(yaml, "edge1.yaml"),
      (error: unknown) => error instanceof ConfigError && expected.test(error.message),
      String(expected),
    );
  }
});

test("every problem with the key files is said at once, and the printed configuration holds no secret", () => {
  using directory = temporaryDirectory();
  const yaml = YAML.replaceAll("KEYS", directory.path);
  const { security } = parseConfig(yaml, "edge1.yaml");
  const problems = readOwnKeys(security, "agent");
  assert.ok(Array.isArray(problems) && problems.length === 2);
  const [signing, sealing] = [generateSigningSeed(), generateSealingSeed()];
  writeSeed(join(directory.path, "edge1.sign"), signing, "");
  writeSeed(join(directory.path, "edge1.seal"), sealing, "");
  const own = readOwnKeys(security, "agent");
  assert.ok(!Array.isArray(own) && own.sealingKeys.length === 1);
  const printed = printConfig(parseConfig(yaml, "edge1.yaml"));
  assert.ok(printed.includes(agentSeal.publicKey) && !printed.includes(signing) && !printed.includes(sealing));
});
