/** How text looks on this terminal. */

/** Where output can take colour: a terminal, unless NO_COLOR (no-color.org) is set to anything. */
export function takesColour(
  stream: Pick<NodeJS.WriteStream, "isTTY">,
  environment: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
}

const CODES = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;
export type Style = keyof typeof CODES;
export type Paint = (style: Style, text: string) => string;

export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text);
}
