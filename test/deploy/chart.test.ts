/** The chart: rendered by the real helm, checked against the Kubernetes schemas, and for what this product promises of it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Model } from "@kubernetes-models/base";
import { parse, parseAllDocuments, stringify } from "yaml";
import { parseConfig, requireAgentParts, requireGatewayParts } from "../../src/config/load.js";
import type { Config } from "../../src/config/schema.js";
import { generateSealingSeed, sealingKeyFromSeed } from "../../src/security/keys/sealing-key.js";
import { generateSigningSeed, signerFromSeed } from "../../src/security/keys/signing-key.js";
import {
  type Manifest,
  type ManifestContainer,
  type ManifestPodSpec,
  type ManifestPort,
  podTemplates,
  within,
} from "../support/manifests.js";
import { typeErrors } from "../support/type-check.js";

/** From dist/test/deploy. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CHART = join(ROOT, "deploy/helm/submirror");
const EXAMPLE = join(ROOT, "deploy/helm/values-example.yaml");
const BUILD = join(ROOT, "build/deploy");
/** What people may set, each with what it changes. */
const VARIANTS: Readonly<Record<string, object>> = {
  example: {},
  "nats of its own": { nats: { enabled: true } },
  "nats cluster with a configuration of its own": {
    nats: { enabled: true, replicas: 3, configSecret: "nats", storage: { storageClassName: "fast" } },
  },
  "plain nats cluster": { nats: { enabled: true, replicas: 3 }, config: { nats: { servers: [] } } },
  "agents alone": { gateway: { enabled: false }, monitoring: { enabled: false }, agent: { tun: false } },
  "gateways alone": { agent: { enabled: false } },
  everything: {
    nameOverride: "mirror",
    image: { digest: `sha256:${"a".repeat(64)}` },
    imagePullSecrets: [{ name: "pull" }],
    monitoring: { dashboards: true, labels: { release: "prometheus" } },
    agent: {
      seccompProfile: { type: "Localhost", localhostProfile: "submirror.json" },
      tolerations: [{ operator: "Exists" }],
      affinity: { nodeAffinity: {} },
      podAnnotations: { note: "agent" },
      extraEnv: [{ name: "TZ", value: "UTC" }],
    },
    gateway: {
      service: { type: "ClusterIP", annotations: { note: "service" } },
      affinity: { podAntiAffinity: {} },
      podAnnotations: { note: "gateway" },
      extraEnv: [{ name: "TZ", value: "UTC" }],
      tolerations: [{ key: "edge", operator: "Exists" }],
    },
  },
};

function helm(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(ROOT, "build/tools/helm"), args, { encoding: "utf8", maxBuffer: 64 * 1024 ** 2 });
}

