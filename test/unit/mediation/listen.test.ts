import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ListenError, parseListenAddress } from "../../../src/mediation/listen.js";

describe("an address to listen on", () => {
  it("is an IP literal, with port and direction where they are given", () => {
    const cases: [string, string, number, string][] = [
      ["198.51.100.9:30031", "198.51.100.9", 30031, "unknown"],
      ["198.51.100.9", "198.51.100.9", 30030, "unknown"],
      ["0.0.0.0:65535/to", "0.0.0.0", 65535, "to"],
      ["198.51.100.9/from", "198.51.100.9", 30030, "from"],
      ["[2001:db8::9]:1", "2001:db8::9", 1, "unknown"],
      ["[2001:db8::9]/to", "2001:db8::9", 30030, "to"],
      ["2001:db8::9", "2001:db8::9", 30030, "unknown"],
      ["2001:db8::9/from", "2001:db8::9", 30030, "from"],
      ["::", "::", 30030, "unknown"],
    ];
    for (const [text, address, port, direction] of cases) {
      assert.deepEqual(parseListenAddress(text), { address, port, direction }, text);
    }
  });

  it("is refused in one sentence that names what is wrong", () => {
    const cases: [string, RegExp][] = [
      ["", /expected an IP address/],
      ["mediation.example:30030", /expected an IP address/],
      ["10.1:30030", /expected an IP address/],
      ["[198.51.100.9]:30030", /expected an IP address/],
      ["[fe80::1%eth0]:30030", /expected an IP address/],
      ["198.51.100.9:0", /port must be 1 to 65535/],
      ["198.51.100.9:70000", /port must be 1 to 65535/],
      ["198.51.100.9:", /port must be 1 to 65535/],
      ["198.51.100.9:30030/both", /direction/],
      ["198.51.100.9:30030/", /direction/],
    ];
    for (const [text, message] of cases) {
      assert.throws(
        () => parseListenAddress(text),
        (error) => error instanceof ListenError && message.test(error.message),
        text,
      );
    }
  });
});
