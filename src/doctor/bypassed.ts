/** What xdp-forward leaves to tc, and what of the node's own configuration it goes past. */
import type { NetworkLink } from "../net/links.js";
import { type Finding, fromSentence, warning } from "./finding.js";

export interface BypassFacts {
  readonly link: NetworkLink;
  /** Why xdp-forward leaves packets of the interface to tc: one sentence, with the remedy. */
  readonly obstacle?: string;
  /** The kernel drops packets whose source it would not route back here (rp_filter). */
  readonly filtersSources?: boolean;
}

/** Disciplines that shape nothing and drop nothing by themselves. */
const PLAIN_QDISCS: ReadonlySet<string> = new Set(["noop", "noqueue", "mq", "pfifo_fast", "fq", "fq_codel"]);

/** Pure. */
export function judgeBypass(about: string, { link, obstacle, filtersSources }: BypassFacts): Finding[] {
  const { name, qdisc } = link;
  const findings: Finding[] = [];
  if (obstacle !== undefined) findings.push(leftToTc(about, obstacle));
  if (qdisc !== undefined && !PLAIN_QDISCS.has(qdisc))
    findings.push(
      warning(
        about,
        `originals that xdp-forward sends by ${name} go past its queueing discipline (${qdisc})`,
        "use datapath.mode tc where it is to shape intercepted subscribers, too",
      ),
    );
  if (filtersSources)
    findings.push(
      warning(
        about,
        `xdp-forward does not check sources, as rp_filter of ${name} has the kernel do`,
        "use datapath.mode tc where subscribers can send with each other's addresses",
      ),
    );
  return findings;
}

export function judgeIpsec(policiesAreThere: boolean): Finding[] {
  if (!policiesAreThere) return [];
  return [
    warning(
      "ipsec",
      "the node has IPsec policies, which xdp-forward does not apply to originals",
      "use datapath.mode tc, unless they are for the mediation paths alone",
    ),
  ];
}

function leftToTc(about: string, obstacle: string): Finding {
  const finding = fromSentence("warning", about, obstacle);
  return { ...finding, found: `xdp-forward leaves packets to tc, since ${finding.found}` };
}
