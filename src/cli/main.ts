#!/usr/bin/env node
import { EXIT } from "./exit.js";
import { runProgram } from "./program.js";

// Whoever reads may have seen enough: `submirror top | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.done);
});

process.exitCode = await runProgram(process.argv.slice(2));
