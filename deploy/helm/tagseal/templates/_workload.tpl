{{/*
The server or the signer: a StatefulSet on a volume, or with a database a Deployment.

Takes a dictionary: root; component and its name; settings; port, its number and name; probes; tlsSecret and clientSecret, names or nothing; passphrase, as in
the values or nothing; database and persistence as in the values; the variable that names the database; replicas, or nothing where something else decides; resources; placement, the
values that say where pods go before the root's do; metricsPort or nothing; and the server's extra parts.
*/}}
{{- define "tagseal.workload" -}}
{{- $root := .root -}}
{{- $embedded := not .database.secretName -}}
{{- $claim := .persistence.existingClaim -}}
{{- /* Files of secrets, because any account that may read the pod can read its variables. */ -}}
{{- $env := list -}}
{{- with .passphrase -}}
{{- $env = append $env (dict "name" "TAGSEAL_SIGNER_PASSPHRASE_FILE" "value" (printf "/run/tagseal/passphrase/%s" .key)) -}}
{{- end -}}
{{- if not $embedded -}}
{{- $env = append $env (dict "name" .databaseVariable "value" (printf "/run/tagseal/database/%s" .database.key)) -}}
{{- end -}}
{{- $env = concat $env (default list .extraEnv) -}}
apiVersion: apps/v1
kind: {{ ternary "StatefulSet" "Deployment" $embedded }}
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "tagseal.labels" (list .component $root) | nindent 4 }}
spec:
  {{- with .replicas }}
  replicas: {{ . }}
  {{- end }}
  {{- if $embedded }}
  serviceName: {{ .name }}
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  {{- end }}
  selector:
    matchLabels:
      {{- include "tagseal.selectorLabels" (list .component $root) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "tagseal.labels" (list .component $root) | nindent 8 }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        # The processes read their settings when they start.
        checksum/settings: {{ .settings | sha256sum }}
        {{- with $root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "tagseal.serviceAccountName" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 40
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with default $root.Values.priorityClassName .placement.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ .component }}
          image: {{ include "tagseal.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .component }}, --config, /etc/tagseal/{{ .component }}.json]
          {{- with $env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: {{ .portName }}
              containerPort: {{ .port }}
            {{- with .metricsPort }}
            - name: metrics
              containerPort: {{ . }}
            {{- end }}
          {{- toYaml .probes | nindent 10 }}
          # Requests still arrive for a moment after the pod was told to end.
          lifecycle:
            preStop:
              sleep:
                seconds: 5
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          resources:
            {{- toYaml .resources | nindent 12 }}
          volumeMounts:
            - name: settings
              mountPath: /etc/tagseal
              readOnly: true
            {{- if .passphrase }}
            - name: passphrase
              mountPath: /run/tagseal/passphrase
              readOnly: true
            {{- end }}
            {{- if .tlsSecret }}
            - name: tls
              mountPath: /run/tagseal/tls
              readOnly: true
            {{- end }}
            {{- if .clientSecret }}
            - name: signer
              mountPath: /run/tagseal/signer
              readOnly: true
            {{- end }}
            {{- if $embedded }}
            - name: data
              mountPath: /var/lib/tagseal
            {{- else }}
            - name: database
              mountPath: /run/tagseal/database
              readOnly: true
            {{- end }}
            {{- with .extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: settings
          configMap:
            name: {{ .name }}
        {{- with .passphrase }}
        - name: passphrase
          secret:
            secretName: {{ .secretName }}
            defaultMode: 288 # 0440, which not every reader of YAML takes for octal
        {{- end }}
        {{- if .tlsSecret }}
        - name: tls
          secret:
            secretName: {{ .tlsSecret }}
            defaultMode: 288 # 0440, which not every reader of YAML takes for octal
        {{- end }}
        {{- if .clientSecret }}
        - name: signer
          secret:
            secretName: {{ .clientSecret }}
            defaultMode: 288 # 0440, which not every reader of YAML takes for octal
        {{- end }}
        {{- if $claim }}
        - name: data
          persistentVolumeClaim:
            claimName: {{ $claim }}
        {{- end }}
        {{- if not $embedded }}
        - name: database
          secret:
            secretName: {{ .database.secretName }}
            defaultMode: 288 # 0440, which not every reader of YAML takes for octal
        {{- end }}
        {{- with .extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if not $embedded }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "tagseal.selectorLabels" (list .component $root) | nindent 14 }}
      {{- end }}
      {{- with default $root.Values.nodeSelector .placement.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with default $root.Values.tolerations .placement.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with default $root.Values.affinity .placement.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- if and $embedded (not $claim) }}
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .persistence.storageClassName }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .persistence.size }}
  {{- end }}
{{- end -}}
