/** The node's network interfaces, as iproute2 tells them, and the few changes that the datapath needs. */
import { execFileSync } from "node:child_process";

export interface NetworkLink {
  readonly ifindex: number;
  readonly name: string;
  /** False for ppp, tun and other interfaces whose packets begin with the IP header. */
  readonly hasLinkLayer: boolean;
  /** MAC address in the form 02:00:00:00:00:01; absent without a link layer. */
  readonly mac?: string;
  readonly mtu: number;
}

export class LinkError extends Error {
  override readonly name = "LinkError";
}

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_type: string;
  readonly address?: string;
  readonly mtu: number;
}

const WITH_LINK_LAYER = new Set(["ether", "loopback"]);
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** Runs iproute2's `ip`. Throws LinkError with what it said. */
export function ip(...args: readonly string[]): string {
  try {
    return execFileSync("ip", args, {
      encoding: "utf8",
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new LinkError("The command ip was not found: install the package iproute2.", { cause: error });
    const said = ((error as { stderr?: string }).stderr ?? "").trim();
    throw new LinkError(`ip ${args.slice(0, 3).join(" ")} failed: ${said}`, { cause: error });
  }
}

export function networkLinks(): NetworkLink[] {
  const links = JSON.parse(ip("-json", "link", "show")) as IpLink[];
  return links.map(({ ifindex, ifname, link_type, address, mtu }) => {
    const hasLinkLayer = WITH_LINK_LAYER.has(link_type);
    const base = { ifindex, name: ifname, hasLinkLayer, mtu };
    return hasLinkLayer && address ? { ...base, mac: address } : base;
  });
}
