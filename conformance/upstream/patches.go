package main

import (
	"encoding/json"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	kjson "sigs.k8s.io/json"
)

type strategicMergeCase struct {
	Kind     string          `json:"kind"`
	Original json.RawMessage `json:"original"`
	Patch    json.RawMessage `json:"patch"`
}

type strategicMergeAnswer struct {
	// The object as the typed decoder keeps it.
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

// strategicMerge applies a patch the way kube-apiserver does.
func strategicMerge(c strategicMergeCase) any {
	var a strategicMergeAnswer
	func() {
		defer recovered(&a.Error)
		object := newObject(c.Kind)
		if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Original, object); err != nil {
			panic(err)
		}
		original, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			panic(err)
		}
		a.Original = runtime.DeepCopyJSON(original)
		patch := map[string]any{}
		if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Patch, &patch); err != nil {
			panic(err)
		}
		result, err := strategicpatch.StrategicMergeMapPatch(original, patch, newObject(c.Kind))
		if err != nil {
			a.Error = err.Error()
			return
		}
		a.Result = result
	}()
	return a
}

type patchCase struct {
	Document json.RawMessage `json:"document"`
	Patch    json.RawMessage `json:"patch"`
}

type patchAnswer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func jsonPatch(c patchCase) any {
	return patched(func() ([]byte, error) {
		patch, err := jsonpatch.DecodePatch(c.Patch)
		if err != nil {
			return nil, err
		}
		return patch.Apply(c.Document)
	})
}

func mergePatch(c patchCase) any {
	return patched(func() ([]byte, error) { return jsonpatch.MergePatch(c.Document, c.Patch) })
}

func patched(apply func() ([]byte, error)) any {
	var a patchAnswer
	func() {
		defer recovered(&a.Error)
		result, err := apply()
		if err != nil {
			a.Error = err.Error()
			return
		}
		a.Result = result
	}()
	return a
}
