#!/usr/bin/env node
import { runProgram } from "./program.js";

// Whoever reads has enough, as `head` and `grep -q` do: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode ?? 0);
});
process.exitCode = await runProgram(process.argv.slice(2));
