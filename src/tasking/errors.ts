/** What was typed is no order; the message says what to type. */
export class TaskingError extends Error {
  override readonly name = "TaskingError";
}
