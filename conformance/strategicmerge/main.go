// Command strategicmerge applies strategic merge patches with upstream's own
// code, the way kube-apiserver does. It reads one case per line of standard
// input, {"kind","original","patch"}, and answers each with a line:
// {"original","result"} or {"original","error"}, where original is the object
// as the typed decoder keeps it. packages/kube/src/patch/testdata holds answers
// it gave.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	kjson "sigs.k8s.io/json"
)

type testCase struct {
	Kind     string          `json:"kind"`
	Original json.RawMessage `json:"original"`
	Patch    json.RawMessage `json:"patch"`
}

type answer struct {
	Original map[string]any `json:"original,omitempty"`
	Result   map[string]any `json:"result,omitempty"`
	Error    string         `json:"error,omitempty"`
}

func newObject(kind string) runtime.Object {
	switch kind {
	case "Pod":
		return &corev1.Pod{}
	case "Service":
		return &corev1.Service{}
	case "Deployment":
		return &appsv1.Deployment{}
	}
	panic("unknown kind " + kind)
}

func apply(c testCase) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a.Result, a.Error = nil, fmt.Sprint("panic: ", r)
		}
	}()
	object := newObject(c.Kind)
	if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Original, object); err != nil {
		return answer{Error: "original: " + err.Error()}
	}
	original, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return answer{Error: "original: " + err.Error()}
	}
	a.Original = runtime.DeepCopyJSON(original)
	patch := map[string]any{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Patch, &patch); err != nil {
		a.Error = "patch: " + err.Error()
		return a
	}
	result, err := strategicpatch.StrategicMergeMapPatch(original, patch, newObject(c.Kind))
	if err != nil {
		a.Error = err.Error()
		return a
	}
	a.Result = result
	return a
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 16<<20)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for input.Scan() {
		var c testCase
		if err := json.Unmarshal(input.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(apply(c)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
