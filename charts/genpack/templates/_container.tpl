{{- define "genpack.image" -}}
{{- $registry := .image.registry | default .root.Values.global.commonImageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- required (printf "the container %s needs image.repository" .name) .image.repository -}}
{{- with .image.tag }}:{{ . }}{{ end -}}
{{- with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "genpack.container" -}}
{{- $c := .container -}}
- name: {{ .name }}
  image: {{ include "genpack.image" (dict "root" .root "name" .name "image" ($c.image | default dict)) | quote }}
  {{- with ($c.image | default dict).pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  {{- range $field := list "command" "args" "resources" "livenessProbe" "readinessProbe" "startupProbe" "lifecycle" "securityContext" "workingDir" "restartPolicy" }}
  {{- with get $c $field }}
  {{ $field }}: {{- if kindIs "string" . }} {{ . | quote }}{{ else }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- end }}
  {{- end }}
  {{- with $c.ports }}
  ports:
    {{- range . }}
    - {{- omit . "servicePort" | toYaml | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- with $c.env }}
  env:
    {{- if kindIs "map" . }}
    {{- range $key, $value := . }}
    - name: {{ $key }}
      {{- if kindIs "map" $value }}
      {{- toYaml $value | nindent 6 }}
      {{- else }}
      value: {{ $value | toString | quote }}
      {{- end }}
    {{- end }}
    {{- else }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- $global := .root.Values.global }}
  {{- if or $c.envFrom $global.sharedConfigs $global.sharedSecrets }}
  envFrom:
    {{- range $name, $_ := $global.sharedConfigs }}
    - configMapRef:
        name: {{ include "genpack.name" (dict "root" $.root "name" $name) }}
    {{- end }}
    {{- range $name, $_ := $global.sharedSecrets }}
    - secretRef:
        name: {{ include "genpack.name" (dict "root" $.root "name" $name) }}
    {{- end }}
    {{- with $c.envFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- $mounts := $c.volumeMounts | default list }}
  {{- range $name, $files := .root.Values.gonbad.staticFiles }}
  {{- if $files.mountPath }}
  {{- $mounts = append $mounts (dict "name" $name "mountPath" $files.mountPath "readOnly" true) }}
  {{- end }}
  {{- end }}
  {{- with $mounts }}
  volumeMounts: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
