{{- define "astrolabe.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The names of cluster-scoped objects tell the releases of several namespaces apart. */}}
{{- define "astrolabe.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "astrolabe.name" .) -}}
{{- end -}}

{{- define "astrolabe.selector" -}}
app.kubernetes.io/name: astrolabe
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "astrolabe.redisSelector" -}}
app.kubernetes.io/name: astrolabe-redis
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "astrolabe.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "astrolabe.labels" -}}
{{ include "astrolabe.selector" . }}
{{ include "astrolabe.commonLabels" . }}
{{- end -}}

{{- define "astrolabe.redisLabels" -}}
{{ include "astrolabe.redisSelector" . }}
{{ include "astrolabe.commonLabels" . }}
{{- end -}}

{{- define "astrolabe.serviceAccountName" -}}
{{- default (include "astrolabe.name" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "astrolabe.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "astrolabe.redisName" -}}
{{- printf "%s-redis" (include "astrolabe.name" .) -}}
{{- end -}}

{{/* Not empty when the Redis of this chart is wanted. */}}
{{- define "astrolabe.bundledRedis" -}}
{{- with .Values.persistence -}}
{{- if and .enabled (not .address) (not .urlSecret.name) -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The command line, one flag a line of YAML. */}}
{{- define "astrolabe.args" -}}
- --log-format={{ .Values.log.format }}
- --v={{ .Values.log.level }}
- {{ printf "--label-selector=%s" .Values.labelSelector | quote }}
- --selector-mode={{ .Values.selectorMode }}
{{- if .Values.namespaces }}
- --namespaces={{ join "," .Values.namespaces }}
{{- end }}
{{- if .Values.kinds }}
- --kinds={{ join "," .Values.kinds }}
{{- else if .Values.namespaces }}
- --kinds={{ .Files.Get "files/namespaced-kinds.txt" | trim }}
{{- end }}
{{- if .Values.persistence.enabled }}
- --enable-persistence
- --cluster-name={{ .Values.persistence.clusterName }}
{{- if .Values.persistence.address }}
- --redis-addr={{ .Values.persistence.address }}
{{- else if include "astrolabe.bundledRedis" . }}
- --redis-addr={{ include "astrolabe.redisName" . }}:6379
{{- end }}
{{- end }}
{{- if .Values.auth.tokenSecret.name }}
- --auth=token
- --auth-token-file=/etc/astrolabe/tokens/{{ .Values.auth.tokenSecret.key }}
{{- if .Values.auth.openMetrics }}
- --open-metrics
{{- end }}
{{- end }}
{{- if .Values.tls.secret }}
- --tls-cert-file=/etc/astrolabe/tls/tls.crt
- --tls-key-file=/etc/astrolabe/tls/tls.key
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "astrolabe.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
  {{- if .root.Values.tls.secret }}
  scheme: HTTPS
  {{- end }}
timeoutSeconds: 3
{{- end -}}
