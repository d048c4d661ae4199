/** One edge node. */
import type { Dashboard } from "@grafana/schema";
import { dashboard, labelVariable, lines, stat } from "./panels.js";
import { auditBehind, quantiles, rate } from "./queries.js";

const NODE = '{job="submirror-agent", instance="$node"}';

export function nodeDashboard(): Dashboard {
  return dashboard({
    uid: "submirror-node",
    title: "submirror: node",
    description: "One edge node: what it mirrors, what it loses and why, how full its tables are, what it takes.",
    variables: [labelVariable("node", "instance", 'submirror_ready{job="submirror-agent"}')],
    rows: [
      {
        title: "At a glance",
        panels: [
          stat("Up", `up${NODE}`, "good"),
          stat("Ready", `submirror_ready${NODE}`, "good"),
          stat("Runs for", `time() - process_start_time_seconds${NODE}`, undefined, "s"),
          stat("Intercepts active", 'submirror_intercepts{job="submirror-agent", instance="$node", state="active"}'),
          stat(
            "Intercepts failed",
            'submirror_intercepts{job="submirror-agent", instance="$node", state="failed"}',
            "bad",
          ),
          stat("Sessions known", `submirror_sessions${NODE}`),
          stat("Copies lost, last hour", `sum(increase(submirror_dropped_packets_total${NODE}[1h]))`, "bad"),
          stat("Audit log unwritable", `submirror_audit_unavailable${NODE}`, "bad"),
        ],
      },
      {
        title: "Mirrored and lost",
        panels: [
          lines(
            "Mirrored, bits",
            "bps",
            `8 * ${rate("submirror_mirrored_bytes_total", "direction", NODE)}`,
            "{{direction}}",
          ),
          lines(
            "Mirrored, packets",
            "pps",
            rate("submirror_mirrored_packets_total", "direction", NODE),
            "{{direction}}",
          ),
          lines("Copies lost, by reason", "pps", rate("submirror_dropped_packets_total", "reason", NODE), "{{reason}}"),
          lines(
            "Copies sent as fragments",
            "pps",
            rate("submirror_fragmented_packets_total", "instance", NODE),
            "fragmented",
          ),
          lines("Intercepts by state", "short", `submirror_intercepts${NODE}`, "{{state}}"),
          lines(
            "Refused by the datapath",
            "ops",
            rate("submirror_datapath_refusals_total", "reason", NODE),
            "{{reason}}",
          ),
        ],
      },
      {
        title: "Events",
        panels: [
          lines("Events, by type", "ops", rate("submirror_events_total", "type", NODE), "{{type}}"),
          lines("Events, by result", "ops", rate("submirror_events_total", "result", NODE), "{{result}}"),
          lines("Events behind the stream", "short", `submirror_event_lag_messages${NODE}`, "behind"),
          {
            title: "From event to kernel",
            kind: "timeseries",
            width: 8,
            unit: "s",
            queries: quantiles("submirror_activation_seconds", NODE),
          },
          lines("Audit entries that have not left the node", "short", auditBehind(NODE), "entries"),
          lines("SNMP notifications that wait", "short", `submirror_snmp_notifications_waiting${NODE}`, "waiting"),
        ],
      },
      {
        title: "What it takes",
        panels: [
          lines("Table fill", "percentunit", `submirror_map_entries${NODE} / submirror_map_capacity${NODE}`, "{{map}}"),
          lines("Processor time", "percentunit", rate("process_cpu_seconds_total", "instance", NODE), "cores"),
          lines("Memory", "bytes", `process_resident_memory_bytes${NODE}`, "resident"),
          lines("Event loop delay, 99 %", "s", `nodejs_eventloop_lag_p99_seconds${NODE}`, "delay"),
          lines("Open files", "short", `process_open_fds${NODE}`, "open"),
          lines("Restarts, last hour", "short", `changes(process_start_time_seconds${NODE}[1h])`, "restarts"),
        ],
      },
      {
        title: "Version",
        panels: [
          {
            title: "What runs",
            kind: "table",
            width: 24,
            queries: [{ expr: `count by (version, node_version) (submirror_build_info${NODE})` }],
          },
        ],
      },
    ],
  });
}
