/** Plays events through rules and datapath, without a bus: what a table of rule tests is written in. */
import { Applier } from "../../src/agent/applier.js";
import { parseEvent } from "../../src/events/parse.js";
import type { LiInstruction, RadiusAttributes, RadiusEventType } from "../../src/events/types.js";
import type { Decision, Outcome } from "../../src/sessions/decision.js";
import type { Session } from "../../src/sessions/session.js";
import { SessionStore } from "../../src/sessions/store.js";
import { radiusEvent } from "./events.js";
import { FakeDatapath } from "./fake-datapath.js";

export interface Step {
  readonly event: RadiusEventType;
  readonly attributes: RadiusAttributes;
  readonly li?: LiInstruction;
  readonly nas?: string;
  /** Expected; absent: no answer. `detail` need only be a part of it. */
  readonly answer?: Partial<Outcome>;
  /** Expected in the datapath afterwards: `prefix prefix > address:port interceptId/sessionId`, ids in hex. Absent: not looked at. */
  readonly mirrored?: readonly string[];
}

export class Scenario {
  readonly store = new SessionStore();
  readonly datapath = new FakeDatapath();
  readonly applier = new Applier({
    store: this.store,
    datapath: this.datapath,
    defaults: { header: "junos" },
    steadyClock: () => performance.now(),
    onRefusal: () => undefined,
    onChange: () => undefined,
  });
  #seq = 0;

  constructor() {
    this.applier.live = true;
  }

  play(step: Omit<Step, "answer" | "mirrored">, seq = ++this.#seq): Decision {
    const fields = {
      attributes: step.attributes,
      ...(step.li !== undefined && { li: step.li }),
      ...(step.nas !== undefined && { nas: step.nas }),
    };
    const event = parseEvent(Buffer.from(JSON.stringify(radiusEvent(step.event, fields))));
    return this.applier.apply({ ...event, seq }, Date.now());
  }

  sessions(): Session[] {
    return [...this.store.all()];
  }

  mirrored(): string[] {
    return [...this.datapath.specs.values()]
      .map((spec) => {
        const prefixes = spec.matches.map((match) => ("prefix" in match ? match.prefix : match.kind)).toSorted();
        const { address, port } = spec.mediation;
        const ids = `${spec.header.interceptId.toString(16)}/${spec.header.sessionId.toString(16)}`;
        return `${prefixes.join(" ")} > ${address}:${port} ${ids}`;
      })
      .toSorted();
  }
}
