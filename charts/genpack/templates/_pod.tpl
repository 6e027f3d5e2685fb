{{- define "genpack.pod" -}}
{{- $root := .root -}}
{{- $w := .workload -}}
{{- $mounted := dict -}}
{{- range list ($w.containers | default dict) ($w.initContainers | default dict) -}}
{{- range . -}}
{{- range .volumeMounts -}}{{- $_ := set $mounted .name true -}}{{- end -}}
{{- end -}}
{{- end -}}
metadata:
  labels: {{- merge (include "genpack.selector" . | fromYaml) ($w.podLabels | default dict) | toYaml | nindent 4 }}
  {{- $annotations := $w.podAnnotations | default dict }}
  {{- with pick $root.Values.global "sharedConfigs" "sharedSecrets" | toJson }}
  {{- if or $root.Values.global.sharedConfigs $root.Values.global.sharedSecrets $root.Values.gonbad.staticFiles }}
  {{- $annotations = merge (dict "genpack/config" (printf "%s%s" . (toJson $root.Values.gonbad.staticFiles) | sha256sum | trunc 16)) $annotations }}
  {{- end }}
  {{- end }}
  {{- with $annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if eq .kind "cronjob" }}
  restartPolicy: {{ $w.restartPolicy | default "OnFailure" }}
  {{- end }}
  {{- with ($w.serviceAccount | default dict).name }}
  serviceAccountName: {{ . }}
  {{- end }}
  {{- range $field := list "affinity" "tolerations" "nodeSelector" "hostAliases" "topologySpreadConstraints" }}
  {{- with get $w $field }}
  {{ $field }}: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- range $field := list "priorityClassName" "dnsPolicy" "runtimeClassName" }}
  {{- with get $w $field }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- with $w.podSecurityContext }}
  securityContext: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if hasKey $w "terminationGracePeriodSeconds" }}
  terminationGracePeriodSeconds: {{ int64 $w.terminationGracePeriodSeconds }}
  {{- end }}
  {{- if $w.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- with concat ($root.Values.global.commonImagePullSecrets | default list) ($w.imagePullSecrets | default list) }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ if kindIs "map" . }}{{ .name }}{{ else }}{{ . }}{{ end }}
    {{- end }}
  {{- end }}
  {{- with $w.initContainers }}
  initContainers:
    {{- range $name, $container := . }}
    {{- include "genpack.container" (dict "root" $root "name" $name "container" $container) | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- range $name, $container := $w.containers }}
    {{- include "genpack.container" (dict "root" $root "name" $name "container" $container) | nindent 4 }}
    {{- end }}
  {{- $volumes := $w.volumes | default list }}
  {{- range $name, $files := $root.Values.gonbad.staticFiles }}
  {{- if or $files.mountPath (hasKey $mounted $name) }}
  {{- $volumes = append $volumes (dict "name" $name "configMap" (dict "name" (include "genpack.name" (dict "root" $root "name" $name)))) }}
  {{- end }}
  {{- end }}
  {{- range $name, $volume := $root.Values.gonbad.volumes }}
  {{- if hasKey $mounted $name }}
  {{- if $volume.claim }}
  {{- $volumes = append $volumes (dict "name" $name "persistentVolumeClaim" (dict "claimName" (include "genpack.name" (dict "root" $root "name" $name)))) }}
  {{- else }}
  {{- $volumes = append $volumes (merge (dict "name" $name) $volume) }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- with $volumes }}
  volumes: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
