/** The files of keys and secrets: there, and for their owner's eyes alone. */
import type { Config } from "../config/schema.js";
import { readOwnKeys } from "../security/configured.js";
import { KeyError } from "../security/errors.js";
import { checkSecretFile } from "../security/keys/files.js";
import { checkSecurityMode } from "../security/mode.js";
import { type Finding, failure, fromSentence, ok, warning } from "./finding.js";

export type Program = "agent" | "gateway";

export function checkTrust(config: Config, programs: readonly Program[]): Finding[] {
  return [checkMode(config), ...programs.flatMap((program) => checkKeys(config, program)), ...checkNatsFiles(config)];
}

function checkMode(config: Config): Finding {
  const { mode } = config.security;
  const problem = checkSecurityMode(config);
  if (problem !== undefined) return fromSentence("failure", "security mode", problem);
  if (mode === "strict") return ok("security mode", "strict: instructions must be signed and sealed");
  return warning(
    "security mode",
    "lab: whoever reaches this host's NATS can start an intercept",
    "set security.mode to strict before real subscribers pass here",
  );
}

function checkKeys({ security }: Config, program: Program): Finding[] {
  if (security.mode !== "strict") return [];
  const about = `${program} keys`;
  const own = readOwnKeys(security, program);
  if (Array.isArray(own)) return own.map((problem) => fromSentence("failure", about, problem));
  const named = [...security.agents, ...security.authorities].some(({ keys }) => keys.includes(own.signer.publicKey));
  if (named) return [ok(about, "can be read by their owner alone, and are named in security")];
  return [
    failure(
      about,
      `the configuration does not name the ${program}'s own signing key`,
      `add what submirror keys show prints to security.${program === "agent" ? "agents" : "authorities"}`,
    ),
  ];
}

function checkNatsFiles({ nats }: Config): Finding[] {
  const files = [nats.nkeySeedFile, nats.credentialsFile, nats.tls?.keyFile].filter((file) => file !== undefined);
  return files.map((file) => {
    try {
      checkSecretFile(file);
      return ok("nats keys", `${file} can be read by its owner alone`);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      return fromSentence("failure", "nats keys", error.message);
    }
  });
}
