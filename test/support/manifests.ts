/** As much of Kubernetes manifests as tests look at. That they are whole, the Kubernetes schemas say. */

export interface ManifestPort {
  readonly name: string;
}

export interface ManifestContainer {
  readonly name: string;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string }[];
  readonly ports?: readonly ManifestPort[];
  readonly env?: readonly { readonly name: string }[];
  readonly envFrom?: readonly object[];
  readonly lifecycle?: object;
}

export interface ManifestPodSpec {
  readonly containers: readonly ManifestContainer[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
  readonly hostNetwork?: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: {
    readonly runAsNonRoot?: boolean;
    readonly seccompProfile?: { readonly type: string };
  };
}

type Labels = Readonly<Record<string, string>>;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: ManifestPodSpec };
    readonly replicas?: number;
    readonly updateStrategy?: object;
    readonly strategy?: { readonly rollingUpdate: object };
    readonly selector?: Labels & { readonly matchLabels?: Labels };
    readonly podSelector?: { readonly matchLabels: Labels };
    readonly ports?: readonly { readonly targetPort: string }[];
    readonly ingress?: readonly { readonly ports: readonly { readonly port: string }[] }[];
    readonly podMetricsEndpoints?: readonly {
      readonly port: string;
      readonly relabelings: readonly { readonly targetLabel: string; readonly replacement?: string }[];
    }[];
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

export interface PodTemplate {
  readonly kind: string;
  readonly labels: Labels;
  readonly spec: ManifestPodSpec;
}

export function podTemplates(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap(({ kind, spec }) =>
    spec?.template === undefined ? [] : [{ kind, labels: spec.template.metadata.labels, spec: spec.template.spec }],
  );
}

/** The pods that a manifest is about, and their ports that it names; undefined where it is about none. */
export function within({ kind, spec }: Manifest): { labels: Labels; ports: string[] } | undefined {
  const matchLabels = spec?.selector?.matchLabels ?? {};
  switch (kind) {
    case "Service":
      return { labels: spec?.selector as Labels, ports: (spec?.ports ?? []).map(({ targetPort }) => targetPort) };
    case "NetworkPolicy":
      return {
        labels: spec?.podSelector?.matchLabels ?? {},
        ports: (spec?.ingress ?? []).flatMap(({ ports }) => ports.map(({ port }) => port)),
      };
    case "PodMonitor":
      return { labels: matchLabels, ports: (spec?.podMetricsEndpoints ?? []).map(({ port }) => port) };
    case "DaemonSet":
    case "Deployment":
    case "StatefulSet":
    case "PodDisruptionBudget":
      return { labels: matchLabels, ports: [] };
    default:
      return undefined;
  }
}
