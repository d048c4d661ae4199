/** NATS subjects: the only place that spells them. */

import type { LiEventKind } from "./li-event.js";
import type { RadiusEventType } from "./types.js";

export const RADIUS_SUBJECTS = "radius.>";
export const RESULT_SUBJECTS = "submirror.result.*";

/** A NAS's name as one subject token: `.`, `*`, `>` and blanks become `_`. */
export function nasToken(nas: string): string {
  return nas.replace(/[.*>\s]/gu, "_");
}

export function eventSubject(nas: string, type: RadiusEventType): string {
  return `radius.${nasToken(nas)}.${type}`;
}

export function nasSubjects(nas: string): string {
  return `radius.${nasToken(nas)}.*`;
}

export function resultSubject(eventId: string): string {
  return `submirror.result.${eventId}`;
}

/** The event id of a result subject. */
export function resultSubjectEventId(subject: string): string {
  return subject.slice(RESULT_SUBJECTS.length - 1);
}

export function liEventSubject(node: string, kind: LiEventKind): string {
  return `submirror.li.${nasToken(node)}.${kind}`;
}

/** Where the copies of a node's audit entries go. */
export function auditSubject(node: string): string {
  return `submirror.audit.${nasToken(node)}`;
}

export const TASK_SUBJECTS = "li.task.*";

/** `task` is one token. */
export function taskSubject(task: string): string {
  return `li.task.${task}`;
}

/** The task of its subject. */
export function taskOfSubject(subject: string): string {
  return subject.slice(TASK_SUBJECTS.length - 1);
}

export const DEAD_LETTER_SUBJECTS = "submirror.dead.>";

/** Why an event became a dead letter. `malformed`: cannot be read. `unauthorized`: may not be read. `fault`: of ours. */
export const DEAD_LETTER_REASONS = ["malformed", "unauthorized", "fault"] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

export function deadLetterSubject(node: string, reason: DeadLetterReason): string {
  return `submirror.dead.${nasToken(node)}.${reason}`;
}
