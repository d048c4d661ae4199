import { ERROR_CAUSE, type ErrorCause } from "./types.js";

/** Why an event, or the instruction in it, is refused. One sentence that names the field, never the value. */
export class EventError extends Error {
  override readonly name = "EventError";
  constructor(
    readonly field: string,
    message: string,
    readonly errorCause: ErrorCause = ERROR_CAUSE.invalidRequest,
    /** The id of the event, where it could be read: the refusal is answered under it. */
    readonly eventId?: string,
  ) {
    super(message);
  }

  withEventId(eventId: string): EventError {
    return new EventError(this.field, this.message, this.errorCause, eventId);
  }
}
