/** The whole service: all nodes and gateways together. */
import type { Dashboard } from "@grafana/schema";
import { dashboard, lines, stat } from "./panels.js";
import { auditBehind, quantiles, rate } from "./queries.js";

const AGENT = '{job="submirror-agent"}';

export function serviceDashboard(): Dashboard {
  return dashboard({
    uid: "submirror-service",
    title: "submirror: service",
    description: "What is mirrored on all nodes, what is lost and why, and whether the gateways keep up.",
    variables: [],
    rows: [
      {
        title: "At a glance",
        panels: [
          stat("Agents up", `sum(up${AGENT})`, "good"),
          stat("Gateways up", 'sum(up{job="submirror-gateway"})', "good"),
          stat("Not ready", "sum(1 - submirror_ready)", "bad"),
          stat("Intercepts active", 'sum(submirror_intercepts{state="active"})'),
          stat("Intercepts failed", 'sum(submirror_intercepts{state="failed"})', "bad"),
          stat("Sessions known, largest node", "max(submirror_sessions)"),
          stat("Copies lost, last hour", "sum(increase(submirror_dropped_packets_total[1h]))", "bad"),
          stat("Orders refused, last hour", "sum(increase(submirror_refused_orders_total[1h]))", "bad"),
        ],
      },
      {
        title: "Mirrored and lost",
        panels: [
          lines("Mirrored, bits", "bps", `8 * ${rate("submirror_mirrored_bytes_total", "direction")}`, "{{direction}}"),
          lines("Mirrored, packets", "pps", rate("submirror_mirrored_packets_total", "direction"), "{{direction}}"),
          lines("Copies lost, by reason", "pps", rate("submirror_dropped_packets_total", "reason"), "{{reason}}"),
          lines("Copies lost, by node", "pps", rate("submirror_dropped_packets_total", "instance"), "{{instance}}"),
          lines(
            "Copies sent as fragments",
            "pps",
            rate("submirror_fragmented_packets_total", "instance"),
            "{{instance}}",
          ),
          lines("Intercepts by state", "short", "sum by (state) (submirror_intercepts)", "{{state}}"),
        ],
      },
      {
        title: "Events",
        panels: [
          lines("Events, by type", "ops", rate("submirror_events_total", "type", AGENT), "{{type}}"),
          lines(
            "Events refused or failed",
            "ops",
            rate("submirror_events_total", "type, result", '{result=~"rejected|failed|unknown-session"}'),
            "{{type}} {{result}}",
          ),
          lines(
            "Events set aside as dead letters",
            "ops",
            rate("submirror_dead_letters_total", "reason"),
            "{{reason}}",
          ),
          lines("Sessions ended for silence", "ops", rate("submirror_silent_sessions_total", "kind"), "{{kind}}"),
          lines(
            "Events behind the stream",
            "short",
            "max by (instance) (submirror_event_lag_messages)",
            "{{instance}}",
          ),
          {
            title: "From event to kernel",
            description: "From the time of an event that starts mirroring to the kernel matching.",
            kind: "timeseries",
            width: 8,
            unit: "s",
            queries: quantiles("submirror_activation_seconds"),
          },
          lines(
            "Fullest tables",
            "percentunit",
            "topk(5, submirror_map_entries / submirror_map_capacity)",
            "{{instance}} {{map}}",
          ),
          lines(
            "Restarts, last hour",
            "short",
            'sum by (job, instance) (changes(process_start_time_seconds{job=~"submirror-.*"}[1h]))',
            "{{job}} {{instance}}",
          ),
        ],
      },
      {
        title: "Gateways",
        panels: [
          lines(
            "Requests",
            "reqps",
            rate("submirror_gateway_requests_total", "service, result"),
            "{{service}} {{result}}",
          ),
          {
            title: "Answer of the servers behind",
            kind: "timeseries",
            width: 8,
            unit: "s",
            queries: quantiles("submirror_gateway_upstream_seconds"),
          },
          lines(
            "Servers behind that answer",
            "short",
            "submirror_gateway_upstream_up",
            "{{instance}} {{upstream}} {{port}}",
          ),
          lines(
            "Held Accepts, by what ended the hold",
            "ops",
            rate("submirror_gateway_holds_total", "result"),
            "{{result}}",
          ),
          lines("Held Accepts, now", "short", "sum by (instance) (submirror_gateway_held_accepts)", "{{instance}}"),
          lines(
            "Dropped without an answer",
            "pps",
            rate("submirror_gateway_dropped_total", "service, reason"),
            "{{service}} {{reason}}",
          ),
          lines("Events, by where they went", "ops", rate("submirror_gateway_events_total", "result"), "{{result}}"),
          lines("Events that wait on disk", "bytes", "submirror_gateway_spool_bytes", "{{instance}}"),
          lines(
            "Refused CoA and Disconnect, by Error-Cause",
            "ops",
            rate("submirror_gateway_naks_total", "error_cause"),
            "{{error_cause}}",
          ),
        ],
      },
      {
        title: "Trust",
        panels: [
          lines("Refused orders, by reason", "ops", rate("submirror_refused_orders_total", "reason"), "{{reason}}"),
          lines("Audit entries that have not left the node", "short", auditBehind(""), "{{instance}}"),
          lines("SNMP notifications", "ops", rate("submirror_snmp_notifications_total", "result"), "{{result}}"),
        ],
      },
      {
        title: "Versions",
        panels: [
          {
            title: "What runs",
            kind: "table",
            width: 24,
            queries: [{ expr: "count by (component, version, node_version) (submirror_build_info)" }],
          },
        ],
      },
    ],
  });
}
