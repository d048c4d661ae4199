/** What happens in the demonstration, in order. Every number that it prints was measured, and wrong ones make it fail. */
import type { Window } from "../parts/compare.js";
import { LabError } from "../parts/errors.js";
import { exchange } from "../parts/exchange.js";
import { backlogDrops, backlogNote, explained } from "../parts/host-tuning.js";
import { until } from "../parts/poll.js";
import { Actors, expect, type Session } from "../parts/sessions.js";
import { type System, startSystem, userRecord } from "../parts/system.js";
import { ADDRESS, buildTopology, type Topology } from "../parts/topology.js";
import { ping, startServer } from "../parts/traffic.js";
import { Witness } from "../parts/witness.js";
import { judge } from "./judgement.js";
import { formatFaults, formatOriginals, formatStreams } from "./tables.js";

export const ALICE_LI = { action: "on", handle: "0000030000000090" } as const;
export const BOB_LI = { action: "on", handle: "0000030100000091" } as const;
const SIZE = { downloadBytes: 20_000_000, uploadBytes: 4_000_000 };

export class DemoStory {
  readonly #startedAt = performance.now();

  constructor(private readonly say: (line: string) => void) {}

  /** True where every number is right. */
  async tell(): Promise<boolean> {
    const dropsBefore = backlogDrops();
    const topology = await buildTopology();
    try {
      const right = await this.#tellIn(topology);
      const note = backlogNote(dropsBefore);
      if (!right && note !== undefined) this.say(`  ${note}`);
      return right;
    } catch (error) {
      throw explained(error, dropsBefore);
    } finally {
      await topology.lab.close();
    }
  }

  async #tellIn(topology: Topology): Promise<boolean> {
    const { alice, bob } = topology;
    this.#title("The lab");
    this.say("  Network namespaces: alice and bob (subscribers), edge, server, aaa, mediation.");
    await startServer(topology.server);
    const users = userRecord(alice, ALICE_LI) + userRecord(bob);
    const system = await startSystem(topology, { users });
    this.say("  On the edge: submirror agent with its nats-server, submirror gateway. In aaa: FreeRADIUS.");
    this.say("  In mediation: submirror mediation, which writes one pcapng file a stream.");
    const witness = await Witness.start(topology);

    const actors = new Actors(topology);
    const aliceSession = { subscriber: alice, id: "1048577" };
    await this.#atLogin(actors, aliceSession);
    const bobWindow = await this.#inSession(actors, { subscriber: bob, id: "1048578" }, witness);
    const aliceWindow = await this.#logout(actors, aliceSession, witness, system);

    this.#title("The proof");
    await witness.finish();
    const report = await system.mediation.finish();
    const judgement = await judge({ topology, witness, mediation: system.mediation, report, aliceWindow, bobWindow });
    this.say(formatStreams(judgement.streams));
    this.say(formatOriginals(judgement.originals));
    for (const fact of judgement.facts) this.say(`  ${fact}`);
    this.say(formatFaults(judgement.faults));
    this.say(`  ${((performance.now() - this.#startedAt) / 1000).toFixed(0)} s`);
    return judgement.faults.length === 0;
  }

  async #atLogin(actors: Actors, session: Session): Promise<void> {
    const { subscriber } = session;
    this.#title("At login: alice, whose RADIUS record carries the mirroring attributes");
    const { output, attributes } = await actors.accept(session);
    this.#step(1, "alice logs in; the edge asks RADIUS.");
    if (/LI-Action|Med-/.test(output)) throw new LabError("the Access-Accept shows the NAS the LI attributes");
    this.#step(2, "The Access-Accept carried the attributes; the edge built the policy before the NAS heard of it.");
    this.say(`     The NAS sees: Framed-IP-Address ${attributes["Framed-IP-Address"]}, and nothing of mirroring.`);
    await ping(subscriber.namespace, ADDRESS.server.ipv4, { count: 1 });
    await actors.account(session, "Start");
    await exchange(subscriber, SIZE);
    this.#step(3, "The original traffic went on to where it was going: every download and upload has its checksum.");
    this.#step(4, "Its copy went to the mediation device, from the first packet on.");
    this.#step(5, "The mediation device would now inform the authority; this one writes pcapng files.");
  }

  /** Returns when bob's packets had to be mirrored. */
  async #inSession(actors: Actors, session: Session, witness: Witness): Promise<Window> {
    const { subscriber } = session;
    this.#title("In session: bob, who is online and not mirrored until a CoA-Request says so");
    await actors.login(session);
    await exchange(subscriber, { downloadBytes: 1_000_000, uploadBytes: 500_000 });
    const after = await witness.quiet(subscriber);
    this.#step(1, "bob is online; nothing is mirrored.");
    expect(await actors.changeMirroring(session.id, BOB_LI), "CoA-ACK");
    this.#step(2, "A CoA-Request from the RADIUS server carries the attributes; the edge answers CoA-ACK.");
    await exchange(subscriber, SIZE);
    this.#step(3, "The original traffic goes on.");
    this.#step(4, "The copy goes to the mediation device.");
    const before = await witness.quiet(subscriber);
    expect(await actors.changeMirroring(session.id, { ...BOB_LI, action: "off" }), "CoA-ACK");
    await exchange(subscriber, { downloadBytes: 1_000_000, uploadBytes: 500_000 });
    await witness.quiet(subscriber);
    this.#step(5, "Another CoA-Request stops it: bob goes on, nothing is mirrored.");
    return { after, before };
  }

  /** Returns when alice's packets had to be mirrored. */
  async #logout(actors: Actors, session: Session, witness: Witness, system: System): Promise<Window> {
    this.#title("alice logs out");
    const before = await witness.quiet(session.subscriber);
    await actors.account(session, "Stop");
    await until(async () => (await system.agentMetrics()).get('submirror_intercepts{state="active"}') === 0, {
      what: "the end of alice's intercept",
    });
    await ping(session.subscriber.namespace, ADDRESS.server.ipv4, { count: 3 });
    this.say("  The intercept ended with the session; what comes from her address now is nobody's.");
    return { before };
  }

  #title(text: string): void {
    this.say(`\n${text}`);
  }

  #step(number: number, text: string): void {
    this.say(`  ${number}  ${text}`);
  }
}
