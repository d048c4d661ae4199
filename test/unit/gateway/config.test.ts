import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RadiusConfigInput, radiusConfigSchema } from "../../../src/gateway/config.js";

const GOOD: RadiusConfigInput = {
  clients: [{ name: "bng1", address: "192.0.2.1", secret: "s1" }],
  upstreams: [{ name: "aaa1", address: "192.0.2.10", secret: "s2" }],
};

function problems(config: unknown): string[] {
  const { error } = radiusConfigSchema.safeParse(config);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("the configuration of the gateway", () => {
  it("is short where the defaults will do", () => {
    const config = radiusConfigSchema.parse(GOOD);
    assert.deepEqual(
      [config.listen.auth, config.listen.accounting, config.listen.coa, config.holdMs],
      [1812, 1813, 3799, 300],
    );
    assert.equal(config.clients[0]?.requireMessageAuthenticator, true);
    assert.equal(config.saltAuthenticator, "zero");
  });

  it("says everything that is wrong, and no secret", () => {
    const found = problems({
      listen: { addresses: ["localhost"], auth: 70_000 },
      clients: [
        { name: "bng 1", address: "192.0.2.0/33", secret: "" },
        { name: "bng2", address: "bng.example", secret: "whisper", nasIdentifer: "x" },
      ],
      upstreams: [{ name: "aaa1", address: "192.0.2.10" }],
      http: { address: "0.0.0.0", password: "whisper" },
    });
    const expected = [
      /^listen\.addresses\.0: expected an IPv4 or IPv6 address$/,
      /^listen\.auth: expected a port from 0 to 65535$/,
      /^clients\.0\.name: expected 1 to 64 letters/,
      /^clients\.0\.address: expected .* a prefix/,
      /^clients\.0\.secret: expected a shared secret/,
      /^clients\.1\.address: expected .* a prefix/,
      /^clients\.1: .*nasIdentifer/,
      /^upstreams\.0\.secret: expected a shared secret, or radsec$/,
      /^http\.address: expected a loopback address$/,
      /^http\.password: expected a password of at least 16 characters$/,
    ];
    for (const pattern of expected)
      assert.ok(
        found.some((line) => pattern.test(line)),
        `${pattern} in\n${found.join("\n")}`,
      );
    assert.equal(found.length, expected.length, found.join("\n"));
    assert.doesNotMatch(found.join("\n"), /whisper/);
  });

  it("needs somebody to serve, and somebody to ask", () => {
    assert.deepEqual(problems({}), ["clients: expected at least one client (NAS), here or in radsec.clients, or http"]);
    assert.deepEqual(problems({ clients: GOOD.clients }), ["upstreams: expected at least one upstream RADIUS server"]);
    assert.deepEqual(problems({ http: { password: "sixteen letters or more" } }), []);
  });

  it("has no name twice", () => {
    const twice = [...(GOOD.clients ?? []), ...(GOOD.clients ?? [])];
    assert.deepEqual(problems({ ...GOOD, clients: twice }), ["clients: expected names that differ from one another"]);
  });
});
