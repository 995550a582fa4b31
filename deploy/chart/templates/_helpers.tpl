{{- define "astrolabe.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
The names of cluster-scoped objects tell the releases of several namespaces apart; where the manifests install it,
they are theirs, which are the original's.
*/}}
{{- define "astrolabe.roleName" -}}
{{- if and (eq .Release.Namespace "astrolabe-system") (eq (include "astrolabe.name" .) "astrolabe") -}}
astrolabe-reader
{{- else -}}
{{- printf "%s:%s-reader" .Release.Namespace (include "astrolabe.name" .) -}}
{{- end -}}
{{- end -}}

{{- define "astrolabe.accessName" -}}
{{- printf "%s-access" (include "astrolabe.roleName" . | trimSuffix "-reader") -}}
{{- end -}}

{{- define "astrolabe.bindingName" -}}
{{- printf "%s-binding" (include "astrolabe.roleName" .) -}}
{{- end -}}

{{/*
What selects pods, of which a Deployment's can never change: the original's, so that it is replaced in place. Names
tell the releases of one namespace apart.
*/}}
{{- define "astrolabe.selector" -}}
app: {{ include "astrolabe.name" . }}
{{- end -}}

{{- define "astrolabe.identity" -}}
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
{{ include "astrolabe.identity" . }}
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

{{/* The ConfigMap with the rules of the user; empty: none. */}}
{{- define "astrolabe.rules" -}}
{{- if and .Values.rules.files .Values.rules.configMap -}}
{{- fail "rules: give either files or the name of a configMap, not both" -}}
{{- end -}}
{{- if .Values.rules.files -}}
{{- printf "%s-rules" (include "astrolabe.name" .) -}}
{{- else -}}
{{- .Values.rules.configMap -}}
{{- end -}}
{{- end -}}

{{/* How clients are known, as --auth takes it; empty: anybody is let in. */}}
{{- define "astrolabe.auth" -}}
{{- $ways := list -}}
{{- if .Values.auth.tokenSecret.name -}}{{- $ways = append $ways "token" -}}{{- end -}}
{{- if .Values.auth.kubernetes -}}{{- $ways = append $ways "kubernetes" -}}{{- end -}}
{{- if include "astrolabe.knowsProxies" . -}}{{- $ways = append $ways "proxy" -}}{{- end -}}
{{- join "," $ways -}}
{{- end -}}

{{/* Not empty when users see what Kubernetes grants them, so that the API server must be asked. */}}
{{- define "astrolabe.asksForRights" -}}
{{- if or .Values.auth.kubernetes (include "astrolabe.knowsProxies" .) -}}true{{- end -}}
{{- end -}}

{{/* Not empty when an authenticating proxy may name users. */}}
{{- define "astrolabe.knowsProxies" -}}
{{- if or .Values.auth.proxySecret.name .Values.auth.proxyAuthority.name -}}true{{- end -}}
{{- end -}}

{{/* Not empty when a Secret is mounted. */}}
{{- define "astrolabe.mountsSecrets" -}}
{{- if or .Values.auth.tokenSecret.name (include "astrolabe.knowsProxies" .) .Values.tls.secret .Values.clusters.secret -}}true{{- end -}}
{{- end -}}

