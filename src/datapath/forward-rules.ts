/**
 * What xdp-forward does with the packets of an interface. Whatever it cannot do as the kernel would do it is left to the
 * kernel, and tc mirrors it there. Pure.
 */
import type { NetworkLink } from "../net/links.js";
import type { Role } from "./attach.js";
import { Direction } from "./layout.gen.js";
import type { VlanWayOut, WayIn } from "./xdp-layout.gen.js";

/** What is known of an Ethernet interface. */
export interface InterfaceFacts {
  readonly link: NetworkLink;
  /** Those in which it is in service. */
  readonly roles: readonly Role[];
  /** As an access interface's; 0 is the default zone. */
  readonly zone: number;
}

/** What the driver of a device says. */
export interface DriverFacts {
  /** It sends frames that XDP redirects to the device. */
  readonly redirectable: boolean;
  /** Offloads by which it takes tags off before XDP sees a frame, as `ethtool -K` calls them; undefined: not known. */
  readonly strips: readonly string[] | undefined;
}

export interface DeviceFacts extends InterfaceFacts, DriverFacts {
  /** VLAN interfaces stand on it. */
  readonly carriesVlans: boolean;
}

/** A VLAN interface has no frames of its own: they are its device's. */
export function isVlan({ kind }: NetworkLink): boolean {
  return kind === "vlan";
}

function bit(direction: number): number {
  return 1 << direction;
}

/** Of the packets that come in: from subscribers by access interfaces, to them by core interfaces. One bit each. */
function directionsIn(roles: readonly Role[]): number {
  return (
    (roles.includes("access") ? bit(Direction.DIRECTION_FROM) : 0) |
    (roles.includes("core") ? bit(Direction.DIRECTION_TO) : 0)
  );
}

/** Of the packets that leave. */
export function directionsOut(roles: readonly Role[]): number {
  return (
    (roles.includes("core") ? bit(Direction.DIRECTION_FROM) : 0) |
    (roles.includes("access") ? bit(Direction.DIRECTION_TO) : 0)
  );
}

export function forwards(roles: readonly Role[]): boolean {
  return directionsIn(roles) !== 0;
}

/** Why what comes in by a device, and by the VLANs on it, is left to tc: one sentence, with the remedy if there is one. */
export function obstacleIn(device: Omit<DeviceFacts, "redirectable">): string | undefined {
  const { link, strips, carriesVlans, roles } = device;
  const { name, kind } = link;
  const port = portOf(link);
  if (port !== undefined) return port;
  if (roles.includes("access") && roles.includes("core"))
    return `${name} is an access and a core interface at once, and XDP cannot tell the directions apart`;
  if (kind === "bond" || kind === "team") return `frames come in by the ports of ${name}, and XDP sees those alone`;
  // A veth takes no tag off; the other end leaves it beside the frame, or not, as its own transmit offload says.
  if (kind === "veth")
    return carriesVlans
      ? `the other end of ${name}, a veth, may leave VLAN tags beside the frames, where XDP does not see them`
      : undefined;
  if (strips === undefined) return `whether ${name} takes VLAN tags off frames before XDP sees them is not known`;
  if (strips.length > 0) {
    const options = strips.map((option) => `${option} off`).join(" ");
    return `${name} takes VLAN tags off frames before XDP sees them: ethtool -K ${name} ${options}`;
  }
  return undefined;
}

/** Why nothing is redirected to a device. `sendsOriginals`: XDP would send originals by it, not copies alone. */
export function obstacleOut(
  { link: { name }, roles, redirectable }: DeviceFacts,
  sendsOriginals: boolean,
): string | undefined {
  if (!redirectable)
    return `${name} does not send what XDP redirects to it: its driver cannot or, of a veth, the other end has neither an XDP program nor GRO on`;
  // The kernel may run the copies' program on all frames that leave by a device.
  if (roles.includes("mediation") && sendsOriginals)
    return `${name} is a mediation interface and sends originals too, which XDP cannot keep apart`;
  return undefined;
}

/** Why what comes in by a VLAN interface, or leaves by it, is left to tc, besides what the device's reasons are. */
export function obstacleOfVlan({ link }: InterfaceFacts): string | undefined {
  const { name, vlanId, vlanKeepsTag } = link;
  if (vlanId === undefined || vlanId === 0) return `XDP knows no other tags than 802.1Q's, and ${name} has another`;
  if (vlanKeepsTag) return `${name} keeps tags in its packets: ip link set ${name} type vlan reorder_hdr on`;
  return portOf(link);
}

/** Why what leaves by a VLAN interface is left to the kernel. */
export function obstacleOutOfVlan(vlan: InterfaceFacts): string | undefined {
  if (vlan.link.vlanMapsPriority)
    return `${vlan.link.name} maps priorities to its tags (egress-qos-map), which XDP does not`;
  return obstacleOfVlan(vlan);
}

/** The kernel's frames of a port are the bridge's, and not for routing; a VRF's are. */
function portOf({ name, master, masterKind }: NetworkLink): string | undefined {
  if (master === undefined || masterKind === "vrf") return undefined;
  return `${name} is a port of a ${masterKind ?? "device"} and routes nothing itself`;
}

/** Where tc would mirror the packets of a VLAN: at the VLAN interface, or at its device. */
function together(device: InterfaceFacts, vlan: InterfaceFacts | undefined): readonly Role[] {
  return vlan ? [...device.roles, ...vlan.roles] : device.roles;
}

/** The zone that tc knows; undefined where there are two. */
function zoneOf(device: InterfaceFacts, vlan: InterfaceFacts | undefined): number | undefined {
  const zones = [device, vlan].flatMap((one) => (one?.roles.includes("access") ? [one.zone] : []));
  const [zone = 0] = zones;
  return zones.every((other) => other === zone) ? zone : undefined;
}

function macWords(mac: string): number[] {
  const bytes = Buffer.from(mac.replaceAll(":", ""), "hex");
  return [0, 2, 4].map((at) => bytes.readUInt16BE(at));
}

/** What comes in by a device, or tagged for a VLAN interface on it. Undefined: left to tc. */
export function wayIn(device: DeviceFacts, vlan?: InterfaceFacts): WayIn | undefined {
  const { link } = vlan ?? device;
  const directions = directionsIn(together(device, vlan));
  const isOne = directions === bit(Direction.DIRECTION_FROM) || directions === bit(Direction.DIRECTION_TO);
  if (!isOne || !link.up || link.mac === undefined) return undefined;
  if (obstacleIn(device) !== undefined || (vlan && obstacleOfVlan(vlan) !== undefined)) return undefined;
  const direction = directions === bit(Direction.DIRECTION_FROM) ? Direction.DIRECTION_FROM : Direction.DIRECTION_TO;
  const zone = zoneOf(device, vlan);
  if (zone === undefined) return undefined;
  return { ifindex: link.ifindex, zone, direction, mac: macWords(link.mac), reserved: 0 };
}

/** What leaves by a VLAN interface. Undefined: left to the kernel. */
export function vlanWayOut(device: DeviceFacts, vlan: InterfaceFacts): VlanWayOut | undefined {
  const directions = directionsOut(together(device, vlan));
  const zone = zoneOf(device, vlan);
  const { vlanId, up } = vlan.link;
  if (directions === 0 || zone === undefined || vlanId === undefined || !up || !device.redirectable) return undefined;
  if (obstacleOutOfVlan(vlan) !== undefined) return undefined;
  return { device_ifindex: device.link.ifindex, vlan_id: vlanId, directions, zone };
}
