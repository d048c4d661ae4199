{{- define "submirror.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "submirror.selector" -}}
app.kubernetes.io/name: {{ include "submirror.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "submirror.labels" -}}
{{ include "submirror.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: submirror
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "submirror.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{/* Where NATS is: what the configuration says, else this chart's own. */}}
{{- define "submirror.natsServers" -}}
{{- if .Values.config.nats.servers -}}
{{ toJson .Values.config.nats.servers }}
{{- else if .Values.nats.enabled -}}
["{{ ternary "tls" "nats" (ne .Values.nats.configSecret "") }}://{{ include "submirror.name" . }}-nats:4222"]
{{- else -}}
["tls://nats:4222"]
{{- end -}}
{{- end -}}

{{/* The configuration of one component: what this chart decides, beneath what the values say. */}}
{{- define "submirror.config" -}}
{{- $own := dict "nats" (dict "servers" (fromJsonArray (include "submirror.natsServers" .root))) "security" .security "metrics" .metrics -}}
{{- if .datapath -}}{{- $_ := set $own "datapath" .datapath -}}{{- end -}}
{{- $common := deepCopy .root.Values.config -}}
{{- $_ := unset $common.nats "servers" -}}
{{- toYaml (mergeOverwrite $own $common (deepCopy .config)) -}}
{{- end -}}

{{- define "submirror.agentConfig" -}}
{{- include "submirror.config" (dict "root" . "config" .Values.agent.config
  "security" (dict "signingKeyFile" "/etc/submirror/keys/agent.sign" "sealingKeyFiles" (list "/etc/submirror/keys/agent.seal"))
  "metrics" (dict "listen" "${HOST_IP}" "port" .Values.agent.metricsPort)
  "datapath" (dict "pinDirectory" "/bpf/submirror")) -}}
{{- end -}}

{{- define "submirror.gatewayConfig" -}}
{{- $config := mergeOverwrite (dict "radius" (dict "spool" (dict "directory" "/var/lib/submirror/spool"))) (deepCopy .Values.gateway.config) -}}
{{- include "submirror.config" (dict "root" . "config" $config
  "security" (dict "signingKeyFile" "/etc/submirror/keys/gateway.sign" "stateDirectory" "/var/lib/submirror/state")
  "metrics" (dict "listen" "${POD_IP}" "gatewayPort" .Values.gateway.metricsPort)) -}}
{{- end -}}
