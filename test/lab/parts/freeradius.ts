/**
 * A real FreeRADIUS 3 for tests and the demo: writes a configuration directory of its own and says which command runs it.
 * Nothing of /etc/freeradius is used.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface FreeradiusClient {
  readonly name: string;
  /** IPv4 or IPv6 address or prefix. */
  readonly address: string;
  readonly secret: string;
}

export interface FreeradiusTls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

export interface FreeradiusHome {
  readonly address: string;
  /** RadSec in place of UDP, `ports.auth` for all. */
  readonly tls?: FreeradiusTls;
  readonly ports: { readonly auth: number; readonly acct: number };
  readonly secret: string;
}

export interface FreeradiusOptions {
  /** Configuration directory; made where it is missing, files in it are overwritten. */
  readonly dir: string;
  /** Address to listen on. Default 127.0.0.1. */
  readonly listen?: string;
  readonly ports: { readonly auth: number; readonly acct: number };
  /** Who may ask. */
  readonly clients: readonly FreeradiusClient[];
  /** Text of the users file, see users(5). Reply attributes go on lines that start with a tab. */
  readonly users: string;
  /** Where this server relays everything instead of answering itself. */
  readonly proxyTo?: FreeradiusHome;
  /** Network namespace to run in, entered by `nsenter --net=`. Default: where we are. */
  readonly netns?: string;
  /** More text for radiusd.conf, by the place where it goes. */
  readonly extra?: {
    readonly modules?: string;
    readonly authorize?: string;
    readonly authenticate?: string;
    readonly postAuth?: string;
    readonly accounting?: string;
    /** Outside of all sections. */
    readonly top?: string;
  };
}

export interface FreeradiusCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Every accounting record that this server accepted, in the `detail` format. */
  readonly detailFile: string;
}

/** Writes the configuration and returns the command that runs the server in the foreground, logging to its standard output. */
export function writeFreeradius(options: FreeradiusOptions): FreeradiusCommand {
  mkdirSync(options.dir, { recursive: true });
  writeFileSync(join(options.dir, "radiusd.conf"), radiusdConf(options), { mode: 0o600 });
  writeFileSync(join(options.dir, "users"), options.users.endsWith("\n") ? options.users : `${options.users}\n`);
  writeFileSync(join(options.dir, "dictionary"), "");
  const radiusd = ["freeradius", "-f", "-l", "stdout", "-d", options.dir, "-n", "radiusd"];
  const [command, ...args] =
    options.netns === undefined ? radiusd : ["nsenter", `--net=/run/netns/${options.netns}`, ...radiusd];
  return { command: command as string, args, detailFile: join(options.dir, "detail") };
}

function radiusdConf(options: FreeradiusOptions): string {
  const { dir, ports, extra = {} } = options;
  const listen = options.listen ?? "127.0.0.1";
  return `prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = ${dir}
confdir = ${dir}
logdir = ${dir}
radacctdir = ${dir}
run_dir = ${dir}
name = aaa
pidfile = ${dir}/aaa.pid
cleanup_delay = 2
max_request_time = 10
max_requests = 65536
hostname_lookups = no
proxy_requests = ${options.proxyTo === undefined ? "no" : "yes"}
log {
  destination = stdout
  auth = no
}
security {
  max_attributes = 200
  reject_delay = 0
  status_server = yes
  allow_vulnerable_openssl = yes
}
thread pool {
  start_servers = 4
  max_servers = 8
  min_spare_servers = 1
  max_spare_servers = 8
  max_requests_per_server = 0
}
${options.clients.map(clientSection).join("\n")}
${options.proxyTo === undefined ? "" : proxySections(options.proxyTo)}
${extra.top ?? ""}
modules {
  pap {
  }
  chap {
  }
  mschap {
    use_mppe = yes
  }
  files {
    usersfile = ${dir}/users
  }
  detail {
    filename = ${dir}/detail
    permissions = 0600
  }
  ${extra.modules ?? ""}
}
server default {
  listen {
    type = auth
    ${addressItem(listen)}
    port = ${ports.auth}
  }
  listen {
    type = acct
    ${addressItem(listen)}
    port = ${ports.acct}
  }
  authorize {
    ${options.proxyTo === undefined ? "files" : TO_HOME}
    chap
    mschap
    ${extra.authorize ?? ""}
    pap
  }
  preacct {
    ${options.proxyTo === undefined ? "" : TO_HOME}
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    ${extra.authenticate ?? ""}
  }
  accounting {
    detail
    ${extra.accounting ?? ""}
  }
  post-auth {
    ${extra.postAuth ?? ""}
  }
}
`;
}

function clientSection(client: FreeradiusClient): string {
  return `client ${client.name} {
  ${addressItem(client.address)}
  secret = ${quoted(client.secret)}
}`;
}

const TO_HOME = `update control {
      Proxy-To-Realm := "home"
    }`;

/**
 * The `tls` section of a RadSec listener or home server. Not TLS 1.3: as a client, FreeRADIUS 3.2.1 sometimes sits on its
 * first request for ten seconds after the handshake.
 */
export function tlsSection({ certificate, key, ca }: FreeradiusTls): string {
  return `tls {
    certificate_file = ${certificate}
    private_key_file = ${key}
    ca_file = ${ca}
    require_client_cert = yes
    tls_min_version = "1.2"
    tls_max_version = "1.2"
    cipher_list = "DEFAULT"
    ecdh_curve = ""
  }`;
}

function radsecSections({ address, ports, tls }: FreeradiusHome & { readonly tls: FreeradiusTls }): string {
  return `home_server home {
  type = auth+acct
  ${addressItem(address)}
  port = ${ports.auth}
  proto = tcp
  secret = radsec
  status_check = none
  ${tlsSection(tls)}
}
home_server_pool home {
  type = fail-over
  home_server = home
}
realm home {
  auth_pool = home
  acct_pool = home
  nostrip
}`;
}

function proxySections(home: FreeradiusHome): string {
  if (home.tls !== undefined) return radsecSections({ ...home, tls: home.tls });
  const server = (type: "auth" | "acct") => `home_server home_${type} {
  type = ${type}
  ${addressItem(home.address)}
  port = ${home.ports[type]}
  secret = ${quoted(home.secret)}
  status_check = none
}
home_server_pool home_${type} {
  type = fail-over
  home_server = home_${type}
}`;
  return `${server("auth")}
${server("acct")}
realm home {
  auth_pool = home_auth
  acct_pool = home_acct
  nostrip
}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

function addressItem(address: string): string {
  return `${address.includes(":") ? "ipv6addr" : "ipaddr"} = ${address}`;
}

export interface RunningFreeradius {
  readonly detailFile: string;
  readonly process: ChildProcess;
  /** What the server wrote so far. */
  output(): string;
  /** Ends the server and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const START_LIMIT_MS = 20_000;

/** Writes the configuration, runs the server and resolves when it takes requests. */
export async function startFreeradius(options: FreeradiusOptions): Promise<RunningFreeradius> {
  const { command, args, detailFile } = writeFreeradius(options);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`FreeRADIUS is not ready:\n${output}`)), START_LIMIT_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("Ready to process requests")) settle(resolve);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (error) => settle(() => reject(error)));
    child.once("exit", (code) => settle(() => reject(new Error(`FreeRADIUS ended with ${code}:\n${output}`))));
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  try {
    await ready;
  } catch (error) {
    await stop("SIGKILL").catch(() => undefined);
    throw error;
  }
  return { detailFile, process: child, output: () => output, stop };
}
