{{- define "tagseal.disruptionBudget" -}}
{{- $component := index . 0 -}}
{{- $root := index . 1 -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ index . 2 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "tagseal.labels" (list $component $root) | nindent 4 }}
spec:
  maxUnavailable: {{ $root.Values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "tagseal.selectorLabels" (list $component $root) | nindent 6 }}
{{- end -}}
