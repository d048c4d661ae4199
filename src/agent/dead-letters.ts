/** Events that cannot be taken: set aside with the reason, so that they block nothing and somebody can look at them. */
import type { EventMessage, Sender } from "../bus/ports.js";
import { type DeadLetterReason, deadLetterSubject } from "../events/subjects.js";
import type { AgentMetrics } from "../metrics/agent-metrics.js";

/** What stands on the bus. */
export interface DeadLetter {
  readonly node: string;
  readonly reason: DeadLetterReason;
  /** Of the event; absent where none could be read. */
  readonly field?: string;
  /** One sentence; names the field, never the subject. */
  readonly detail: string;
  /** Where the event came from. */
  readonly subject: string;
  /** Its sequence in the stream of events. */
  readonly seq: number;
  /** The event as it came, base64. */
  readonly event: string;
}

export class DeadLetters {
  constructor(
    private readonly node: string,
    private readonly sender: Sender,
    private readonly metrics: Pick<AgentMetrics, "deadLetter">,
  ) {}

  /** Best effort, and at once: the event itself stays in the stream, under its sequence. */
  send({ subject, seq, data }: EventMessage, reason: DeadLetterReason, detail: string, field?: string): void {
    const letter: DeadLetter = {
      node: this.node,
      reason,
      ...(field !== undefined && { field }),
      detail,
      subject,
      seq,
      event: Buffer.from(data).toString("base64"),
    };
    this.sender.send(deadLetterSubject(this.node, reason), JSON.stringify(letter));
    this.metrics.deadLetter(reason);
  }
}
