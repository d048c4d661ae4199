import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BpfMap } from "libbpf-ts";
import { DeviceFlags, MediationDevice } from "../../../src/datapath/layout.gen.js";
import { MediationDevices } from "../../../src/datapath/mediation-devices.js";
import type { DatapathOptions } from "../../../src/datapath/options.js";
import { indexKey } from "../../../src/datapath/registers.js";
import { formatAddress } from "../../../src/net/addresses.js";
import { FakeMap } from "./fake-map.js";

const MEDIATION: DatapathOptions["mediation"] = {
  sourceIpv4: "198.51.100.1",
  sourceIpv6: "2001:db8:9::1",
  sourcePort: 30_030,
  ttl: 255,
  dscp: 0,
  udpChecksum: "zero",
  oversize: "fragment",
  way: "auto",
};

class World {
  /** Addresses that an IPsec policy covers. */
  readonly covered = new Set<string>();
  readonly appeared: string[] = [];
  /** What is covered as the kernel had it when it was last asked. */
  #known = new Set<string>();

  constructor(readonly map = new FakeMap(8)) {}

  devices(): MediationDevices {
    return new MediationDevices(this.map as unknown as BpfMap, MEDIATION, {
      lookAtPolicies: () => void (this.#known = new Set(this.covered)),
      isUnderPolicy: ({ destination }) => this.#known.has(formatAddress(destination)),
      appeared: ({ source, destination }) =>
        this.appeared.push(`${formatAddress(source)} ${formatAddress(destination)}`),
    });
  }

  lookAgain(): void {
    this.#known = new Set(this.covered);
  }

  isUnderPolicy(slot: number): boolean {
    const row = MediationDevice.decode(this.map.lookup(indexKey(slot)) ?? assert.fail());
    return (row.flags & DeviceFlags.DEVICE_IPSEC) !== 0;
  }
}

describe("mediation devices", () => {
  test("appear once, with the source address of their family, and are known while they are used", () => {
    const world = new World();
    const devices = world.devices();
    assert.deepEqual(
      ["198.51.100.9", "198.51.100.9", "2001:db8:9::9"].map((address) => devices.take(address)),
      [0, 0, 1],
    );
    assert.deepEqual(world.appeared, ["198.51.100.1 198.51.100.9", "2001:db8:9::1 2001:db8:9::9"]);
    const known = () => devices.peers().map(({ destination }) => formatAddress(destination));
    assert.deepEqual(known(), ["198.51.100.9", "2001:db8:9::9"]);
    devices.release(0);
    devices.release(1);
    assert.deepEqual(known(), ["198.51.100.9"]);
  });

  test("under a policy say so from the first packet on, and follow its end", () => {
    const world = new World();
    const devices = world.devices();
    world.covered.add("198.51.100.9");
    assert.deepEqual([devices.take("198.51.100.9"), devices.take("198.51.100.10")], [0, 1]);
    assert.deepEqual([world.isUnderPolicy(0), world.isUnderPolicy(1)], [true, false]);
    world.covered.delete("198.51.100.9");
    world.covered.add("198.51.100.10");
    world.lookAgain();
    devices.followPolicies();
    assert.deepEqual([world.isUnderPolicy(0), world.isUnderPolicy(1)], [false, true]);
    assert.equal(devices.take("198.51.100.9"), 0, "the same row, whatever the policies");
  });

  test("of an earlier run are the same ones, whatever policies were then", () => {
    const world = new World();
    world.covered.add("198.51.100.9");
    world.devices().take("198.51.100.9");
    assert.equal(world.isUnderPolicy(0), true);
    world.covered.clear();
    const later = world.devices();
    later.adopt([0]);
    world.lookAgain();
    later.followPolicies();
    assert.equal(world.isUnderPolicy(0), false);
    assert.equal(later.take("198.51.100.9"), 0);
    assert.equal(later.used, 1);
  });
});
