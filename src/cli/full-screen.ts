/** The terminal as one screen that is drawn anew, and is as it was when this ends. */
import type { Screen } from "./view/top-view.js";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const CTRL_C = "\x03";

export type Draw = (screen: Screen) => readonly string[];

export class FullScreen implements Disposable {
  #last: Draw = () => [];

  /** `onQuit`: q, Ctrl-C, or a signal. */
  constructor(
    private readonly onQuit: () => void,
    private readonly output: NodeJS.WriteStream = process.stdout,
    private readonly input: NodeJS.ReadStream = process.stdin,
  ) {
    output.write(ENTER);
    output.on("resize", this.#resized);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, onQuit);
    if (!input.isTTY) return;
    input.setRawMode(true);
    input.on("data", this.#typed);
  }

  draw(lines: Draw): void {
    this.#last = lines;
    // A terminal that does not know its size says 0.
    const screen = { columns: this.output.columns || 80, rows: this.output.rows || 24 };
    const text = lines(screen).map((line) => `${line}${CLEAR_LINE}`);
    this.output.write(`${HOME}${text.join("\r\n")}${CLEAR_BELOW}`);
  }

  [Symbol.dispose](): void {
    this.output.off("resize", this.#resized);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.off(signal, this.onQuit);
    if (this.input.isTTY) {
      this.input.off("data", this.#typed);
      this.input.setRawMode(false);
      this.input.pause();
    }
    this.output.write(LEAVE);
  }

  readonly #resized = (): void => this.draw(this.#last);

  readonly #typed = (bytes: Buffer): void => {
    const keys = bytes.toString("latin1");
    if (/[qQ]/.test(keys) || keys.includes(CTRL_C)) this.onQuit();
  };
}
