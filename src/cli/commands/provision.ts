/** `submirror provision`: makes the streams and buckets, with the credentials of somebody who may. */
import { Command } from "commander";
import { pino } from "pino";
import { connectNats } from "../../bus/connect.js";
import { provision } from "../../bus/provision.js";
import { StreamMismatchError } from "../../bus/streams.js";
import { loadConfig } from "../../config/load.js";
import { configOption } from "../config-option.js";
import { EXIT } from "../exit.js";

const CONNECT_MS = 10_000;

/** To be mounted in the program. Sets `process.exitCode`. */
export function provisionCommand(): Command {
  return new Command("provision")
    .description("make the streams and buckets on the bus, where agents and gateways may not")
    .addOption(configOption("configuration file whose nats section has an administrator's credentials"))
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  submirror provision --config admin.yaml")
    .action(async ({ config: file, json }: { config: string; json: boolean }) => {
      const config = loadConfig(file);
      const log = pino({ level: "silent" });
      const signal = AbortSignal.timeout(CONNECT_MS);
      const connection = await connectNats(config.nats, "submirror-provision", log, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
        process.stderr.write("submirror: NATS cannot be reached: check nats.servers and the credentials\n");
        return undefined;
      });
      process.exitCode = EXIT.failed;
      if (connection === undefined) return;
      try {
        const names = await provision(connection, config);
        process.stdout.write(json ? `${JSON.stringify(names)}\n` : names.map((name) => `${name} is there\n`).join(""));
        process.exitCode = EXIT.done;
      } catch (error) {
        if (!(error instanceof StreamMismatchError)) throw error;
        process.stderr.write(`submirror: ${error.message}\n`);
      } finally {
        await connection.close();
      }
    });
}
