{{/* The release's name, or the release's and the chart's; a label takes 63 characters. */}}
{{- define "gateway.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.serviceAccountName" -}}
{{- default (ternary (include "gateway.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{/* What selects pods must never change. */}}
{{- define "gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* What every object begins with. Takes a list: the name, the root. */}}
{{- define "gateway.metadata" -}}
{{- $root := index . 1 -}}
name: {{ index . 0 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "gateway.labels" $root | nindent 2 }}
{{- end -}}

{{/* A digest names exact bytes; a tag can be moved. */}}
{{- define "gateway.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The words after `gateway`, as a list in JSON. */}}
{{- define "gateway.args" -}}
{{- $values := .Values -}}
{{- $args := list "--listen" "0.0.0.0:5443" -}}
{{- if not $values.database.secretName }}{{ $args = concat $args (list "--data" "/var/lib/tagseal") }}{{ end -}}
{{- if $values.tls.enabled -}}
{{- $args = concat $args (list "--tls-cert" "/run/tagseal/tls/tls.crt" "--tls-key" "/run/tagseal/tls/tls.key") -}}
{{- end -}}
{{- if $values.htpasswd.secretName }}{{ $args = concat $args (list "--htpasswd" (printf "/run/tagseal/htpasswd/%s" $values.htpasswd.key)) }}{{ end -}}
{{- if $values.blobCache.enabled }}{{ $args = concat $args (list "--blob-cache" "/var/cache/tagseal" "--blob-cache-size" $values.blobCache.size) }}{{ end -}}
{{- if $values.registry }}{{ $args = concat $args (list "--registry" $values.registry) }}{{ end -}}
{{- range $values.upstreams }}{{ $args = concat $args (list "--upstream" .) }}{{ end -}}
{{- range $values.passThrough }}{{ $args = concat $args (list "--pass-through" .) }}{{ end -}}
{{- if $values.pushes }}{{ $args = append $args "--pushes" }}{{ end -}}
{{- range $values.trustedProxies }}{{ $args = concat $args (list "--trusted-proxies" .) }}{{ end -}}
{{- toJson (concat $args (list "--refresh" $values.refresh "--grace" $values.grace) $values.extraArgs) -}}
{{- end -}}
