/** Packets that get no answer: counted each, logged at most once a reason and interval. */
import type { DatagramService, DropReason, GatewayMetrics } from "./metrics.js";
import type { Clock, Log } from "./ports.js";

const QUIET_MS = 10_000;

const REMEDY: Readonly<Record<DropReason, string>> = {
  malformed: "the sender's packet is not RADIUS as RFC 2865 lays it out",
  unknown_client:
    "no configured client has this address or certificate: add it to radius.clients, coaClients or radsec.clients, or ignore it",
  untrusted_certificate:
    "a RadSec peer has no certificate from the authorities in radius.radsec.ca, or does not speak TLS",
  unexpected_code: "this port does not serve that packet code: check the sender's port",
  bad_authenticator: "the request authenticator does not fit: compare the shared secret on both sides",
  bad_message_authenticator: "Message-Authenticator does not fit: compare the shared secret on both sides",
  missing_message_authenticator:
    "there is no Message-Authenticator (CVE-2024-3596): update the sender, or set requireMessageAuthenticator: false for it",
  unprotected_proxy_state: "there is Proxy-State without Message-Authenticator (CVE-2024-3596): update the sender",
  other_nas: "NAS-Identifier is not the client's configured nasIdentifier",
  stale_timestamp: "Event-Timestamp is too far off: compare the clocks, or it is a replay",
  bad_response: "an upstream's response does not fit a request: compare the shared secret, or it is forged or late",
  too_long: "the packet would exceed 4096 bytes with what a proxy must add",
  overload: "too many requests are in work: the upstream is slow, or the gateway too small",
};

export class Drops {
  readonly #quietUntil = new Map<string, { until: number; suppressed: number }>();

  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  /** `peer` is a configured name or a network address of a RADIUS peer, never of a subscriber. */
  drop(service: DatagramService, reason: DropReason, peer: string): void {
    this.metrics.dropped(service, reason);
    const key = `${service} ${reason}`;
    const now = this.clock.monotonic();
    const quiet = this.#quietUntil.get(key);
    if (quiet !== undefined && now < quiet.until) {
      quiet.suppressed++;
      return;
    }
    const suppressed = quiet?.suppressed ?? 0;
    this.#quietUntil.set(key, { until: now + QUIET_MS, suppressed: 0 });
    this.log.warn({ service, reason, peer, suppressed }, `packet dropped: ${REMEDY[reason]}`);
  }
}
