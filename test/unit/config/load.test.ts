import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig, parseConfig, requireAgentParts, requireGatewayParts } from "../../../src/config/load.js";
import { printConfig } from "../../../src/config/print.js";
import { ConfigError } from "../../../src/config/problem.js";

function mistakes(yaml: string, environment: NodeJS.ProcessEnv = {}): string[] {
  try {
    requireAgentParts(parseConfig(yaml, "edge1.yaml", environment), "edge1.yaml");
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split("\n");
  }
  return [];
}

const AGENT = "interfaces: { access: [eth1] }\nmediation: { sourceIpv4: 192.0.2.1 }\n";

test("a file that names what there is no default for is enough", () => {
  assert.deepEqual(mistakes(AGENT), []);
  const config = parseConfig(AGENT, "edge1.yaml");
  assert.equal(config.security.mode, "strict");
  assert.equal(config.mediation.ttl, 255);
  assert.equal(config.metrics.port, 9464);
  assert.deepEqual(config.nats.servers, ["nats://127.0.0.1:4222"]);
});

test("three mistakes are three lines, each with its place, path and what was expected", () => {
  const yaml = `node: edge1
nats: { embeded: true }
interfaces:
  access: eth1
mediation:
  sourceIpv4: md.example.net
`;
  assert.deepEqual(mistakes(yaml), [
    "edge1.yaml:2:9: nats.embeded: unknown key; did you mean embedded?",
    "edge1.yaml:4:11: interfaces.access: expected an array",
    "edge1.yaml:6:15: mediation.sourceIpv4: must be an IPv4 address",
  ]);
});

/** Each: the file, and a part of its only message. */
const MISTAKES: readonly [string, string][] = [
  [`${AGENT}metrics: { port: 70000 }`, "edge1.yaml:3:18: metrics.port: expected a value of at most 65535"],
  [`${AGENT}metrics: { port: 1.5 }`, "metrics.port: expected a whole number"],
  [`${AGENT}security: { mode: off }`, "security.mode: expected one of strict, lab"],
  [`${AGENT}datapath: { maxIntercepts: 0 }`, "datapath.maxIntercepts: expected a value of at least 1"],
  [`${AGENT}nats: { servers: [] }`, "nats.servers: expected a number of entries of at least 1"],
  [`${AGENT}nats: { servers: ["http://x"] }`, "nats.servers[0]: must be a NATS URL"],
  [`${AGENT}node: "edge 1"`, "node: must be letters"],
  [`${AGENT}log: { subject: true }`, "log.subject: unknown key; did you mean subjects?"],
  [`${AGENT}colour: blue`, "edge1.yaml:3:1: colour: unknown key; expected one of: node, nats, nas"],
  [`${AGENT}log: 5`, "log: expected an object"],
  ["mediation: { sourceIpv4: 192.0.2.1 }", "interfaces: is missing"],
  ["interfaces: { access: [eth1] }", "mediation: the agent needs sourceIpv4 or sourceIpv6"],
  [
    "interfaces: { core: [eth2] }\nmediation: { sourceIpv4: 192.0.2.1 }",
    "edge1.yaml:1:13: interfaces.access: is missing",
  ],
  ["interfaces: { access: [eth1]\n", "edge1.yaml:2:1: "],
  ["node: a\nnode: b\n", "edge1.yaml:2:1: "],
];

for (const [yaml, message] of MISTAKES) {
  test(`refused: ${message}`, () => {
    const found = mistakes(yaml);
    assert.equal(found.length, 1, found.join("\n"));
    assert.ok(found[0]?.includes(message), found[0]);
  });
}

test("the environment fills in, keeps its type, and is missed where it is not set", () => {
  const yaml = `${AGENT}nats:\n  port: \${PORT}\n  token: "\${TOKEN}"\n  user: \${USER_NAME:-submirror}\n  password: "a$\${b}"\n`;
  const config = parseConfig(yaml, "edge1.yaml", { PORT: "4333", TOKEN: "123" });
  assert.deepEqual(
    [config.nats.port, config.nats.token, config.nats.user, config.nats.password],
    [4333, "123", "submirror", "a${b}"],
  );
  assert.deepEqual(mistakes(yaml, { PORT: "4333" }), [
    "edge1.yaml:5:10: the environment variable TOKEN is not set; set it, or write ${TOKEN:-default}",
  ]);
});

test("a file that is not there is one sentence", () => {
  assert.throws(
    () => loadConfig("/nonexistent/edge1.yaml"),
    /^ConfigError: \/nonexistent\/edge1.yaml: the configuration file does not exist/,
  );
});

test("an empty file is a configuration, though not one for an agent or a gateway", () => {
  const config = parseConfig("", "edge1.yaml");
  assert.throws(() => requireAgentParts(config, "edge1.yaml"), ConfigError);
  assert.throws(() => requireGatewayParts(config, "edge1.yaml"), /radius: is missing/);
});

test("what is printed can be read back, and shows no secret", () => {
  const yaml = `${AGENT}nats: { servers: ["nats://user:pw-in-url@192.0.2.9:4222"], password: pw-in-key, token: token-in-key }
radius:
  clients: [{ name: bng1, address: 192.0.2.10, secret: secret-of-client }]
  upstreams: [{ name: aaa, address: 192.0.2.20, secret: secret-of-upstream }]
`;
  const printed = printConfig(parseConfig(yaml, "edge1.yaml"));
  assert.doesNotMatch(printed, /pw-in|token-in|secret-of/);
  assert.match(printed, /sourceIpv4: 192\.0\.2\.1/);
  assert.match(printed, /password: "\*+"/);
  assert.deepEqual(parseConfig(printed, "printed.yaml").mediation, parseConfig(yaml, "edge1.yaml").mediation);
});
