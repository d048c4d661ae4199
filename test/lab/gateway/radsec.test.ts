/** RADIUS over TLS on both sides of the gateway, with the real FreeRADIUS at the other end. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { Registry } from "prom-client";
import { type RadiusConfigInput, radiusConfigSchema } from "../../../src/gateway/config.js";
import { startGateway } from "../../../src/gateway/gateway.js";
import { encodeRequest } from "../../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../../src/radius/codes.js";
import { freePort } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { FakeBus, FakeLog } from "../../unit/gateway/fakes.js";
import { type CertificateFiles, TestAuthority } from "../parts/certificates.js";
import { type FreeradiusOptions, type RunningFreeradius, startFreeradius, tlsSection } from "../parts/freeradius.js";
import { freeUdpPorts } from "../parts/ports.js";
import { radclient } from "../parts/radclient.js";

const SECRET = "over udp";
const USERS = `alice Cleartext-Password := "wonderland"
	Framed-IP-Address = 100.64.0.7,
	Tunnel-Password:1 = "tunnelled",
	ERX-LI-Action = on,
	ERX-Med-Dev-Handle = 0x0000030000000090,
	ERX-Med-Ip-Address = 198.51.100.9,
	ERX-Med-Port-Number = 30030
`;

/** radclient -> FreeRADIUS (the NAS's side) -> TLS -> gateway -> TLS -> FreeRADIUS (the server). */
describe("RadSec", () => {
  let directory: string;
  let authority: TestAuthority;
  let serverFiles: CertificateFiles;
  let nasSide: RunningFreeradius;
  let aaaOptions: FreeradiusOptions;
  let aaa: RunningFreeradius;
  let gateway: ReturnType<typeof startGateway>;
  let nasPorts: { auth: number; acct: number };
  let radsecPort: number;
  const bus = new FakeBus();
  const log = new FakeLog();
  const registry = new Registry();

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "submirror-radsec-"));
    authority = new TestAuthority(directory);
    const { ca } = authority;
    serverFiles = authority.issue("gateway.example");
    const [auth, acct, nasAuth, nasAcct] = (await freeUdpPorts(4)) as [number, number, number, number];
    nasPorts = { auth: nasAuth, acct: nasAcct };
    const aaaTls = await freePort();
    aaaOptions = {
      dir: join(directory, "aaa"),
      ports: { auth, acct },
      clients: [{ name: "unused", address: "192.0.2.1", secret: "unused" }],
      users: USERS,
      extra: { top: radsecListener(aaaTls, { ...authority.issue("aaa.example"), ca }) },
    };
    aaa = await startFreeradius(aaaOptions);
    const config: RadiusConfigInput = {
      listen: { addresses: ["127.0.0.1"], auth: 0, accounting: 0, coa: 0 },
      radsec: {
        addresses: ["127.0.0.1"],
        port: 0,
        ca,
        ...serverFiles,
        clients: [{ name: "bng1", certificateName: "bng1.example", nasIdentifier: "bng1", coa: true }],
      },
      upstreams: [
        {
          name: "aaa1",
          address: "127.0.0.1",
          radsec: { port: aaaTls, serverName: "aaa.example", ca, ...authority.issue("gateway.example", "to-aaa") },
        },
      ],
    };
    gateway = startGateway(radiusConfigSchema.parse(config), { bus, log, metricsRegistry: registry });
    radsecPort = (await gateway.ready).radsec as number;
    nasSide = await startFreeradius({
      dir: join(directory, "nas"),
      ports: { auth: nasAuth, acct: nasAcct },
      clients: [{ name: "loopback", address: "127.0.0.1", secret: SECRET }],
      users: "",
      proxyTo: {
        address: "127.0.0.1",
        ports: { auth: radsecPort, acct: radsecPort },
        secret: "radsec",
        tls: { ...authority.issue("bng1.example"), ca },
      },
    });
    bus.agents = () => [{ node: "edge1", result: "applied" }];
  });
  after(async () => {
    await nasSide.stop();
    await gateway.close();
    await aaa.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it("carries logins, without the LI attributes on the NAS's side", async () => {
    const attributes = ["User-Name = alice", "User-Password = wonderland", "NAS-Identifier = bng1"];
    const answer = await radclient({ port: nasPorts.auth, command: "auth", secret: SECRET, attributes });
    assert.equal(answer.code, "Access-Accept", `${answer.output}${nasSide.output()}${aaa.output()}`);
    assert.equal(answer.attributes["Tunnel-Password:1"], "tunnelled");
    assert.doesNotMatch(answer.output.slice(answer.output.indexOf("Received")), /LI-Action|Med-/);
    assert.equal(bus.lastInstruction?.handle, "0000030000000090");
    const wrong = ["User-Name = alice", "User-Password = underland"];
    assert.equal(
      (await radclient({ port: nasPorts.auth, command: "auth", secret: SECRET, attributes: wrong })).code,
      "Access-Reject",
    );
  });

  it("carries accounting on the same connection", async () => {
    const attributes = ["Acct-Status-Type = Start", "Acct-Session-Id = 1048577", "NAS-Identifier = bng1"];
    const answer = await radclient({ port: nasPorts.acct, command: "acct", secret: SECRET, attributes });
    assert.equal(answer.code, "Accounting-Response", answer.output);
    assert.equal(bus.of("accounting-start").length, 1);
    assert.match(readFileSync(aaa.detailFile, "utf8"), /Acct-Session-Id = "1048577"/);
  });

  const talk = (files?: CertificateFiles) =>
    connect({
      host: "127.0.0.1",
      port: radsecPort,
      servername: "gateway.example",
      ca: readFileSync(authority.ca),
      ...(files === undefined ? {} : { cert: readFileSync(files.certificate), key: readFileSync(files.key) }),
    });
  const ended = (socket: TLSSocket) =>
    new Promise<void>((resolve) => {
      socket.on("error", () => undefined);
      socket.once("close", () => resolve());
    });

  it("takes CoA-Requests where the peer may send them", async () => {
    const socket = talk(authority.issue("bng1.example", "dac"));
    const attributes = [
      { type: TYPE.acctSessionId, value: Buffer.from("1048577") },
      { type: TYPE.nasIdentifier, value: Buffer.from("bng1") },
    ];
    socket.write(encodeRequest({ code: CODE.disconnectRequest, identifier: 1, attributes }, Buffer.from("radsec")));
    const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    assert.equal(answer[0], CODE.disconnectAck);
    socket.destroy();
  });

  it("refuses a peer without a certificate, with an unknown name, and of another authority", async () => {
    await ended(talk());
    await ended(talk(authority.issue("stranger.example")));
    const other = mkdtempSync(join(directory, "other-"));
    await ended(talk(new TestAuthority(other).issue("bng1.example")));
    const metrics = await registry.metrics();
    assert.match(metrics, /dropped_total\{service="auth",reason="untrusted_certificate"\} 2\n/);
    assert.match(metrics, /dropped_total\{service="auth",reason="unknown_client"\} 1\n/);
  });

  it("closes a connection whose framing is lost", async () => {
    const socket = talk(authority.issue("bng1.example", "broken"));
    socket.write(Buffer.from([1, 1, 0, 3, 0, 0]));
    await ended(socket);
  });

  it("uses a renewed certificate for new connections", async () => {
    const serial = async () => {
      const socket = talk(authority.issue("bng1.example", "renewal"));
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const old = await serial();
    authority.issue("gateway.example");
    await until("the new certificate is shown", async () => (await serial()) !== old);
    assert.ok(log.lines.some(({ message }) => message === "a certificate was read again"));
  });

  it("connects again after the server was restarted", async () => {
    const attributes = ["User-Name = alice", "User-Password = wonderland", "NAS-Identifier = bng1"];
    await aaa.stop("SIGKILL");
    aaa = await startFreeradius(aaaOptions);
    const answer = await radclient({ port: nasPorts.auth, command: "auth", secret: SECRET, attributes });
    assert.equal(answer.code, "Access-Accept", answer.output);
  });
});

function radsecListener(port: number, tls: CertificateFiles & { readonly ca: string }): string {
  return `clients radsec {
  client gateway {
    ipaddr = 127.0.0.1
    proto = tls
    secret = radsec
  }
}
listen {
  type = auth+acct
  ipaddr = 127.0.0.1
  port = ${port}
  proto = tcp
  virtual_server = default
  clients = radsec
  ${tlsSection(tls)}
}`;
}
