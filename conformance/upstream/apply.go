package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// applyCase is what happens to one object: who applied, or wrote, what.
type applyCase struct {
	// Absent for native kinds; null for kinds of no known type.
	Schema json.RawMessage `json:"schema"`
	// What an object is compared with that is not there.
	Empty json.RawMessage `json:"empty"`
	Steps []applyStep     `json:"steps"`
}

type applyStep struct {
	Apply   bool            `json:"apply"`
	Force   bool            `json:"force"`
	Manager string          `json:"manager"`
	Object  json.RawMessage `json:"object"`
}

type applyAnswer struct {
	Steps []applyState `json:"steps"`
}

type applyState struct {
	Object    any                `json:"object"`
	Managers  map[string]managed `json:"managers"`
	Error     string             `json:"error,omitempty"`
	Conflicts string             `json:"conflicts,omitempty"`
}

type managed struct {
	Set     json.RawMessage `json:"set"`
	Version string          `json:"version"`
	Applied bool            `json:"applied"`
}

var nativeConverter = sync.OnceValue(func() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
})

// applySteps does with the object what kube-apiserver would.
func applySteps(c applyCase) any {
	converter := nativeConverter
	if string(c.Schema) == "null" {
		converter = managedfields.NewDeducedTypeConverter
	} else if len(c.Schema) > 0 {
		converter = func() managedfields.TypeConverter { return structuralConverter(c.Schema) }
	}
	run := applyRun{types: converter()}
	run.updater.Converter = &run
	live := run.typed(c.Empty, typed.AllowDuplicates)
	managers := fieldpath.ManagedFields{}
	a := applyAnswer{Steps: []applyState{}}
	for _, step := range c.Steps {
		var state applyState
		func() {
			defer recovered(&state.Error)
			next, owners, err := run.step(live, managers.Copy(), step)
			var conflicts merge.Conflicts
			switch {
			case errors.As(err, &conflicts):
				state.Conflicts = conflicts.Error()
			case err != nil:
				state.Error = err.Error()
			default:
				live, managers = next, withoutType(owners)
			}
		}()
		state.Object = live.AsValue().Unstructured()
		state.Managers = shown(managers)
		a.Steps = append(a.Steps, state)
	}
	return a
}

type applyRun struct {
	types   managedfields.TypeConverter
	updater merge.Updater
}

func (r *applyRun) step(live *typed.TypedValue, managers fieldpath.ManagedFields, step applyStep) (*typed.TypedValue, fieldpath.ManagedFields, error) {
	options := []typed.ValidationOptions{typed.AllowDuplicates}
	if step.Apply {
		options = nil
	}
	object, err := r.typedOrError(step.Object, options...)
	if err != nil {
		return nil, nil, err
	}
	version := versionOf(object)
	before, err := r.Convert(live, version)
	if err != nil {
		return nil, nil, err
	}
	if !step.Apply {
		return r.updater.Update(before, object, version, managers, step.Manager)
	}
	next, owners, err := r.updater.Apply(before, object, version, managers, step.Manager, step.Force)
	if err == nil && next == nil {
		next = before
	}
	return next, owners, err
}

func (r *applyRun) typed(text json.RawMessage, options ...typed.ValidationOptions) *typed.TypedValue {
	object, err := r.typedOrError(text, options...)
	if err != nil {
		panic(err)
	}
	return object
}

func (r *applyRun) typedOrError(text json.RawMessage, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	var object map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &object); err != nil {
		return nil, err
	}
	return r.types.ObjectToTyped(&unstructured.Unstructured{Object: object}, options...)
}

// withoutType takes out what no manager of kube-apiserver owns (managedfields/internal/stripmeta.go).
func withoutType(managers fieldpath.ManagedFields) fieldpath.ManagedFields {
	common := fieldpath.NewSet(
		fieldpath.MakePathOrDie("apiVersion"),
		fieldpath.MakePathOrDie("kind"),
		fieldpath.MakePathOrDie("metadata"),
		fieldpath.MakePathOrDie("metadata", "name"),
	)
	left := fieldpath.ManagedFields{}
	for manager, owned := range managers {
		if set := owned.Set().Difference(common); !set.Empty() {
			left[manager] = fieldpath.NewVersionedSet(set, owned.APIVersion(), owned.Applied())
		}
	}
	return left
}

