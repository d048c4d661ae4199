/** The demonstration's lab, and a shell on the edge: to look around, to capture, to try things out. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { Actors } from "./parts/sessions.js";
import { SECRET, SUBMIRROR, startSystem, userRecord } from "./parts/system.js";
import { ADDRESS, buildTopology } from "./parts/topology.js";
import { startServer } from "./parts/traffic.js";

const topology = await buildTopology();
const { lab, edge, alice, bob, server, aaa, mediation } = topology;
try {
  await startServer(server);
  const users = userRecord(alice, { action: "on", handle: "0000030000000090" }) + userRecord(bob);
  const system = await startSystem(topology, { users });
  const actors = new Actors(topology);
  await actors.login({ subscriber: alice, id: "1048577" });
  await actors.login({ subscriber: bob, id: "1048578" });
  const namespaces = { alice: alice.namespace, bob: bob.namespace, server, aaa, mediation };
  const variables = Object.entries(namespaces).map(([name, { name: netns }]) => [
    name,
    `nsenter --net=/run/netns/${netns}`,
  ]);
  process.stdout.write(`This is the edge. alice (mirrored) and bob (not) are logged in.
  $alice COMMAND, $bob, $server, $aaa, $mediation run a command elsewhere: $alice ping ${ADDRESS.server.ipv4}
  submirror status, top, intercepts --subjects, doctor --mediation ${ADDRESS.mediation.ipv4}
  mirrored packets: ${system.mediation.out}
  logs, configuration, captures: ${lab.directory}
  mirror bob: printf 'Acct-Session-Id=1048578\\nERX-LI-Action=on\\nERX-Med-Dev-Handle=0x0000030100000091\\n\\
    ERX-Med-Ip-Address=${ADDRESS.mediation.ipv4}\\nERX-Med-Port-Number=30030\\n' | $aaa radclient -x ${ADDRESS.edgeToAaa}:3799 coa ${SECRET.coa}
  exit takes everything down.
`);
  const [command = "", ...args] = edge.enter(["bash", "--norc", "-i"]);
  const env = { ...process.env, ...(Object.fromEntries(variables) as Record<string, string>), PS1: "edge# " };
  Object.assign(env, { PATH: `${binDirectory()}:${process.env["PATH"]}`, SUBMIRROR_CONFIG: system.configFile });
  spawnSync(command, args, { stdio: "inherit", env });
} finally {
  await lab.close();
}

/** With `submirror` in it, as it is called where it is installed. */
function binDirectory(): string {
  const directory = lab.path("bin");
  mkdirSync(directory);
  writeFileSync(`${directory}/submirror`, `#!/bin/sh\nexec ${process.execPath} ${SUBMIRROR} "$@"\n`, { mode: 0o755 });
  return directory;
}
