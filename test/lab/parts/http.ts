/** HTTP end points of programs in a namespace. */
import { LabError } from "./errors.js";
import type { Namespace } from "./namespace.js";

/** One connection for one request: a connection that is kept would keep the program. */
const GET = `import { get } from "node:http";
get(process.argv[1], { agent: false, timeout: 5000 }, (response) => {
  process.stdout.write(response.statusCode + "\\n");
  response.pipe(process.stdout);
}).on("timeout", () => process.exit(1)).on("error", () => process.exit(1));`;

/** What `run` calls a program that did not end in time. */
const KILLED = -1;

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Undefined where nobody answers. */
export async function httpGet(namespace: Namespace, url: string): Promise<HttpAnswer | undefined> {
  const argv = [process.execPath, "--input-type=module", "-e", GET, url];
  const { code, stdout } = await namespace.run(argv, { accept: [0, 1, KILLED], timeout: 15_000 });
  if (code !== 0) return undefined;
  const [status = "", ...body] = stdout.split("\n");
  return { status: Number(status), body: body.join("\n") };
}

/** Many questions to one server, one after the other, of one program: a program each is what takes time. */
const GET_ALL = `const answers = [];
for (const url of JSON.parse(process.argv[1])) {
  const response = await fetch(url, { signal: AbortSignal.timeout(20000) });
  answers.push({ status: response.status, body: await response.text() });
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0));`;

/** Throws LabError where somebody does not answer. */
export async function httpGetAll(namespace: Namespace, urls: readonly string[]): Promise<HttpAnswer[]> {
  const argv = [process.execPath, "--input-type=module", "-e", GET_ALL, JSON.stringify(urls)];
  return JSON.parse((await namespace.run(argv)).stdout) as HttpAnswer[];
}

/** Samples of a Prometheus end point: by name with labels, as they are written there. */
export async function readMetrics(namespace: Namespace, url: string): Promise<ReadonlyMap<string, number>> {
  const answer = await httpGet(namespace, url);
  if (answer?.status !== 200) throw new LabError(`${url} does not answer (${answer?.status ?? "no connection"})`);
  const samples = answer.body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
