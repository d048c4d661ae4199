/** The charts of the README, from the records of results.json. Pure. */
import { type BarRow, barChart, type LineSeries, lineChart } from "./chart-kinds.js";
import { DEFAULT_ENTRIES } from "./plan.js";
import type { Result } from "./results.js";

export interface ChartFile {
  readonly name: string;
  readonly svg: string;
}

interface Look {
  readonly label: string;
  readonly colour: string;
  readonly dashed?: boolean;
}

/** In the order of the charts. */
const LOOKS: ReadonlyMap<string, Look> = new Map([
  ["bare-redirect", { label: "bare XDP redirect (forwards nothing)", colour: "#8b949e", dashed: true }],
  ["xdp-tap", { label: "submirror xdp-tap (forwards nothing)", colour: "#db2777" }],
  ["forwarding", { label: "plain forwarding, no mirror", colour: "#8b949e" }],
  ["xdp-forward", { label: "submirror xdp-forward", colour: "#8b5cf6" }],
  ["bare-clone", { label: "bare bpf_clone_redirect", colour: "#8b949e", dashed: true }],
  ["tc", { label: "submirror tc", colour: "#2f81f7" }],
  ["mirred-vxlan", { label: "tc mirred into VXLAN", colour: "#d97706" }],
  ["nft-dup", { label: "nft dup to", colour: "#65a30d" }],
  ["iptables-tee", { label: "iptables TEE", colour: "#0d9488" }],
  ["userspace", { label: "user space, one core more", colour: "#a16207" }],
]);

const FLOWS = 1024;
const USUAL = { subscribers: DEFAULT_ENTRIES, flows: FLOWS, mix: false };
const ALL_MIRRORED = { ...USUAL, mirroredShare: 1 };

/** The record of a case that fits. */
function find(results: readonly Result[], id: string, wanted: Partial<Result>): Result | undefined {
  return results.find(
    (result) =>
      result.case === id && Object.entries(wanted).every(([key, value]) => result[key as keyof Result] === value),
  );
}

const SIZES = [128, 1400];
const MEANING =
  "Million packets a second that arrived, with their copies; generated, forwarded and counted on one core";

function throughput(results: readonly Result[]): string {
  const rows = [...LOOKS].map(([id, { label, colour }]): BarRow => {
    const values = SIZES.map((packetBytes) => {
      const result = find(results, id, { ...ALL_MIRRORED, packetBytes });
      const [low, high] = result?.spread.handledMpps ?? [0, 0];
      return result && { value: result.handledMpps, low, high };
    });
    return { label, colour, values };
  });
  return barChart({
    title: "Everything mirrored: 128 bytes (full) and 1400 bytes (pale)",
    subtitle: MEANING,
    series: SIZES.map((size) => `${size} bytes`),
    rows: rows.filter(({ values }) => values.some((value) => value !== undefined)),
    unit: "Mpps",
  });
}

function lineOf(id: string, values: (number | undefined)[]): LineSeries[] {
  const look = LOOKS.get(id);
  return look && values.some((value) => value !== undefined) ? [{ ...look, values }] : [];
}

function byShare(results: readonly Result[]): string {
  const steps = [0, 0.01, 0.1, 1];
  const ids = ["forwarding", "xdp-forward", "tc", "mirred-vxlan", "nft-dup", "iptables-tee"];
  const wanted = { ...USUAL, packetBytes: 128 };
  return lineChart({
    title: "By the share of the traffic that is mirrored",
    subtitle: `${MEANING}; 128 bytes`,
    steps: steps.map((share) => `${share * 100} %`),
    stepsTitle: "packets of subscribers under intercept",
    series: ids.flatMap((id) =>
      lineOf(
        id,
        steps.map((mirroredShare) => find(results, id, { ...wanted, mirroredShare })?.handledMpps),
      ),
    ),
  });
}

function bySize(results: readonly Result[]): string {
  const steps = [64, 128, 512, 1400];
  const ids = ["forwarding", "xdp-forward", "bare-clone", "tc", "mirred-vxlan", "nft-dup", "iptables-tee", "userspace"];
  return lineChart({
    title: "By the size of the packets, everything mirrored",
    subtitle: MEANING,
    steps: steps.map(String),
    stepsTitle: "bytes of the frame",
    series: ids.flatMap((id) =>
      lineOf(
        id,
        steps.map((packetBytes) => find(results, id, { ...ALL_MIRRORED, packetBytes })?.handledMpps),
      ),
    ),
  });
}

function byEntries(results: readonly Result[]): string {
  const steps = [1, 1000, 100_000, 1_000_000];
  const series = [
    { id: "bare-tcx", label: "empty tcx program", colour: "#8b949e", mirroredShare: 0, dashed: true },
    { id: "tc", label: "submirror tc, nothing to mirror", colour: "#2f81f7", mirroredShare: 0 },
    { id: "tc", label: "submirror tc, everything mirrored", colour: "#d97706", mirroredShare: 1 },
  ].map(({ id, mirroredShare, ...look }) => ({
    ...look,
    values: steps.map((count) => {
      const wanted = { subscribers: count, mirroredShare, packetBytes: 128, flows: Math.max(FLOWS, count) };
      return find(results, id, wanted)?.ratioToForwarding ?? undefined;
    }),
  }));
  return lineChart({
    title: "By the number of intercepts loaded",
    subtitle:
      "Share of plain forwarding's packets; each packet of a subscriber at random among as many as there are intercepts",
    steps: steps.map((count) => count.toLocaleString("en")),
    stepsTitle: "intercepts",
    top: 1,
    series: series.filter(({ values }) => values.some((value) => value !== undefined)),
  });
}

/** Charts for which this run measured enough. */
export function chartsOf(results: readonly Result[]): ChartFile[] {
  const measuredEntries = new Set(results.filter((result) => result.case === "tc").map((result) => result.entries));
  const measuredShares = new Set(results.map(({ mirroredShare }) => mirroredShare));
  const measuredSizes = new Set(results.map(({ packetBytes }) => packetBytes));
  return [
    { name: "bench-throughput", svg: throughput(results) },
    ...(measuredShares.size > 2 ? [{ name: "bench-shares", svg: byShare(results) }] : []),
    ...(measuredSizes.size > 2 ? [{ name: "bench-sizes", svg: bySize(results) }] : []),
    ...(measuredEntries.size > 2 ? [{ name: "bench-entries", svg: byEntries(results) }] : []),
  ];
}
