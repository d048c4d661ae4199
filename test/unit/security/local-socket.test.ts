/** The local socket: answers root, line by line, and nobody else. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { it } from "node:test";
import { promisify } from "node:util";
import { LocalClient, LocalClientError } from "../../../src/security/process/local-client.js";
import { LocalRequestError, LocalServer } from "../../../src/security/process/local-server.js";
import { temporaryDirectory } from "../../support/security.js";

const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];

interface Heard {
  readonly strangers: (number | undefined)[];
  readonly faults: unknown[];
}

async function serve(path: string, answer = (request: unknown): unknown => ({ heard: request })) {
  const heard: Heard = { strangers: [], faults: [] };
  const server = await LocalServer.listen({
    path,
    answer: async (request) => await Promise.resolve(answer(request)),
    onStranger: (uid) => heard.strangers.push(uid),
    onFault: (error) => heard.faults.push(error),
  });
  return { server, heard, [Symbol.asyncDispose]: () => server.close() };
}

/** What an unprivileged user sees who connects and asks. */
async function askAsNobody(path: string): Promise<string> {
  const script = `
    const socket = require("net").connect(process.argv[1], () => socket.write('{"get":"status"}\\n'));
    socket.on("data", (bytes) => process.stdout.write("answered " + bytes));
    socket.on("error", ({ code }) => process.stdout.write(code));
    socket.on("close", () => process.stdout.write(" closed"));`;
  const { stdout } = await promisify(execFile)("setpriv", [...NOBODY, process.execPath, "-e", script, path]);
  return stdout;
}

it("answers each line with one line, over one connection", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "run", "agent.sock");
  await using local = await serve(path);
  using client = await LocalClient.connect(path);
  assert.deepEqual(await client.ask({ get: "status" }), { heard: { get: "status" } });
  assert.deepEqual(await client.ask({ get: "counters" }), { heard: { get: "counters" } });
  assert.deepEqual(local.heard, { strangers: [], faults: [] });
});

it("file and directory are the owner's alone, and the file goes with the server", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "run", "agent.sock");
  {
    await using _local = await serve(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(directory.path, "run")).mode & 0o777, 0o700);
  }
  assert.equal(existsSync(path), false);
});

it("an unprivileged user is refused by the file, and by who he is where the file lets him", async () => {
  using directory = temporaryDirectory();
  chmodSync(directory.path, 0o755);
  const path = join(directory.path, "agent.sock");
  await using local = await serve(path);
  assert.equal(await askAsNobody(path), "EACCES closed");
  assert.deepEqual(local.heard.strangers, []);
  chmodSync(path, 0o666);
  assert.doesNotMatch(await askAsNobody(path), /answered/);
  assert.deepEqual(local.heard.strangers, [65534]);
  using client = await LocalClient.connect(path);
  assert.ok(await client.ask({}));
});

it("what is no request is answered with a sentence, and the next one is answered", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  await using local = await serve(path, (request) => {
    if (request === 1) throw new LocalRequestError("not that");
    if (request === 2) throw new Error("a fault of ours about 100.64.0.7");
    return { request };
  });
  const socket = connect(path);
  await once(socket, "connect");
  socket.end('nonsense\n1\n2\n"3"\n');
  const lines = (await text(socket)).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { error: 'a request is one line of JSON, such as {"get":"status"}' },
      { error: "not that" },
      { error: "the answer could not be made: see the log of the program" },
      { request: "3" },
    ],
  );
  assert.equal(local.heard.faults.length, 1);
});

it("a line without an end is cut off", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  await using _local = await serve(path);
  const socket = connect(path);
  await once(socket, "connect");
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("x".repeat(100_000));
  await closed;
});

it("takes the place of a killed program's file, and of nothing else", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "agent.sock");
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await promisify(execFile)(process.execPath, ["-e", script, path]).catch(() => undefined);
  assert.ok(existsSync(path), "the killed program left its file");
  await using local = await serve(path);
  await assert.rejects(serve(path), /another program listens on/);
  await local.server.close();
  writeFileSync(path, "somebody's data");
  await assert.rejects(serve(path), /is there and is no socket/);
});

it("does not listen where others could put their own socket", async () => {
  using directory = temporaryDirectory();
  const shared = join(directory.path, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  await assert.rejects(serve(join(shared, "agent.sock")), /others may write/);
});

it("whoever asks where nobody listens, or is hung up on, is told why", async () => {
  using directory = temporaryDirectory();
  await assert.rejects(LocalClient.connect(join(directory.path, "none.sock")), /no agent listens on/);
  const path = join(directory.path, "deaf.sock");
  const deaf = createServer((socket) => socket.destroy())
    .listen(path)
    .unref();
  await once(deaf, "listening");
  using client = await LocalClient.connect(path);
  await assert.rejects(client.ask({ get: "status" }), LocalClientError);
});
