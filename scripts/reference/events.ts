/** docs/reference/events.md, event.schema.json and asyncapi.yaml */
import { stringify } from "yaml";
import { z } from "zod";
import { LI_EVENT_KINDS } from "../../src/events/li-event.js";
import {
  auditSubject,
  DEAD_LETTER_REASONS,
  deadLetterSubject,
  eventSubject,
  liEventSubject,
  RADIUS_SUBJECTS,
  RESULT_SUBJECTS,
  resultSubject,
  TASK_SUBJECTS,
  taskSubject,
} from "../../src/events/subjects.js";
import { RADIUS_EVENT_TYPES } from "../../src/events/types.js";
import { deadLetterSchema, eventSchema, notificationSchema, resultSchema } from "./event-schemas.js";
import { childRows, type JsonSchema } from "./json-schema.js";
import { code, GENERATED, page, table } from "./markdown.js";

export function eventJsonSchema(): object {
  return { title: "submirror event", ...z.toJSONSchema(eventSchema) };
}

interface Channel {
  readonly name: string;
  readonly address: string;
  readonly what: string;
  /** Names of the parameters in the address. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly payload: object;
}

/** Spelt by the functions that spell them at run time. */
function channels(): Channel[] {
  const [type] = RADIUS_EVENT_TYPES;
  const [kind] = LI_EVENT_KINDS;
  const [reason] = DEAD_LETTER_REASONS;
  const opaque = { type: "object", description: "signed, sealed; see submirror task and submirror audit" };
  return [
    {
      name: "event",
      address: eventSubject("{nas}", type).replace(type, "{type}"),
      what: `what happened at a NAS, in the stream RADIUS (${RADIUS_SUBJECTS})`,
      parameters: {
        nas: "NAS-Identifier, else NAS-IP-Address; dots, blanks, * and > replaced by _",
        type: RADIUS_EVENT_TYPES.join(", "),
      },
      payload: { $ref: "event.schema.json" },
    },
    {
      name: "result",
      address: resultSubject("{event}"),
      what: `an agent's answer to an event that asks for mirroring (${RESULT_SUBJECTS})`,
      parameters: { event: "id of the event" },
      payload: z.toJSONSchema(resultSchema),
    },
    {
      name: "notification",
      address: liEventSubject("{node}", kind).replace(kind, "{kind}"),
      what: "to the mediation side (INI-2)",
      parameters: { node: "of the agent", kind: LI_EVENT_KINDS.join(", ") },
      payload: z.toJSONSchema(notificationSchema),
    },
    {
      name: "task",
      address: taskSubject("{task}"),
      what: `an authority's signed and sealed order, in the stream TASKS (${TASK_SUBJECTS})`,
      parameters: { task: "id of the task" },
      payload: opaque,
    },
    {
      name: "dead-letter",
      address: deadLetterSubject("{node}", reason).replace(reason, "{reason}"),
      what: "an event that an agent could not take, and why, in the stream DEADLETTERS",
      parameters: { node: "of the agent", reason: DEAD_LETTER_REASONS.join(", ") },
      payload: z.toJSONSchema(deadLetterSchema),
    },
    {
      name: "audit",
      address: auditSubject("{node}"),
      what: "a copy of each entry of an agent's audit log, in the stream AUDIT",
      parameters: { node: "of the agent" },
      payload: opaque,
    },
  ];
}

export function eventsReference(): string {
  const part = (schema: z.ZodType): string =>
    table(["field", "type", "", "meaning"], childRows("", z.toJSONSchema(schema) as JsonSchema));
  return page(
    GENERATED,
    "# Events",
    "What crosses NATS. [event.schema.json](event.schema.json) is the JSON Schema of an event, " +
      "[asyncapi.yaml](asyncapi.yaml) describes all of it for programs.",
    table(
      ["subject", "what"],
      channels().map(({ address, what, parameters }) => {
        const lists = Object.entries(parameters).map(([name, meaning]) => `${code(`{${name}}`)}: ${meaning}`);
        return [code(address), `${what}. ${lists.join(". ")}.`];
      }),
    ),
    "## Event",
    "CloudEvents 1.0 in JSON, structured mode. Anyone whom NATS lets publish may; an agent refuses what does not fit, " +
      "and counts it. By form: of the kinds of section that there are, one has it. A plain `li` is taken with `security.mode: lab` alone.",
    part(eventSchema),
    "## Result",
    part(resultSchema),
    "## Notification",
    part(notificationSchema),
    "## Dead letter",
    part(deadLetterSchema),
  );
}

export function asyncApi(version: string): string {
  const all = channels();
  const document = {
    asyncapi: "3.0.0",
    info: { title: "submirror", version, description: "What crosses NATS between gateways, agents and authorities." },
    defaultContentType: "application/json",
    channels: Object.fromEntries(
      all.map(({ name, address, what, parameters }) => [
        name,
        {
          address,
          description: what,
          parameters: Object.fromEntries(
            Object.entries(parameters).map(([key, description]) => [key, { description }]),
          ),
          messages: { [name]: { $ref: `#/components/messages/${name}` } },
        },
      ]),
    ),
    operations: Object.fromEntries(
      all.map(({ name }) => [
        `${name === "event" || name === "task" ? "receive" : "send"}-${name}`,
        {
          action: name === "event" || name === "task" ? "receive" : "send",
          channel: { $ref: `#/channels/${name}` },
          summary: "by an agent",
        },
      ]),
    ),
    components: { messages: Object.fromEntries(all.map(({ name, payload }) => [name, { payload }])) },
  };
  return `# Generated from the code by scripts/generate.sh: change it there.\n${stringify(document, { lineWidth: 0 })}`;
}
