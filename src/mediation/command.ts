/** The command line of `submirror mediation`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { HEADER_FORMATS, type HeaderFormat } from "./datagram.js";
import { type ListenAddress, ListenError, parseListenAddress } from "./listen.js";

interface CommandOptions {
  listen: ListenAddress[];
  out: string;
  format: HeaderFormat;
  json: boolean;
  interval?: number;
  receiveBuffer: number;
  maxStreams: number;
  maxPending: number;
}

const MEBIBYTE = 1024 * 1024;

function number(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${minimum} to ${maximum}.`);
  };
}

function listenAddresses(text: string, before: ListenAddress[] | undefined): ListenAddress[] {
  try {
    return [...(before ?? []), parseListenAddress(text)];
  } catch (error) {
    if (error instanceof ListenError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** To be mounted in the program. Sets `process.exitCode`. */
export function mediationCommand(): Command {
  return new Command("mediation")
    .description("receive mirrored packets, tell the streams apart, write each to a pcapng file")
    .addOption(
      new Option("--listen <address:port[/from|/to]>", "where to receive; may be given several times")
        .argParser(listenAddresses)
        .makeOptionMandatory(),
    )
    .requiredOption("--out <directory>", "where the pcapng files go")
    .addOption(
      new Option("--format <format>", "header in front of the packets").choices(HEADER_FORMATS).default("auto"),
    )
    .option("--json", "report as JSON, one object a line", false)
    .option("--interval <seconds>", "report this often; otherwise at the end and on SIGUSR1", number(1, 86_400))
    .option(
      "--receive-buffer <bytes>",
      "asked of the kernel for each socket",
      number(4096, 1024 * MEBIBYTE),
      64 * MEBIBYTE,
    )
    .option("--max-streams <count>", "streams that get a file", number(1, 1_000_000), 4096)
    .option(
      "--max-pending <bytes>",
      "memory for what waits for the disk",
      number(MEBIBYTE, 64 * 1024 * MEBIBYTE),
      512 * MEBIBYTE,
    )
    .addHelpText(
      "after",
      "\nExamples:\n  submirror mediation --listen 198.51.100.9:30030 --out streams\n  submirror mediation --listen 198.51.100.9:30030/from --listen 198.51.100.9:30031/to --out streams --json",
    )
    .action(async (options: CommandOptions) => {
      const stop = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
      const warn = (sentence: string): void => void process.stderr.write(`submirror mediation: ${sentence}\n`);
      const print = (text: string): void => void process.stdout.write(text);
      const { runMediation } = await import("./run.js");
      try {
        process.exitCode = await runMediation(options, { print, warn, stop: stop.signal });
      } catch (error) {
        if (!(error instanceof ListenError)) throw error;
        warn(error.message);
        process.exitCode = 2;
      }
    });
}