{{/* The command line, one flag a line of YAML. */}}
{{- define "astrolabe.args" -}}
- --log-format={{ .Values.log.format }}
- --v={{ .Values.log.level }}
- {{ printf "--label-selector=%s" .Values.labelSelector | quote }}
- --selector-mode={{ .Values.selectorMode }}
{{- if .Values.auth.tokenSecret.name }}
- --auth-token-file=/etc/astrolabe/tokens/{{ .Values.auth.tokenSecret.key }}
{{- end }}
{{- if .Values.auth.proxySecret.name }}
- --auth-proxy-secret-file=/etc/astrolabe/proxy/{{ .Values.auth.proxySecret.key }}
{{- end }}
{{- if .Values.auth.proxyAuthority.name }}
{{- if not .Values.tls.secret }}
{{- fail "auth.proxyAuthority needs tls.secret: client certificates are shown over TLS" }}
{{- end }}
- --auth-proxy-client-ca-file=/etc/astrolabe/proxy-authority/{{ .Values.auth.proxyAuthority.key }}
{{- with .Values.auth.proxyNames }}
- {{ printf "--auth-proxy-allowed-names=%s" (join "," .) | quote }}
{{- end }}
{{- end }}
{{- if and .Values.auth.openMetrics (include "astrolabe.auth" .) }}
- --open-metrics
{{- end }}
{{- if .Values.tls.secret }}
- --tls-cert-file=/etc/astrolabe/tls/tls.crt
- --tls-key-file=/etc/astrolabe/tls/tls.key
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Not empty when no kind is named, or each is one to watch besides. */}}
{{- define "astrolabe.onlyAddsKinds" -}}
{{- $chosen := list -}}
{{- range .Values.kinds -}}
{{- if not (hasPrefix "+" .) -}}{{- $chosen = append $chosen . -}}{{- end -}}
{{- end -}}
{{- if not $chosen -}}true{{- end -}}
{{- end -}}

{{/* The kinds to watch; of single namespaces those that a Role there can permit. */}}
{{- define "astrolabe.kinds" -}}
{{- $kinds := .Values.kinds -}}
{{- if .Values.namespaces -}}
{{- $kinds = list -}}
{{- if include "astrolabe.onlyAddsKinds" . -}}
{{- $kinds = list (.Files.Get "files/namespaced-kinds.txt" | trim) -}}
{{- end -}}
{{- range .Values.kinds -}}
{{- $kinds = concat $kinds (ternary (list "+Role" "+RoleBinding") (list .) (eq . "+rbac")) -}}
{{- end -}}
{{- end -}}
{{- join "," $kinds -}}
{{- end -}}

{{/* Not empty when roles or bindings are watched. */}}
{{- define "astrolabe.watchesRbac" -}}
{{- range .Values.kinds -}}
{{- if regexMatch "^[+]?(rbac|(Cluster)?Role(Binding)?)$" . -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* What `astrolabe check` asks for, too: run in the pod it sees no command line of another process. */}}
{{- define "astrolabe.env" -}}
{{- with include "astrolabe.auth" . }}
- name: ASTROLABE_AUTH
  value: {{ . | quote }}
{{- end }}
{{- if .Values.namespaces }}
- name: ASTROLABE_NAMESPACES
  value: {{ join "," .Values.namespaces | quote }}
{{- end }}
{{- with include "astrolabe.kinds" . }}
- name: ASTROLABE_KINDS
  value: {{ . }}
{{- end }}
{{- if .Values.customResources }}
- name: ASTROLABE_CUSTOM_RESOURCES
  value: {{ join "," .Values.customResources | quote }}
{{- else if and .Values.namespaces (include "astrolabe.onlyAddsKinds" .) }}
- name: ASTROLABE_CUSTOM_RESOURCES
  value: auto
{{- end }}
{{- if include "astrolabe.rules" . }}
- name: ASTROLABE_RULES
  value: /etc/astrolabe/rules
{{- end }}
{{- if .Values.clusters.secret }}
- name: ASTROLABE_CLUSTERS
  value: /etc/astrolabe/clusters/clusters.yaml
{{- end }}
{{- if .Values.helmDetails }}
- name: ASTROLABE_HELM_DETAILS
  value: "true"
{{- end }}
{{- if .Values.persistence.enabled }}
- name: ENABLE_PERSISTENCE
  value: "true"
- name: ASTROLABE_CLUSTER_NAME
  value: {{ .Values.persistence.clusterName | quote }}
{{- if .Values.persistence.urlSecret.name }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.persistence.urlSecret.name }}
      key: {{ .Values.persistence.urlSecret.key }}
{{- else }}
- name: REDIS_ADDR
  value: {{ default (printf "%s:6379" (include "astrolabe.redisName" .)) .Values.persistence.address | quote }}
{{- if .Values.persistence.passwordSecret.name }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .Values.persistence.passwordSecret.name }}
      key: {{ .Values.persistence.passwordSecret.key }}
{{- end }}
{{- end }}
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
