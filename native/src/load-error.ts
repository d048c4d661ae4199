/** Makes an error of what libbpf said while it loaded an object. */
import { BpfError, VerifierError } from "./errors.js";

const VERIFIER_LOG = /prog '([^']+)': -- BEGIN PROG LOAD LOG --\n([\s\S]*?)-- END PROG LOAD LOG --/;
const DETAIL_MESSAGES = 3;

export function loadError(path: string, errno: number, messages: readonly string[]): BpfError {
  for (const message of messages) {
    const [, program, log] = VERIFIER_LOG.exec(message) ?? [];
    if (program !== undefined && log !== undefined && log.trim() !== "") {
      return new VerifierError(program, errno, log);
    }
  }
  return new BpfError(`load ${path}`, errno, { detail: detailOf(messages) });
}

/** What only repeats that it failed. */
const CONSEQUENCE = /^failed to (load|open) object|^prog '[^']*': failed to load:/;

/** The last messages of libbpf that give a reason, in one line. */
export function detailOf(messages: readonly string[]): string {
  return messages
    .map((message) => message.replace(/^libbpf: /, "").trim())
    .filter((message) => message !== "" && !CONSEQUENCE.test(message))
    .slice(-DETAIL_MESSAGES)
    .join("; ");
}
