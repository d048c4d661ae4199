/**
 * Every way to log in, through the gateway to the real FreeRADIUS and from real clients, with a recorder on either side
 * of the gateway: what comes out differs from what went in only where it must.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { loadDictionary } from "../../../src/gateway/dictionaries.js";
import { type Hop, revealPassword, revealSalted } from "../../../src/radius/hiding.js";
import { withoutLi } from "../../../src/radius/li.js";
import { type Attribute, decodePacket, type ReceivedPacket } from "../../../src/radius/packet.js";
import { subAttributes, vendorOf } from "../../../src/radius/vendor.js";
import { TestAuthority } from "../parts/certificates.js";
import { radclient } from "../parts/radclient.js";
import { UdpRecorder } from "../parts/udp-recorder.js";
import { AAA_SECRET, type Door, NAS_SECRET, openDoor } from "./door.js";

const USERS = `alice Cleartext-Password := "wonderland"
	Framed-IP-Address = 100.64.0.7,
	ERX-LI-Action = on,
	ERX-Med-Dev-Handle = 0x0000030000000090,
	ERX-Med-Ip-Address = 198.51.100.9,
	ERX-Med-Port-Number = 30030,
	Session-Timeout = 3600,
	Tunnel-Password:3 = "tunnelled",
	Class = 0x0102
`;

function eapSections(authority: TestAuthority) {
  const { certificate, key } = authority.issue("aaa.example");
  return {
    modules: `eap {
      default_eap_type = md5
      timer_expire = 60
      max_sessions = 4096
      md5 {
      }
      tls-config tls-common {
        private_key_file = ${key}
        certificate_file = ${certificate}
        ca_file = ${authority.ca}
        tls_min_version = "1.2"
        tls_max_version = "1.2"
      }
      ttls {
        tls = tls-common
        default_eap_type = md5
        virtual_server = inner
      }
      peap {
        tls = tls-common
        default_eap_type = mschapv2
        virtual_server = inner
      }
      mschapv2 {
      }
    }`,
    authorize: "eap",
    authenticate: "eap",
    top: `server inner {
      authorize {
        files
        mschap
        eap
        pap
      }
      authenticate {
        Auth-Type PAP {
          pap
        }
        Auth-Type MS-CHAP {
          mschap
        }
        eap
      }
    }`,
  };
}

describe("ways to log in", () => {
  let directory: string;
  let door: Door;
  let outside: UdpRecorder;
  let inside: UdpRecorder;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "submirror-eap-"));
    const authority = new TestAuthority(directory);
    let recorder: UdpRecorder | undefined;
    door = await openDoor({ users: USERS, extra: eapSections(authority) }, {}, async (aaaPort) => {
      recorder = await UdpRecorder.open(aaaPort);
      return recorder.port;
    });
    inside = recorder as UdpRecorder;
    outside = await UdpRecorder.open(door.ports.auth);
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
  });
  after(async () => {
    await outside[Symbol.asyncDispose]();
    await door[Symbol.asyncDispose]();
    await inside[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    outside.passed.length = 0;
    inside.passed.length = 0;
  });

  for (const method of ["User-Password", "CHAP-Password", "MS-CHAP-Password"]) {
    it(`${method}, by radclient`, async () => {
      const answer = await radclient({
        port: outside.port,
        command: "auth",
        secret: NAS_SECRET,
        attributes: [
          "User-Name = alice",
          `${method} = wonderland`,
          "NAS-Identifier = bng1",
          "Proxy-State = 0x616263",
          "Message-Authenticator = 0x00",
          "Calling-Station-Id = line-7",
          'Cisco-AVPair = "client-mac=0200.5e10.0001"',
        ],
      });
      assert.equal(answer.code, "Access-Accept", answer.output);
      assert.equal(answer.attributes["Tunnel-Password:3"], "tunnelled");
      assertOnlyWhatMust(outside, inside);
    });
  }

  const EAP: Readonly<Record<string, string>> = {
    "EAP-MD5": "eap=MD5",
    "EAP-TTLS with PAP": 'eap=TTLS\n  phase2="auth=PAP"\n  anonymous_identity="alice"',
    "PEAP with MS-CHAPv2": 'eap=PEAP\n  phase2="auth=MSCHAPV2"\n  anonymous_identity="alice"',
  };
  for (const [name, settings] of Object.entries(EAP)) {
    it(`${name}, by eapol_test`, async () => {
      const file = join(directory, "eapol.conf");
      writeFileSync(
        file,
        `network={\n  key_mgmt=IEEE8021X\n  eapol_flags=0\n  identity="alice"\n  password="wonderland"\n  ca_cert="${directory}/ca.pem"\n  ${settings}\n}\n`,
      );
      // MD5 makes no keys to compare.
      const keys = name === "EAP-MD5" ? ["-n"] : [];
      const output = await eapolTest(["-c", file, ...keys, "-p", String(outside.port), "-s", NAS_SECRET, "-t", "10"]);
      assert.match(output, /\nSUCCESS\n/, output.slice(-3000));
      if (name !== "EAP-MD5") assert.match(output, /MPPE keys OK: 1 {2}mismatch: 0/);
      const rounds = outside.passed.filter(({ direction }) => direction === "up").length;
      assert.ok(rounds >= (name === "EAP-MD5" ? 2 : 5), `${rounds} rounds`);
      assertOnlyWhatMust(outside, inside);
    });
  }

  it("a wrong password is refused in each of them", async () => {
    const attributes = ["User-Name = alice", "CHAP-Password = underland", "Message-Authenticator = 0x00"];
    const answer = await radclient({ port: outside.port, command: "auth", secret: NAS_SECRET, attributes });
    assert.equal(answer.code, "Access-Reject");
    const file = join(directory, "wrong.conf");
    writeFileSync(
      file,
      'network={\n  key_mgmt=IEEE8021X\n  eapol_flags=0\n  identity="alice"\n  password="underland"\n  eap=MD5\n}\n',
    );
    const output = await eapolTest(["-c", file, "-n", "-p", String(outside.port), "-s", NAS_SECRET, "-t", "10"]);
    assert.match(output, /\nFAILURE\n/, output.slice(-3000));
  });
});

async function eapolTest(args: readonly string[]): Promise<string> {
  const child = spawn("eapol_test", [...args, "-a", "127.0.0.1"]);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return output;
}

/** Compares every packet outside with the one inside that it became or came from. */
function assertOnlyWhatMust(outside: UdpRecorder, inside: UdpRecorder): void {
  const [upOutside, upInside] = [outside, inside].map((recorder) => packets(recorder, "up")) as [
    ReceivedPacket[],
    ReceivedPacket[],
  ];
  const [downOutside, downInside] = [outside, inside].map((recorder) => packets(recorder, "down")) as [
    ReceivedPacket[],
    ReceivedPacket[],
  ];
  assert.equal(upInside.length, upOutside.length);
  assert.equal(downOutside.length, downInside.length);
  assert.ok(upOutside.length > 0);
  for (const [index, request] of upOutside.entries()) {
    const forwarded = upInside[index] as ReceivedPacket;
    const nasHop = { secret: Buffer.from(NAS_SECRET), authenticator: request.authenticator };
    const aaaHop = { secret: Buffer.from(AAA_SECRET), authenticator: forwarded.authenticator };
    const sent = plain(forwarded.attributes, aaaHop);
    // Ours, last; and where the authenticator was the CHAP challenge, the challenge in front of it.
    assert.equal(sent.pop()?.type, 33);
    if (has(request, 3) && !has(request, 60)) {
      assert.deepEqual(sent.pop(), { type: 60, value: request.authenticator });
    }
    assert.deepEqual(sent, plain(request.attributes, nasHop));
    assert.equal(forwarded.attributes[0]?.type, 80);
    const answer = downOutside[index] as ReceivedPacket;
    const original = downInside[index] as ReceivedPacket;
    assert.equal(answer.code, original.code);
    assert.equal(answer.identifier, request.identifier);
    assert.equal(answer.attributes[0]?.type, 80);
    const own = forwarded.attributes.at(-1)?.value as Buffer;
    const expected = plain(withoutLi(original.attributes), aaaHop).filter(
      ({ type, value }) => type !== 33 || !value.equals(own),
    );
    assert.deepEqual(plain(answer.attributes, nasHop), expected);
  }
  // The last answer of a login that succeeds had LI attributes, and has none outside.
  const accept = downInside.at(-1) as ReceivedPacket;
  if (accept.code === 2) assert.notEqual(withoutLi(accept.attributes), accept.attributes);
}

