/** A template: a ConfigMap with the value `a`. */
export const configTemplate = `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {a: "{{ .Values.a }}"}
`;

/** A template: a Deployment of one pod, on nodes with the labels of the value `nodes`: {} for any. */
export const deploymentTemplate = `apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: 1
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec:
      nodeSelector: {{ .Values.nodes | toJson }}
      containers: [{name: main, image: "app:{{ .Values.tag }}"}]
`;

/** The values that both need. */
export const sampleValues = "a: x\nnodes: {}\ntag: 1\n";
