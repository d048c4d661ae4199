import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  checkMessageAuthenticator,
  encodeRequest,
  encodeResponse,
  isRequestAuthentic,
  isResponseAuthentic,
  requestMessageAuthenticator,
  ZERO_AUTHENTICATOR,
} from "../../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../../src/radius/codes.js";
import { revealPassword } from "../../../src/radius/hiding.js";
import { decodePacket, firstAttribute } from "../../../src/radius/packet.js";
import { attributeOf, bytes } from "./arbitraries.js";

const RFC_SECRET = Buffer.from("xyzzy5461");

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

describe("the examples of the RFCs", () => {
  it("RFC 2865 section 7.1: a login by password, and its Accept", () => {
    const request = decodePacket(
      hex(`01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a
           01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee
           04 06 c0 a8 01 10 05 06 00 00 00 03`),
    );
    const hidden = firstAttribute(request, TYPE.userPassword) as Buffer;
    const password = revealPassword(hidden, { secret: RFC_SECRET, authenticator: request.authenticator });
    assert.equal(password.toString().replaceAll("\0", ""), "arctangent");
    const accept = decodePacket(
      hex(`02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2
           06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03`),
    );
    assert.ok(isResponseAuthentic(accept, RFC_SECRET, request.authenticator));
    const made = encodeResponse(accept, RFC_SECRET, request.authenticator, { messageAuthenticator: false });
    assert.deepEqual(made, accept.bytes);
  });

  it("RFC 5997 section 6.1: Status-Server, signed with Message-Authenticator", () => {
    const request = decodePacket(
      hex(`0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23
           50 12 5a 66 5e 2e 1e 84 11 f3 e2 43 82 20 97 c8 4f a3`),
    );
    assert.equal(requestMessageAuthenticator(request, RFC_SECRET), "good");
    const made = encodeRequest({ ...request, attributes: [] }, RFC_SECRET, request.authenticator);
    assert.deepEqual(made, request.bytes);
    const answer = decodePacket(hex("02 da 00 14 ef 0d 55 2a 4b f2 d6 93 ec 2b 6f e8 b5 41 1d 66"));
    assert.ok(isResponseAuthentic(answer, RFC_SECRET, request.authenticator));
  });
});

const secretOf = () => bytes(1, 40);
const attributesOf = () => fc.array(attributeOf(), { maxLength: 10 });
const flipped = (packet: Buffer, at: number) => {
  const copy = Buffer.from(packet);
  const index = at % copy.length;
  copy[index] = (copy[index] as number) ^ 0x40;
  return copy;
};

describe("authenticators", () => {
  it("of requests hold for their secret alone, and for no changed byte", () => {
    const codes = fc.constantFrom(CODE.accountingRequest, CODE.coaRequest, CODE.disconnectRequest);
    fc.assert(
      fc.property(codes, secretOf(), secretOf(), attributesOf(), fc.nat(), (code, secret, other, attributes, at) => {
        const packet = decodePacket(encodeRequest({ code, identifier: 7, attributes }, secret));
        assert.ok(isRequestAuthentic(packet, secret));
        assert.equal(requestMessageAuthenticator(packet, secret), "good");
        assert.equal(isRequestAuthentic(packet, other), secret.equals(other));
        // Byte 2 and 3 are the length: another length is another packet, or none.
        const offset = 4 + (at % (packet.bytes.length - 4));
        const changed = { ...packet, bytes: flipped(packet.bytes, offset) };
        changed.authenticator = changed.bytes.subarray(4, 20);
        assert.equal(isRequestAuthentic(changed, secret), false);
      }),
    );
  });

  it("of responses depend on the request", () => {
    fc.assert(
      fc.property(secretOf(), bytes(16, 16), bytes(16, 16), attributesOf(), (secret, request, other, attributes) => {
        const answer = decodePacket(
          encodeResponse({ code: CODE.accessAccept, identifier: 7, attributes }, secret, request),
        );
        assert.ok(isResponseAuthentic(answer, secret, request));
        assert.equal(checkMessageAuthenticator(answer, secret, request), "good");
        if (request.equals(other)) return;
        assert.equal(isResponseAuthentic(answer, secret, other), false);
        assert.equal(checkMessageAuthenticator(answer, secret, other), "bad");
      }),
    );
  });

  it("put Message-Authenticator first, and only one", () => {
    const old = { type: TYPE.messageAuthenticator, value: Buffer.alloc(16, 7) };
    const name = { type: TYPE.userName, value: Buffer.from("alice") };
    const packet = decodePacket(
      encodeRequest(
        { code: CODE.accessRequest, identifier: 1, attributes: [name, old] },
        RFC_SECRET,
        ZERO_AUTHENTICATOR,
      ),
    );
    assert.deepEqual(
      packet.attributes.map(({ type }) => type),
      [TYPE.messageAuthenticator, TYPE.userName],
    );
  });

  it("call a Message-Authenticator of a wrong length, or two of them, bad", () => {
    const { accessRequest: code } = CODE;
    const short = { type: TYPE.messageAuthenticator, value: Buffer.alloc(15) };
    const sign = (attributes: { type: number; value: Buffer }[]) =>
      decodePacket(encodeRequest({ code, identifier: 1, attributes }, RFC_SECRET, ZERO_AUTHENTICATOR));
    const signed = sign([]);
    const withExtra = (extra: { type: number; value: Buffer }) => ({
      ...signed,
      attributes: [...signed.attributes, extra],
    });
    assert.equal(checkMessageAuthenticator({ ...signed, attributes: [short] }, RFC_SECRET, ZERO_AUTHENTICATOR), "bad");
    const twice = withExtra(signed.attributes[0] as { type: number; value: Buffer });
    assert.equal(checkMessageAuthenticator(twice, RFC_SECRET, ZERO_AUTHENTICATOR), "bad");
    assert.equal(checkMessageAuthenticator({ ...signed, attributes: [] }, RFC_SECRET, ZERO_AUTHENTICATOR), "absent");
  });
});
