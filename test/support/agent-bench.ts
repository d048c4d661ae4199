/** An agent on a bus in memory, with clocks that a test turns on. */
import { Writable } from "node:stream";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Agent } from "../../src/agent/agent.js";
import { parseConfig, requireAgentParts } from "../../src/config/load.js";
import { liEventSubject } from "../../src/events/subjects.js";
import type { RadiusEvent } from "../../src/events/types.js";
import { AgentMetrics } from "../../src/metrics/agent-metrics.js";
import { type AgentTrust, labTrust } from "../../src/security/trust.js";
import { PLAIN_RECORDS } from "../../src/sessions/record-codec.js";
import { FakeDatapath } from "./fake-datapath.js";
import { MemoryRecords, RecordingSender } from "./memory.js";

export interface BenchOptions {
  readonly yaml?: string;
  readonly trust?: AgentTrust;
  readonly records?: MemoryRecords;
  readonly datapath?: FakeDatapath;
}

export class Bench {
  /** Milliseconds that both clocks are ahead. */
  passed = 0;
  readonly sender = new RecordingSender();
  readonly records: MemoryRecords;
  readonly datapath: FakeDatapath;
  readonly registry = new Registry();
  readonly agent: Agent;
  log = "";
  #seq = 0;

  constructor({
    yaml = "",
    trust = labTrust(3_600_000),
    records = new MemoryRecords(),
    datapath = new FakeDatapath(),
  }: BenchOptions = {}) {
    this.records = records;
    this.datapath = datapath;
    const text = `node: edge1\ninterfaces: { access: [lo] }\nmediation: { sourceIpv4: 192.0.2.1 }\nsecurity: { mode: lab }\n${yaml}`;
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.log += chunk.toString();
        done();
      },
    });
    this.agent = new Agent({
      config: requireAgentParts(parseConfig(text, "test.yaml"), "test.yaml"),
      datapath,
      records,
      codec: PLAIN_RECORDS,
      trust,
      sender: this.sender,
      notify: (event) => this.sender.send(liEventSubject("edge1", event.kind), JSON.stringify(event)),
      metrics: new AgentMetrics(this.registry),
      log: pino({ level: "trace" }, output),
      clock: () => Date.now() + this.passed,
      steadyClock: () => performance.now() + this.passed,
    });
  }

  /** Like the stream: the first event has sequence 1, whoever reads it. */
  async publish(event: RadiusEvent | string, seq = ++this.#seq): Promise<void> {
    this.#seq = Math.max(this.#seq, seq);
    const subject = typeof event === "string" ? "radius.bng1.coa" : `radius.${event.data.nas}.${event.type.slice(7)}`;
    const data = Buffer.from(typeof event === "string" ? event : JSON.stringify(event));
    const stored = this.agent.handle([{ subject, data, seq, pending: 0 }]);
    if (this.agent.live) await stored;
  }

  async metric(sample: string): Promise<number | undefined> {
    const line = (await this.registry.metrics()).split("\n").find((candidate) => candidate.startsWith(`${sample} `));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  }
}
