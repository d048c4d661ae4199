#!/usr/bin/env node
/** `libbpf-ts-codegen`: TypeScript codecs of the structures in an object file. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { BtfError } from "../btf/types.js";
import { generate } from "./generate.js";

const USAGE = `Usage: libbpf-ts-codegen OBJECT.o --out FILE.ts [--check]
         [--map NAME]... [--struct NAME]... [--enum NAME]...

Writes TypeScript for every structure that the maps of OBJECT.o have as key or value.
  --out FILE.ts  the file to write
  --check        write nothing; exit 1 where FILE.ts is not what would be written
  --map NAME     only this map; may be repeated
  --struct NAME  this structure too, e.g. a ring buffer's record; may be repeated
  --enum NAME    this enumeration too; may be repeated
Exit: 0 done, 1 failed, 2 wrong usage.`;

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

function main(args: readonly string[]): number {
  const options = parse(args);
  if (typeof options === "string") return complain(`${options}\n${USAGE}`, WRONG_USAGE);
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return DONE;
  }
  try {
    const text = generate(readFileSync(options.object), { ...options, command: commandLine(args, options) });
    if (options.check) return compare(options, text);
    writeFileSync(options.out, text);
    return DONE;
  } catch (error) {
    if (error instanceof BtfError) return complain(`${options.object}: ${error.message}`, FAILED);
    if (error instanceof Error && "code" in error) return complain(error.message, FAILED);
    throw error;
  }
}

interface Options {
  readonly object: string;
  readonly out: string;
  readonly check: boolean;
  readonly help: boolean;
  readonly maps: readonly string[];
  readonly structs: readonly string[];
  readonly enums: readonly string[];
}

/** The options, or what is wrong with them. */
function parse(args: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: "string" },
        check: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        map: { type: "string", multiple: true, default: [] },
        struct: { type: "string", multiple: true, default: [] },
        enum: { type: "string", multiple: true, default: [] },
      },
    });
    const { out = "", help } = values;
    const [object = "", ...more] = positionals;
    if (!help && (object === "" || more.length > 0)) return "one object file is expected";
    if (!help && out === "") return "--out is missing";
    return { object, out, help, check: values.check, maps: values.map, structs: values.struct, enums: values.enum };
  } catch (error) {
    return (error as Error).message;
  }
}

/** What to run for the same file: without folders, which differ from machine to machine, and without --check. */
function commandLine(args: readonly string[], { object, out }: Options): string {
  const shown = args
    .filter((arg) => arg !== "--check")
    .map((arg) => (arg === object || arg === out ? basename(arg) : arg))
    .map((arg) => (arg === `--out=${out}` ? `--out=${basename(out)}` : arg));
  return ["libbpf-ts-codegen", ...shown].join(" ");
}

function compare({ out }: Options, text: string): number {
  if (readFileSync(out, "utf8") === text) return DONE;
  return complain(`${out} is not what the object file gives: generate it again`, FAILED);
}

function complain(message: string, code: number): number {
  process.stderr.write(`libbpf-ts-codegen: ${message}\n`);
  return code;
}

process.exitCode = main(process.argv.slice(2));
