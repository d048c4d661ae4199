/** The agent cannot run here as configured: one sentence each, with what to do. Exit code 2. */
export class StartError extends Error {
  override readonly name = "StartError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}
