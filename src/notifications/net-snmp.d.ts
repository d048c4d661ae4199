/** The part of net-snmp that is used here; the package has no types of its own. */
declare module "net-snmp" {
  export const Version3: number;
  export const SecurityLevel: { readonly authPriv: number };
  export const AuthProtocols: Readonly<Record<"sha" | "sha224" | "sha256" | "sha384" | "sha512", string>>;
  export const PrivProtocols: Readonly<Record<"aes" | "aes256b" | "aes256r", string>>;
  export const ObjectType: Readonly<
    Record<"Integer" | "OctetString" | "OID" | "IpAddress" | "Gauge" | "TimeTicks" | "Counter64", number>
  >;

  export interface User {
    readonly name: string;
    readonly level: number;
    readonly authProtocol: string;
    readonly authKey: string;
    readonly privProtocol: string;
    readonly privKey: string;
  }

  export interface Varbind {
    readonly oid: string;
    readonly type: number;
    readonly value: number | string | Buffer;
  }

  /** A request on its way out: encoded when it is sent. */
  export interface Request {
    readonly message: {
      readonly msgSecurityParameters: { msgAuthoritativeEngineBoots: number; msgAuthoritativeEngineTime: number };
    };
  }

  export interface SessionOptions {
    readonly version: number;
    readonly transport: "udp4" | "udp6";
    readonly trapPort: number;
    /** Hex. */
    readonly engineID: string;
    readonly retries: number;
    /** Milliseconds. */
    readonly timeout: number;
    /** Stands for node:dgram. */
    readonly dgramModule: { createSocket(type: "udp4" | "udp6"): unknown };
  }

  export interface NotificationOptions {
    /** Hundredths of a second. */
    readonly upTime: number;
  }

  type Done = (error: Error | null) => void;

  export interface Session {
    trap(oid: string, varbinds: readonly Varbind[], options: NotificationOptions, done: Done): void;
    inform(oid: string, varbinds: readonly Varbind[], options: NotificationOptions, done: Done): void;
    send(request: Request, noWait?: boolean): void;
    on(event: "error", listener: (error: Error) => void): void;
    close(): void;
  }

  export function createV3Session(target: string, user: User, options: SessionOptions): Session;
}
