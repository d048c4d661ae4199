/**
 * What an administrator would use in our place. Each gets the cheapest rule that there is for it: one prefix that holds
 * all subscribers under intercept.
 */
import { CopyKind } from "../layout.gen.js";
import { command, commandWithInput } from "../namespaces.js";
import { ACCESS, INTERCEPTED_PREFIX, interceptedAddress, MEDIATION, MEDIATION_ADDRESS, NODE_ADDRESS } from "../rig.js";
import type { Case } from "./case.js";

const VXLAN = "vxlan0";
const MIRROR = `action mirred egress mirror dev ${VXLAN}`;

function addVxlan(): void {
  const tunnel = ["id", "42", "local", NODE_ADDRESS, "remote", MEDIATION_ADDRESS, "dstport", "4789"];
  command("ip", "link", "add", VXLAN, "type", "vxlan", ...tunnel, "dev", MEDIATION, "nolearning");
  command("ip", "link", "set", VXLAN, "up");
  command("tc", "qdisc", "add", "dev", ACCESS, "clsact");
}

function mirred(id: string, title: string, entries: number, filters: readonly string[]): Case {
  return {
    id,
    title,
    entries,
    counting: "tc",
    copyKind: CopyKind.COPY_VXLAN,
    forwards: true,
    mirrors: true,
    setUp() {
      addVxlan();
      commandWithInput(
        "tc",
        ["-batch", "-"],
        `${filters.map((filter) => `filter add dev ${ACCESS} ${filter}`).join("\n")}\n`,
      );
      return undefined;
    },
  };
}

const U32 = "ingress protocol ip prio 1 u32";

export const MIRRED = mirred("mirred-vxlan", "tc u32 + mirred into VXLAN, one prefix", 1, [
  `${U32} match ip src ${INTERCEPTED_PREFIX} ${MIRROR}`,
]);

function indices(entries: number): number[] {
  return Array.from({ length: entries }, (_, index) => index);
}

/** A filter for each subscriber, one behind the other. */
export function mirredLinear(entries: number): Case {
  const filters = indices(entries).map((index) => `${U32} match ip src ${interceptedAddress(index)}/32 ${MIRROR}`);
  return mirred("mirred-vxlan-list", "tc u32 + mirred, a filter for each subscriber", entries, filters);
}

/** A filter for each subscriber, in 256 buckets by the last octet of the address. */
export function mirredHashed(entries: number): Case {
  const filters = indices(entries).map((index) => {
    const bucket = (index & 0xff).toString(16);
    return `${U32} ht 2:${bucket}: match ip src ${interceptedAddress(index)}/32 ${MIRROR}`;
  });
  return mirred("mirred-vxlan-hash", "the same in 256 u32 hash buckets", entries, [
    "ingress protocol ip prio 1 handle 2: u32 divisor 256",
    ...filters,
    `${U32} ht 800:: match ip src ${INTERCEPTED_PREFIX} hashkey mask 0x000000ff at 12 link 2:`,
  ]);
}

export const NFT_DUP: Case = {
  id: "nft-dup",
  title: "nft dup to (no header)",
  entries: 1,
  counting: "tc",
  copyKind: CopyKind.COPY_BARE,
  forwards: true,
  mirrors: true,
  setUp() {
    const rule = `ip saddr ${INTERCEPTED_PREFIX} dup to ${MEDIATION_ADDRESS} device "${MEDIATION}"`;
    const chain = ["chain mirror {", "type filter hook prerouting priority -300", rule, "}"];
    commandWithInput("nft", ["-f", "-"], `${["table ip bench {", ...chain, "}"].join("\n")}\n`);
    return undefined;
  },
};

export const IPTABLES_TEE: Case = {
  id: "iptables-tee",
  title: "iptables TEE (no header)",
  entries: 1,
  counting: "tc",
  copyKind: CopyKind.COPY_BARE,
  forwards: true,
  mirrors: true,
  setUp() {
    const target = ["-j", "TEE", "--gateway", MEDIATION_ADDRESS];
    command("iptables", "-t", "mangle", "-A", "PREROUTING", "-s", INTERCEPTED_PREFIX, ...target);
    return undefined;
  },
};
