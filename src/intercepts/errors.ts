/** An instruction asks for an intercept that cannot be. The message names the field and what was expected, never the value. */
export class InterceptError extends Error {
  override readonly name = "InterceptError";
  constructor(
    /** The RADIUS attribute or the field of `li`. */
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}
