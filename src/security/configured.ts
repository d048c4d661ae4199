/** From the configuration to keys and authorities. */
import type { Config } from "../config/schema.js";
import { parseIdRange } from "../config/security-section.js";
import { nasToken } from "../events/subjects.js";
import { type IpPrefix, parsePrefix } from "../net/addresses.js";
import { KeyError } from "./errors.js";
import { readSealingKey, readSigner } from "./keys/files.js";
import type { SealingKey } from "./keys/sealing-key.js";
import type { Signer } from "./keys/signing-key.js";
import { type Authority, AuthorityTable } from "./orders/authorities.js";
import type { GrantTrust, KeyPurpose } from "./seal/grant.js";

type SecurityConfig = Config["security"];

const HOUR_MS = 3_600_000;

/** Keys of this program. */
export interface OwnKeys {
  readonly signer: Signer;
  readonly sealingKeys: readonly SealingKey[];
}

/** Reads the key files of a program. Returns every problem at once, each a sentence with what to do. */
export function readOwnKeys(security: SecurityConfig, program: "agent" | "gateway"): OwnKeys | string[] {
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const isAgent = program === "agent";
  const { gatewaySigningKeyFile } = security;
  const signingKeyFile = isAgent ? security.signingKeyFile : (gatewaySigningKeyFile ?? security.signingKeyFile);
  // A gateway seals to others, and opens nothing.
  const sealingKeyFiles = isAgent ? security.sealingKeyFiles : [];
  const signer = signingKeyFile === undefined ? undefined : attempt(() => readSigner(signingKeyFile));
  if (signingKeyFile === undefined) problems.push(missing("signingKeyFile"));
  const sealingKeys = sealingKeyFiles.map((file) => attempt(() => readSealingKey(file)));
  if (isAgent && sealingKeyFiles.length === 0) problems.push(missing("sealingKeyFiles"));
  if (problems.length > 0 || signer === undefined) return problems;
  return { signer, sealingKeys: sealingKeys.filter((key) => key !== undefined) };
}

/** Everyone whose signature counts for something, agents included. */
export function authoritiesOf(security: SecurityConfig): Authority[] {
  const longest = security.maxDurationHours * HOUR_MS;
  const authorities = security.authorities.map((given): Authority => {
    const { name, kind, keys, nas, interceptIds, mediation, mayMatch, maxDurationHours } = given;
    return {
      name,
      kind,
      keys,
      ...(nas !== undefined && { nas: nas.map(nasToken) }),
      ...(interceptIds !== undefined && {
        interceptIds: interceptIds.map(parseIdRange).filter((it) => it !== undefined),
      }),
      ...(mediation !== undefined && { mediation: mediation.map(prefixOf) }),
      mayMatch,
      maxDurationMs: Math.min(longest, (maxDurationHours ?? Infinity) * HOUR_MS),
    };
  });
  const agents = security.agents.map(({ name, keys }): Authority => ({ name, kind: "agent", keys, maxDurationMs: 0 }));
  return [...authorities, ...agents];
}

/** Public sealing keys of all agents. */
export function agentReaders(security: SecurityConfig): string[] {
  return [...new Set(security.agents.flatMap(({ opens }) => opens))];
}

const ISSUERS: Readonly<Record<KeyPurpose, "gateway" | "agent">> = {
  events: "gateway",
  records: "agent",
  index: "agent",
  audit: "agent",
  notifications: "agent",
};

/** Gateways issue the keys of events, agents all others; an authority issues none. */
export function grantTrust(authorities: AuthorityTable): GrantTrust {
  return ({ by, purpose }) => {
    const known = authorities.find(by);
    return known?.authority.kind === ISSUERS[purpose] ? known.verifier : undefined;
  };
}

export function authorityTable(security: SecurityConfig): AuthorityTable {
  return new AuthorityTable(authoritiesOf(security));
}

function prefixOf(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if ("problem" in prefix) throw new RangeError("the configuration was not checked");
  return prefix;
}

function missing(key: string): string {
  return `security.mode strict needs security.${key}: make the key with submirror keys generate, and name its file`;
}
