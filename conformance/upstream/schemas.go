package main

import (
	"context"
	"encoding/json"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	definition "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
)

type schemaCase struct {
	Schema json.RawMessage `json:"schema"`
	Value  json.RawMessage `json:"value"`
}

type schemaAnswer struct {
	SchemaErrors []string `json:"schemaErrors"`
	// The rest is absent where the schema cannot be read as a structural one.
	Unknown      []string       `json:"unknown"`
	Pruned       map[string]any `json:"pruned,omitempty"`
	WithoutNulls map[string]any `json:"withoutNulls,omitempty"`
	Defaulted    map[string]any `json:"defaulted,omitempty"`
	Errors       []string       `json:"errors"`
}

func schemas(c schemaCase) any {
	var external v1.JSONSchemaProps
	if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Schema, &external); err != nil {
		panic(err)
	}
	var internal apiextensions.JSONSchemaProps
	if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&external, &internal, nil); err != nil {
		panic(err)
	}
	a := schemaAnswer{SchemaErrors: schemaErrors(&internal), Unknown: []string{}, Errors: []string{}}
	structural, err := schema.NewStructural(&internal)
	if err != nil || c.Value == nil {
		return a
	}
	var value map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Value, &value); err != nil {
		panic(err)
	}
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	a.Unknown = append(a.Unknown, pruning.PruneWithOptions(value, structural, false, options)...)
	a.Pruned = runtime.DeepCopyJSON(value)
	defaulting.PruneNonNullableNullsWithoutDefaults(value, structural)
	a.WithoutNulls = runtime.DeepCopyJSON(value)
	defaulting.Default(value, structural)
	a.Defaulted = runtime.DeepCopyJSON(value)
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		panic(err)
	}
	errs := validation.ValidateCustomResource(nil, value, validator)
	for _, err := range append(errs, listtype.ValidateListSetsAndMaps(nil, structural, value)...) {
		a.Errors = append(a.Errors, string(err.Type)+" "+err.Error())
	}
	return a
}

// schemaErrors are what is wrong with a definition that has the schema.
func schemaErrors(props *apiextensions.JSONSchemaProps) []string {
	preserve := false
	crd := &apiextensions.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "foos.example.com", ResourceVersion: "1"},
		Spec: apiextensions.CustomResourceDefinitionSpec{
			Group:                 "example.com",
			Scope:                 apiextensions.NamespaceScoped,
			PreserveUnknownFields: &preserve,
			Names:                 apiextensions.CustomResourceDefinitionNames{Plural: "foos", Singular: "foo", Kind: "Foo", ListKind: "FooList"},
			Version:               "v1",
			Versions:              []apiextensions.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true}},
			Validation:            &apiextensions.CustomResourceValidation{OpenAPIV3Schema: props},
		},
		Status: apiextensions.CustomResourceDefinitionStatus{StoredVersions: []string{"v1"}},
	}
	texts := []string{}
	var errs field.ErrorList = definition.ValidateCustomResourceDefinition(context.Background(), crd)
	for _, err := range errs {
		if text := err.Error(); strings.Contains(text, "openAPIV3Schema") {
			texts = append(texts, text)
		}
	}
	return texts
}