function packets(recorder: UdpRecorder, direction: "up" | "down"): ReceivedPacket[] {
  return recorder.passed.filter((each) => each.direction === direction).map(({ bytes }) => decodePacket(bytes));
}

function has(packet: ReceivedPacket, type: number): boolean {
  return packet.attributes.some((attribute) => attribute.type === type);
}

const DICTIONARY = loadDictionary();

/** What the attributes say, hop by hop hidden ones in the clear, without Message-Authenticator. */
function plain(attributes: readonly Attribute[], hop: Hop): { type: number; value: Buffer }[] {
  return attributes
    .filter(({ type }) => type !== 80)
    .map(({ type, value }) => ({ type, value: Buffer.from(revealed(type, value, hop)) }));
}

function revealed(type: number, value: Buffer, hop: Hop): Buffer {
  if (type === 26) return Buffer.concat([value.subarray(0, 4), ...vendorParts(value, hop)]);
  const hiding = DICTIONARY.standard.get(type)?.hiding;
  if (hiding === "password") return revealPassword(value, hop);
  return hiding === "salted" ? Buffer.concat([value.subarray(0, 3), revealSalted(value.subarray(1), hop)]) : value;
}

function vendorParts(value: Buffer, hop: Hop): Buffer[] {
  const vendor = DICTIONARY.vendors.get(vendorOf(value) ?? -1);
  return (subAttributes(value) ?? []).map((sub) => {
    const hiding = vendor?.attributes.get(sub.type)?.hiding ?? "none";
    if (hiding === "none") return sub.bytes;
    const shown = hiding === "salted" ? revealSalted(sub.value, hop) : revealPassword(sub.value, hop);
    return Buffer.concat([Buffer.of(sub.type), shown]);
  });
}
