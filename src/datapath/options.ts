/** What the datapath needs to know of the configuration. */

export interface DatapathOptions {
  /** Where the compiled eBPF objects lie. */
  readonly objectDirectory: string;
  /** `tc` alone, or with XDP in front of it. */
  readonly mode: "tc" | "xdp-tap" | "xdp-forward";
  /** Where programs, links and maps outlive the agent: a directory of a bpffs. Absent: they end with it. */
  readonly pinDirectory?: string;
  readonly interfaces: {
    /** Glob patterns (`*`, `?`, `[...]`) of interface names: where subscribers are. */
    readonly access: readonly string[];
    /** Towards the network; only `xdp-forward` has programs there. */
    readonly core?: readonly string[];
    /** Where mediation devices are reached. Copies that leave elsewhere go through the IP stack. */
    readonly mediation: readonly string[];
    /** Zones of access interfaces, by glob pattern; what fits none is in the default zone. */
    readonly zones?: Readonly<Record<string, string>>;
  };
  /** How programs are put on interfaces. */
  readonly attach?: {
    /** `auto` unless given: tcx where the kernel has it, else clsact. */
    readonly mode?: "auto" | "tcx" | "clsact";
    /** Go to the head of the chain again where another program came to run first; unless given, yes. */
    readonly keepFirst?: boolean;
  };
  readonly limits: {
    /** Intercepts that can be active. */
    readonly intercepts: number;
    /** Addresses, prefixes and links that can be under intercept, of each kind. */
    readonly matches: number;
    readonly mediationDevices: number;
    readonly dropPolicies: number;
  };
  readonly mediation: {
    /** Outer source addresses; a mediation device of a family without one is refused. */
    readonly sourceIpv4?: string;
    readonly sourceIpv6?: string;
    /** Outer UDP source port, 1 to 65535. */
    readonly sourcePort: number;
    /** Outer TTL or hop limit, 1 to 255. */
    readonly ttl: number;
    /** Outer DSCP of intercepts that name none, 0 to 63. */
    readonly dscp: number;
    /** `zero`: none, as Junos sends it and RFC 6935 allows for IPv6. */
    readonly udpChecksum: "zero" | "computed";
    /** What becomes of a copy that is larger than the path's MTU. */
    readonly oversize: "fragment" | "drop";
    /** `stack`: never straight to the neighbour, for paths with IPsec or routing by mark. */
    readonly way: "auto" | "stack";
  };
}

export const DEFAULT_LIMITS: DatapathOptions["limits"] = {
  intercepts: 100_000,
  matches: 300_000,
  mediationDevices: 1024,
  dropPolicies: 4096,
};