var errMissingVersion = errors.New("no such version")

// Convert knows versions v1 and v2, in which spec.size is spec.extent.
func (r *applyRun) Convert(object *typed.TypedValue, version fieldpath.APIVersion) (*typed.TypedValue, error) {
	from := versionOf(object)
	if from == version {
		return object, nil
	}
	if version != "example.com/v1" && version != "example.com/v2" {
		return nil, errMissingVersion
	}
	converted := runtime.DeepCopyJSON(object.AsValue().Unstructured().(map[string]any))
	converted["apiVersion"] = string(version)
	if spec, ok := converted["spec"].(map[string]any); ok {
		names := [2]string{"size", "extent"}
		if version == "example.com/v1" {
			names[0], names[1] = names[1], names[0]
		}
		if size, ok := spec[names[0]]; ok {
			delete(spec, names[0])
			spec[names[1]] = size
		}
	}
	return r.types.ObjectToTyped(&unstructured.Unstructured{Object: converted}, typed.AllowDuplicates)
}

func (r *applyRun) IsMissingVersionError(err error) bool { return err == errMissingVersion }

func versionOf(object *typed.TypedValue) fieldpath.APIVersion {
	if !object.AsValue().IsMap() {
		return ""
	}
	version, ok := object.AsValue().AsMap().Get("apiVersion")
	if !ok || !version.IsString() {
		return ""
	}
	return fieldpath.APIVersion(version.AsString())
}

// structuralConverter knows versions v1 and v2 of kind Thing, which have the same schema.
func structuralConverter(text json.RawMessage) managedfields.TypeConverter {
	models := map[string]*spec.Schema{}
	for _, version := range []string{"v1", "v2"} {
		var model spec.Schema
		if err := json.Unmarshal(text, &model); err != nil {
			panic(err)
		}
		model.AddExtension("x-kubernetes-group-version-kind", []any{
			map[string]any{"group": "example.com", "version": version, "kind": "Thing"},
		})
		models["com.example."+version+".Thing"] = &model
	}
	converter, err := managedfields.NewTypeConverter(models, false)
	if err != nil {
		panic(err)
	}
	return converter
}

func shown(managers fieldpath.ManagedFields) map[string]managed {
	all := map[string]managed{}
	for manager, owned := range managers {
		set, err := owned.Set().ToJSON()
		if err != nil {
			panic(err)
		}
		all[manager] = managed{Set: set, Version: string(owned.APIVersion()), Applied: owned.Applied()}
	}
	return all
}

// fieldSetCase asks what upstream makes of two sets.
type fieldSetCase struct {
	A json.RawMessage `json:"a"`
	B json.RawMessage `json:"b"`
}

func fieldSets(c fieldSetCase) any {
	var a, b fieldpath.Set
	if err := a.FromJSON(strings.NewReader(string(c.A))); err != nil {
		return map[string]any{"error": fmt.Sprint(err)}
	}
	if err := b.FromJSON(strings.NewReader(string(c.B))); err != nil {
		return map[string]any{"error": fmt.Sprint(err)}
	}
	answer := map[string]any{"paths": a.String(), "size": a.Size(), "equal": a.Equals(&b)}
	for name, set := range map[string]*fieldpath.Set{
		"read": &a, "union": a.Union(&b), "intersection": a.Intersection(&b), "difference": a.Difference(&b),
		"recursiveDifference": a.RecursiveDifference(&b), "leaves": a.Leaves(),
	} {
		text, err := set.ToJSON()
		if err != nil {
			panic(err)
		}
		answer[name] = json.RawMessage(text)
	}
	return answer
}
