/** A lab with everything running in it, for one test. */
import { backlogDrops, explained } from "./host-tuning.js";
import { Actors } from "./sessions.js";
import { type System, type SystemOptions, startSystem } from "./system.js";
import { buildTopology, type Topology, type TopologyOptions } from "./topology.js";
import { startServer } from "./traffic.js";
import { Witness } from "./witness.js";

export interface ScenarioOptions extends Omit<SystemOptions, "users"> {
  readonly topology?: TopologyOptions;
  /** Text of FreeRADIUS's users file. */
  readonly users: (topology: Topology) => string;
  /** Comes before agent and gateway; what it returns is added to these options. */
  readonly prepare?: (topology: Topology) => Promise<Partial<Omit<SystemOptions, "users">>>;
}

export interface Scenario {
  readonly topology: Topology;
  readonly system: System;
  readonly witness: Witness;
  readonly actors: Actors;
}

/** Builds, runs `body`, and takes everything down whatever happens. */
export async function withScenario(
  options: ScenarioOptions,
  body: (scenario: Scenario) => Promise<void>,
): Promise<void> {
  const dropsBefore = backlogDrops();
  const topology = await buildTopology(options.topology);
  try {
    await startServer(topology.server);
    const more = await options.prepare?.(topology);
    const system = await startSystem(topology, { ...options, ...more, users: options.users(topology) });
    await body({ topology, system, witness: await Witness.start(topology), actors: new Actors(topology) });
  } catch (error) {
    throw explained(error, dropsBefore);
  } finally {
    await topology.lab.close();
  }
}
