{{/* Makes Prometheus scrape pods. Takes a dictionary: root; component and its name; endpoint, its port, scheme and perhaps tlsConfig. */}}
{{- define "tagseal.serviceMonitor" -}}
{{- $root := .root -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "tagseal.labels" (list .component $root) | nindent 4 }}
    {{- with $root.Values.serviceMonitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "tagseal.selectorLabels" (list .component $root) | nindent 6 }}
  endpoints:
    - path: /metrics
      interval: {{ $root.Values.serviceMonitor.interval }}
      {{- toYaml .endpoint | nindent 6 }}
{{- end -}}