function render(name: string): Manifest[] {
  mkdirSync(BUILD, { recursive: true });
  const more = join(BUILD, "values.yaml");
  writeFileSync(more, stringify(VARIANTS[name]));
  const { status, stdout, stderr } = helm("template", "site", CHART, "-n", "li", "-f", EXAMPLE, "-f", more);
  assert.equal(status, 0, stderr);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

const rendered = new Map<string, Manifest[]>();
const of = (variant: string): Manifest[] => rendered.get(variant) ?? [];
const named = (variant: string, kind: string, suffix: string): Manifest => {
  const found = of(variant).find((it) => it.kind === kind && it.metadata.name.endsWith(suffix));
  assert.ok(found, `${variant}: no ${kind} ${suffix}`);
  return found;
};
const podSpec = (manifest: Manifest): ManifestPodSpec => manifest.spec?.template?.spec as ManifestPodSpec;
const container = (manifest: Manifest): ManifestContainer => podSpec(manifest).containers[0] as ManifestContainer;

before(() => {
  for (const name of Object.keys(VARIANTS)) rendered.set(name, render(name));
});

test("helm finds nothing to say, and says what is missing where nothing is set", () => {
  const lint = helm("lint", "--strict", CHART, "-f", EXAMPLE);
  assert.equal(lint.status, 0, lint.stdout + lint.stderr);
  const bare = helm("template", "site", CHART);
  assert.notEqual(bare.status, 0);
  assert.match(bare.stderr, /agent\.config\.interfaces\.access is empty: name the interfaces/);
  const noClients = helm("template", "site", CHART, "--set", "agent.enabled=false", "--set", "gateway.enabled=true");
  assert.match(noClients.stderr, /gateway\.config\.radius\.clients is empty/);
});

test("values that the chart or submirror does not know are refused", () => {
  const mistakes = {
    "agent.resurces.cpu=1": /'\/agent'.*'resurces'/,
    "config.nats.sevrers={x}": /'\/config\/nats'.*'sevrers'/,
    "agent.config.datapath.mode=fast": /'\/agent\/config\/datapath\/mode'/,
    "gateway.config.radius.holdMs=soon": /'\/gateway\/config\/radius\/holdMs'/,
    "gateway.replicas=0": /'\/gateway\/replicas'/,
  };
  for (const [mistake, expected] of Object.entries(mistakes)) {
    const { status, stderr } = helm("template", "site", CHART, "-f", EXAMPLE, "--set", mistake);
    assert.notEqual(status, 0, mistake);
    assert.match(stderr, expected);
  }
});

test("schema of the values and plain manifests are made anew", () => {
  for (const command of [[process.execPath, "dist/deploy/helm/generate.js"], ["scripts/manifests.sh"]]) {
    const [program = "", ...args] = command;
    const { status, stderr } = spawnSync(program, [...args, "--check"], { cwd: ROOT, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  }
});

/** Where the classes of a manifest's kind are. */
function moduleOf({ apiVersion }: Manifest): string {
  if (apiVersion.startsWith("monitoring.coreos.com/")) return `@kubernetes-models/prometheus-operator/${apiVersion}`;
  return `kubernetes-models/${apiVersion}`;
}

test("all that is rendered is valid to Kubernetes", async () => {
  let count = 0;
  for (const [variant, manifests] of rendered) {
    for (const manifest of manifests) {
      const models = (await import(moduleOf(manifest))) as Record<string, new (data: object) => Model<object>>;
      const Kind = models[manifest.kind];
      assert.ok(Kind, `${manifest.apiVersion} ${manifest.kind}`);
      assert.doesNotThrow(
        () => new Kind(manifest).validate(),
        `${variant}: ${manifest.kind} ${manifest.metadata.name}`,
      );
      count++;
    }
  }
  assert.ok(count > 60, `${count} manifests`);
  const { DaemonSet } = await import("kubernetes-models/apps/v1");
  const broken = { ...named("example", "DaemonSet", "-agent"), spec: { template: {} } };
  assert.throws(() => new DaemonSet(broken as never).validate(), /selector/);
});

/** The schemas let unknown fields pass; the types of the same package do not, where an object is written out. */
test("no manifest has a field that Kubernetes does not know", () => {
  const typed = (manifest: Manifest) => ({
    type: `import("${moduleOf(manifest)}").I${manifest.kind}`,
    value: manifest,
  });
  assert.equal(typeErrors("manifests", [...rendered.values()].flat().map(typed)), "");
  const agent = structuredClone(named("example", "DaemonSet", "-agent"));
  Object.assign(podSpec(agent), { hostNetwrok: true });
  assert.match(typeErrors("mistake", [typed(agent)]), /hostNetwrok/, "one would be found");
});

test("agents have three capabilities, everything else none; roots are read-only, and nobody has a token", () => {
  for (const [variant, manifests] of rendered) {
    for (const { kind, spec } of podTemplates(manifests)) {
      assert.equal(spec.automountServiceAccountToken, false, variant);
      assert.ok(["RuntimeDefault", "Localhost"].includes(spec.securityContext.seccompProfile?.type ?? ""));
      for (const { securityContext: context, name } of spec.containers) {
        const added = name === "agent" ? ["BPF", "NET_ADMIN", "PERFMON"] : undefined;
        assert.deepEqual(context.capabilities, { drop: ["ALL"], ...(added && { add: added }) }, `${kind} ${name}`);
        assert.equal(context.privileged, false);
        assert.equal(context.allowPrivilegeEscalation, false);
        assert.equal(context.readOnlyRootFilesystem, true);
        if (name !== "agent") assert.equal(spec.securityContext.runAsNonRoot, true, name);
      }
      const isAgent = spec.containers.some(({ name }) => name === "agent");
      assert.equal(spec.hostNetwork ?? false, isAgent);
      const hostPaths = spec.volumes.flatMap(({ hostPath }) => (hostPath ? [hostPath.path] : []));
      const allowed = isAgent ? ["/sys/fs/bpf", "/var/lib/submirror", "/dev/net/tun"] : [];
      assert.ok(
        hostPaths.every((path) => allowed.includes(path)),
        hostPaths.join(),
      );
      for (const { volumeMounts = [] } of spec.containers)
        for (const { name } of volumeMounts)
          assert.ok(
            spec.volumes.some((volume) => volume.name === name) ||
              named(variant, "StatefulSet", "-nats").spec?.volumeClaimTemplates?.some(
                (it) => it.metadata.name === name,
              ),
            name,
          );
    }
  }
});

test("an upgrade replaces one agent after the other, and a gateway only when its successor is ready", () => {
  const agent = named("example", "DaemonSet", "-agent");
  assert.deepEqual(agent.spec?.updateStrategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } });
  const bpffs = podSpec(agent).volumes.find(({ name }) => name === "bpffs");
  assert.deepEqual(bpffs?.hostPath, { path: "/sys/fs/bpf", type: "Directory" });
  assert.equal(container(agent).lifecycle, undefined);
  const gateway = named("example", "Deployment", "-gateway");
  assert.equal(gateway.spec?.replicas, 2);
  assert.deepEqual(gateway.spec?.strategy?.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
});

const ENVIRONMENT = {
  HOST_IP: "192.0.2.31",
  POD_IP: "192.0.2.32",
  AGENT_SIGNING_KEY: signerFromSeed(generateSigningSeed()).publicKey,
  AGENT_SEALING_KEY: sealingKeyFromSeed(generateSealingSeed()).publicKey,
  GATEWAY_SIGNING_KEY: signerFromSeed(generateSigningSeed()).publicKey,
  BNG1_SECRET: "bng1",
  AAA_SECRET: "aaa",
  DAC_SECRET: "dac",
};

test("agent and gateway take the configuration that they get, and it is what the values say", () => {
  const config = (variant: string, component: string, key: string): Config => {
    const text = named(variant, "ConfigMap", `-${component}`).data?.[key] ?? "";
    return parseConfig(text, key, ENVIRONMENT);
  };
  for (const variant of Object.keys(VARIANTS)) {
    if (variant !== "gateways alone") {
      const agent = requireAgentParts(config(variant, "agent", "submirror.yaml"), variant);
      assert.equal(agent.datapath.pinDirectory, "/bpf/submirror");
      assert.deepEqual(agent.interfaces.access, ["ppp*"]);
      assert.deepEqual([agent.metrics.listen, agent.metrics.port], [ENVIRONMENT.HOST_IP, 9464]);
      assert.equal(agent.security.mode, "strict");
    }
    if (variant !== "agents alone") {
      const gateway = requireGatewayParts(config(variant, "gateway", "gateway.yaml"), variant);
      assert.equal(gateway.radius.spool?.directory, "/var/lib/submirror/spool");
      assert.deepEqual([gateway.metrics.listen, gateway.metrics.gatewayPort], [ENVIRONMENT.POD_IP, 9465]);
    }
  }
  const servers = (variant: string): string[] => config(variant, "agent", "submirror.yaml").nats.servers;
  assert.deepEqual(servers("example"), ["tls://nats.example.net:4222"]);
  assert.deepEqual(servers("plain nats cluster"), ["nats://submirror-nats:4222"]);
});

test("NATS takes the configuration that the chart makes for it", () => {
  for (const variant of ["nats of its own", "plain nats cluster"]) {
    const file = join(BUILD, "nats-server.conf");
    writeFileSync(file, named(variant, "ConfigMap", "-nats").data?.["nats-server.conf"] ?? "");
    const { status, stderr } = spawnSync("nats-server", ["-t", "-c", file], {
      encoding: "utf8",
      env: { ...process.env, POD_NAME: "submirror-nats-0" },
    });
    assert.equal(status, 0, stderr);
  }
});

test("every ${NAME} of the configuration that is not a secret of the site comes from the pod itself", () => {
  const agent = container(named("example", "DaemonSet", "-agent"));
  const gateway = container(named("example", "Deployment", "-gateway"));
  assert.deepEqual(
    agent.env?.map(({ name }) => name),
    ["HOST_IP"],
  );
  assert.deepEqual(
    gateway.env?.map(({ name }) => name),
    ["POD_IP"],
  );
  assert.deepEqual(agent.envFrom, [{ secretRef: { name: "submirror-public-keys" } }]);
});

test("services, budgets, policies and monitors select the pods that they are for, by ports that these have", () => {
  for (const [variant, manifests] of rendered) {
    const templates = podTemplates(manifests);
    let checked = 0;
    for (const manifest of manifests) {
      const selection = within(manifest);
      if (selection === undefined) continue;
      const selected = templates.filter(({ labels }) =>
        Object.entries(selection.labels).every(([key, value]) => labels[key] === value),
      );
      assert.equal(selected.length, 1, `${variant}: ${manifest.kind} ${manifest.metadata.name}`);
      const ports = selected[0]?.spec.containers.flatMap((it) => it.ports ?? []) ?? [];
      for (const wanted of selection.ports)
        assert.ok(
          ports.some((port: ManifestPort) => port.name === wanted),
          `${manifest.kind} ${manifest.metadata.name}: no port ${wanted}`,
        );
      checked++;
    }
    assert.ok(checked > 0, variant);
  }
});

test("the operator gets the alerts as they are, and the jobs have the names that these go by", () => {
  const rule = named("example", "PrometheusRule", "submirror");
  const rules = parse(readFileSync(join(ROOT, "deploy/prometheus/rules.yaml"), "utf8")) as object;
  assert.deepEqual(rule.spec, rules);
  for (const component of ["agent", "gateway"]) {
    const monitor = named("example", "PodMonitor", `-${component}`);
    const [endpoint] = monitor.spec?.podMetricsEndpoints ?? [];
    assert.ok(
      endpoint?.relabelings.some((it) => it.targetLabel === "job" && it.replacement === `submirror-${component}`),
    );
  }
  for (const board of ["service", "node"]) {
    const { data = {} } = named("everything", "ConfigMap", `-dashboard-${board}`);
    const file = readFileSync(join(ROOT, `deploy/grafana/${board}.json`), "utf8");
    assert.deepEqual(JSON.parse(data[`submirror-${board}.json`] ?? ""), JSON.parse(file));
  }
});
