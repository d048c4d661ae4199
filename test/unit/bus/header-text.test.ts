import assert from "node:assert/strict";
import { test } from "node:test";
import { headers } from "@nats-io/transport-node";
import { headerIn, headerText } from "../../../src/bus/header-text.js";

const [SUBJECT, REPLY] = ["s.1", "$JS.ACK.S.c.1.1.1.1.0"];

/** As it came from the wire: headers in front of the data, something else in front of both. */
function message(text: string, body: string, bytesBefore = 7) {
  const wire = Buffer.concat([Buffer.alloc(bytesBefore, "x"), Buffer.from(text), Buffer.from(body)]);
  const data = wire.subarray(bytesBefore + text.length);
  const size = () => SUBJECT.length + REPLY.length + text.length + body.length;
  return { subject: SUBJECT, reply: REPLY, data, headers: undefined, size };
}

test("headers are read from where they came", () => {
  for (const body of ["{}", ""]) {
    const text = headerText(message("NATS/1.0\r\nOne: 1\r\nTwo:two\r\nOneMore: \r\n\r\n", body));
    assert.deepEqual(
      ["One", "Two", "OneMore", "More", "two"].map((name) => headerIn(text, name)),
      ["1", "two", "", undefined, undefined],
    );
  }
});

test("a message without headers has none", () => {
  assert.equal(headerText(message("", "{}")), "");
  assert.equal(headerIn("", "One"), undefined);
});

test("where they are not in front of the data, the client is asked", () => {
  const about = headers();
  about.append("One", "1");
  about.append("One", "2");
  const moved = { ...message("NATS/1.0\r\nOne: 1\r\nOne: 2\r\n\r\n", "{}"), data: Buffer.from("{}"), headers: about };
  for (const sized of [moved, { ...moved, size: undefined }]) {
    const { size, ...rest } = sized;
    const text = headerText(size === undefined ? rest : { ...rest, size });
    assert.equal(text, "NATS/1.0\r\nOne: 1\r\nOne: 2\r\n\r\n");
    assert.equal(headerIn(text, "One"), "1");
  }
});
