{{- define "podwright.name" -}}
{{- if contains "podwright" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-podwright" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{- define "podwright.labels" -}}
app.kubernetes.io/name: podwright
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "podwright.metadataLabels" -}}
{{ include "podwright.labels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}
