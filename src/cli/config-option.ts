import { Option } from "commander";

/** Where the configuration is unless it is named. */
export const DEFAULT_CONFIG = "/etc/submirror/submirror.yaml";

/** `--config`, the same for every command. */
export function configOption(description = "configuration file"): Option {
  return new Option("-c, --config <file>", description).env("SUBMIRROR_CONFIG").default(DEFAULT_CONFIG);
}
