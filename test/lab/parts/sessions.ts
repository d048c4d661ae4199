/** The actors of RADIUS around the gateway: the NAS that subscribers log in at, the server that sends CoA-Requests. */
import { LabError } from "./errors.js";
import { type RadclientAnswer, type RadclientCommand, radclient } from "./radclient.js";
import { type LiAttributes, liLines, NAS, password, SECRET } from "./system.js";
import { ADDRESS, type Subscriber, type Topology } from "./topology.js";

/** A subscriber's session, as the NAS knows it. */
export interface Session {
  readonly subscriber: Subscriber;
  /** Acct-Session-Id */
  readonly id: string;
}

export class Actors {
  constructor(private readonly topology: Topology) {}

  /** The NAS asks whether the subscriber may in. Throws LabError unless it is told yes. */
  async accept({ subscriber, id }: Session): Promise<RadclientAnswer> {
    const answer = await this.#nas("auth", 1812, [
      "Message-Authenticator = 0x00",
      `User-Name = ${subscriber.name}`,
      `User-Password = ${password(subscriber)}`,
      ...identity(subscriber, id),
    ]);
    return expect(answer, "Access-Accept");
  }

  /** Accounting-Start or -Stop. */
  async account({ subscriber, id }: Session, status: "Start" | "Stop"): Promise<RadclientAnswer> {
    const answer = await this.#nas("acct", 1813, [
      `Acct-Status-Type = ${status}`,
      `User-Name = ${subscriber.name}`,
      `Framed-IP-Address = ${subscriber.ipv4}`,
      `Framed-IPv6-Prefix = ${subscriber.framedIpv6Prefix}`,
      `Delegated-IPv6-Prefix = ${subscriber.delegatedIpv6Prefix}`,
      ...(status === "Stop" ? ["Acct-Terminate-Cause = User-Request"] : []),
      ...identity(subscriber, id),
    ]);
    return expect(answer, "Accounting-Response");
  }

  /** The whole login: the Accept, then the start of accounting. */
  async login(session: Session): Promise<void> {
    await this.accept(session);
    await this.account(session, "Start");
  }

  /** A CoA-Request with LI attributes for a session; whatever the answer is. */
  changeMirroring(sessionId: string, li: LiAttributes): Promise<RadclientAnswer> {
    return this.coa([`Acct-Session-Id = ${sessionId}`, ...liLines(li)]);
  }

  /** Any CoA-Request; whatever the answer is. */
  coa(attributes: readonly string[]): Promise<RadclientAnswer> {
    return radclient({
      netns: this.topology.aaa.name,
      address: ADDRESS.edgeToAaa,
      port: 3799,
      command: "coa",
      secret: SECRET.coa,
      attributes: ["Message-Authenticator = 0x00", `NAS-Identifier = ${NAS}`, ...attributes],
    });
  }

  #nas(command: RadclientCommand, port: number, attributes: readonly string[]): Promise<RadclientAnswer> {
    return radclient({ netns: this.topology.edge.name, port, command, secret: SECRET.nas, attributes });
  }
}

function identity(subscriber: Subscriber, id: string): string[] {
  return [`Acct-Session-Id = "${id}"`, `NAS-Identifier = ${NAS}`, `NAS-Port-Id = "${subscriber.accessDevice}"`];
}

export function expect(answer: RadclientAnswer, code: string): RadclientAnswer {
  if (answer.code === code) return answer;
  throw new LabError(`expected ${code}, got ${answer.code ?? "no answer"}:\n${answer.output}`);
}
