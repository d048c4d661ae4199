/** How text looks on this terminal. */

/** Where output can take colour: a terminal, unless NO_COLOR (no-color.org) is set to anything. */
export function takesColour(
  stream: Pick<NodeJS.WriteStream, "isTTY">,
  environment: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
}

const ESCAPE = "\u001b";
const CODES = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;
export type Style = keyof typeof CODES;
export type Paint = (style: Style, text: string) => string;

export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? `${ESCAPE}[${CODES[style]}m${text}${ESCAPE}[0m` : text);
}

const STYLE_OR_CHARACTER = new RegExp(`${ESCAPE}\\[\\d*m|[^]`, "gu");

/** The first `width` characters that are seen; styles take no room, and end with the line. */
export function cutTo(line: string, width: number): string {
  let seen = 0;
  let kept = "";
  for (const [piece] of line.matchAll(STYLE_OR_CHARACTER)) {
    const isStyle = piece.startsWith(`${ESCAPE}[`);
    if (!isStyle) seen += 1;
    if (isStyle || seen <= width) kept += piece;
  }
  return kept;
}
