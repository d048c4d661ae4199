/** The real Prometheus, as deploy/prometheus configures it, in a namespace; scrapes each second. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { LabError } from "./errors.js";
import { httpGet, httpGetAll } from "./http.js";
import type { Namespace } from "./namespace.js";

/** From dist/test/lab/parts. */
const CONFIGURATION = fileURLToPath(new URL("../../../../deploy/prometheus/", import.meta.url));
const PORT = 9090;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** NaN where there is nothing to divide by. */
  readonly value: number;
}

export interface FiringAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export class Prometheus {
  private constructor(private readonly namespace: Namespace) {}

  static async start(namespace: Namespace, directory: string): Promise<Prometheus> {
    mkdirSync(directory);
    const configuration = parse(readFileSync(join(CONFIGURATION, "prometheus.yaml"), "utf8")) as object;
    const file = join(directory, "prometheus.yaml");
    writeFileSync(
      file,
      stringify({
        ...configuration,
        global: { scrape_interval: "1s", evaluation_interval: "1s" },
        rule_files: [join(CONFIGURATION, "rules.yaml")],
      }),
    );
    const daemon = namespace.start("prometheus", [
      "prometheus",
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${PORT}`,
      "--log.level=warn",
    ]);
    await daemon.ready("/-/ready", async () => (await httpGet(namespace, url("/-/ready")))?.status === 200);
    return new Prometheus(namespace);
  }

  /** An instant query. Throws LabError where Prometheus refuses it. */
  async query(expr: string): Promise<Series[]> {
    const [series = []] = await this.queries([expr]);
    return series;
  }

  async queries(exprs: readonly string[]): Promise<Series[][]> {
    const answers = await this.#get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
      exprs.map((expr) => `/api/v1/query?query=${encodeURIComponent(expr)}`),
    );
    return answers.map(({ result }) => result.map(({ metric, value }) => ({ metric, value: Number(value[1]) })));
  }

  async firing(): Promise<FiringAlert[]> {
    const [answer] = await this.#get<{ alerts: (FiringAlert & { state: string })[] }>(["/api/v1/alerts"]);
    return (answer?.alerts ?? []).filter(({ state }) => state === "firing");
  }

  async #get<T>(paths: readonly string[]): Promise<T[]> {
    const answers = await httpGetAll(this.namespace, paths.map(url));
    return answers.map(({ status, body }, index) => {
      if (status === 200) return (JSON.parse(body) as { data: T }).data;
      throw new LabError(`Prometheus answers ${status} to ${paths[index]}: ${body}`);
    });
  }
}

function url(path: string): string {
  return `http://127.0.0.1:${PORT}${path}`;
}
