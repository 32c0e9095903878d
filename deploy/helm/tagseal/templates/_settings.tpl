{{/* Configuration files: the chart's settings, overridden by the values. Paths are those of _workload.tpl. */}}
{{- define "tagseal.serverSettings" -}}
{{- $server := dict "http_addr" ":4443" -}}
{{- if .Values.tls.enabled -}}
{{- $_ := set $server "tls_cert_file" "/run/tagseal/tls/tls.crt" -}}
{{- $_ := set $server "tls_key_file" "/run/tagseal/tls/tls.key" -}}
{{- end -}}
{{- $settings := dict "server" $server -}}
{{- if not .Values.database.secretName -}}
{{- $_ := set $server "data_directory" "/var/lib/tagseal" -}}
{{- end -}}
{{- if .Values.signer.enabled -}}
{{- $signer := dict "type" "remote" "hostname" (printf "%s-signer" (include "tagseal.fullname" .)) "port" "7899" -}}
{{- $_ := set $signer "tls_ca_file" "/run/tagseal/signer/ca.crt" -}}
{{- $_ := set $signer "tls_client_cert" "/run/tagseal/signer/tls.crt" -}}
{{- $_ := set $signer "tls_client_key" "/run/tagseal/signer/tls.key" -}}
{{- $_ := set $settings "trust_service" $signer -}}
{{- end -}}
{{- mergeOverwrite $settings (deepCopy .Values.config) | toPrettyJson -}}
{{- end -}}

{{- define "tagseal.signerSettings" -}}
{{- $server := dict "grpc_addr" ":7899" -}}
{{- $_ := set $server "tls_cert_file" "/run/tagseal/tls/tls.crt" -}}
{{- $_ := set $server "tls_key_file" "/run/tagseal/tls/tls.key" -}}
{{- $_ := set $server "client_ca_file" "/run/tagseal/tls/ca.crt" -}}
{{- if not .Values.signer.database.secretName -}}
{{- $_ := set $server "data_directory" "/var/lib/tagseal" -}}
{{- end -}}
{{- $settings := dict "server" $server -}}
{{- if .Values.signer.metrics.enabled -}}
{{- $_ := set $settings "metrics" (dict "http_addr" "0.0.0.0:9464") -}}
{{- end -}}
{{- mergeOverwrite $settings (deepCopy .Values.signer.config) | toPrettyJson -}}
{{- end -}}
