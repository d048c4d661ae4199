/** The real `radclient` of FreeRADIUS, and what it printed. */
import { spawn } from "node:child_process";

export type RadclientCommand = "auth" | "acct" | "coa" | "disconnect" | "status";

export interface RadclientOptions {
  readonly address?: string;
  readonly port: number;
  readonly command: RadclientCommand;
  readonly secret: string;
  /** One `Name = value` each. */
  readonly attributes: readonly string[];
  /** Tries, and seconds to wait after each. Default 1 and 5. */
  readonly tries?: number;
  readonly timeoutSeconds?: number;
  /** Network namespace to send from. Default: where we are. */
  readonly netns?: string;
}

export interface RadclientAnswer {
  /** `Access-Accept`, `CoA-NAK`, ...; undefined when nothing came. */
  readonly code: string | undefined;
  /** What the answer carried, by name. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly output: string;
}

export async function radclient(options: RadclientOptions): Promise<RadclientAnswer> {
  const target = `${options.address ?? "127.0.0.1"}:${options.port}`;
  const limits = ["-r", String(options.tries ?? 1), "-t", String(options.timeoutSeconds ?? 5)];
  const from = options.netns === undefined ? [] : ["nsenter", `--net=/run/netns/${options.netns}`];
  const argv = [...from, "radclient", "-x", ...limits, target, options.command, options.secret];
  const child = spawn(argv[0] as string, argv.slice(1));
  child.stdin.end(options.attributes.join("\n"));
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return { ...readAnswer(output), output };
}

function readAnswer(output: string): Pick<RadclientAnswer, "code" | "attributes"> {
  const [, code, rest = ""] = /^Received (\S+) Id .*\n((?:\t.*\n?)*)/m.exec(output) ?? [];
  const pairs = [...rest.matchAll(/^\t(\S+) = (.*)$/gm)].map(([, name = "", value = ""]) => [
    name,
    value.replace(/^"(.*)"$/, "$1"),
  ]);
  return { code, attributes: Object.fromEntries(pairs) as Record<string, string> };
}
