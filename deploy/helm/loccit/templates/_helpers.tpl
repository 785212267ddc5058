{{/* The names of what is made: the release's own, shortened to what a label may hold. */}}
{{- define "loccit.name" -}}
{{- if contains "loccit" .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-loccit" (.Release.Name | trunc 43 | trimSuffix "-") }}
{{- end -}}
{{- end -}}

{{/* What finds the pods. It never changes in a release: a StatefulSet may not. */}}
{{- define "loccit.selector" -}}
app.kubernetes.io/name: loccit
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "loccit.labels" -}}
{{ include "loccit.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "loccit.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What both containers have: who they are, what they may, what they see. */}}
{{- define "loccit.container" -}}
image: {{ include "loccit.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
{{- with .Values.secrets }}
envFrom:
  {{- range . }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}
volumeMounts:
  - name: home
    mountPath: /var/lib/loccit
  {{- range $name, $text := .Values.files }}
  - name: files
    mountPath: /var/lib/loccit/{{ $name }}
    subPath: {{ $name }}
    readOnly: true
  {{- end }}
  - name: tmp
    mountPath: /tmp
{{- end -}}
