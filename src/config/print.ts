/** The configuration in force as YAML, without its secrets. */
import { stringify } from "yaml";

const SECRET_KEY = /secret|password|passphrase|token|seed$/i;
const URL_WITH_PASSWORD = /^([a-z]+:\/\/)[^@/]+@/i;
const MASK = "********";

export function printConfig(config: unknown): string {
  return stringify(masked(config), { lineWidth: 0 });
}

function masked(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, name)]));
  }
  if (value === undefined || value === null) return value;
  if (SECRET_KEY.test(key)) return MASK;
  return typeof value === "string" ? value.replace(URL_WITH_PASSWORD, `$1${MASK}@`) : value;
}
