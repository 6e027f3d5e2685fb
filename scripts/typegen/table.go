package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// kind is one served resource; see KindRow in packages/kube/src/types/rows.ts.
type kind struct {
	Kind         string           `json:"kind"`
	Plural       string           `json:"plural"`
	Singular     string           `json:"singular"`
	Namespaced   bool             `json:"namespaced"`
	ShortNames   []string         `json:"shortNames,omitempty"`
	Categories   []string         `json:"categories,omitempty"`
	Verbs        metav1.Verbs     `json:"verbs"`
	Hash         string           `json:"storageVersionHash,omitempty"`
	Subresources []subresourceRow `json:"subresources,omitempty"`
}

type subresourceRow struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	Group   string       `json:"group,omitempty"`
	Version string       `json:"version,omitempty"`
	Verbs   metav1.Verbs `json:"verbs"`
}

func kinds(resources []metav1.APIResource) []*kind {
	rows := []*kind{}
	byPlural := map[string]*kind{}
	for _, resource := range resources {
		plural, name, isSubresource := strings.Cut(resource.Name, "/")
		if isSubresource {
			parent := byPlural[plural]
			if parent == nil {
				parent = &kind{Plural: plural}
			}
			parent.Subresources = append(parent.Subresources,
				subresourceRow{name, resource.Kind, resource.Group, resource.Version, resource.Verbs})
			continue
		}
		row := &kind{
			Kind: resource.Kind, Plural: plural, Singular: resource.SingularName, Namespaced: resource.Namespaced,
			ShortNames: resource.ShortNames, Categories: resource.Categories, Verbs: resource.Verbs,
			Hash: resource.StorageVersionHash,
		}
		byPlural[plural] = row
		rows = append(rows, row)
	}
	return rows
}

// encodeTable writes the table as JSON with a line for each struct and each kind, so that a new version reads as a diff.
func encodeTable(types *types, versions []groupVersion, optionVersions []string, scheme *runtime.Scheme) ([]byte, error) {
	out := &bytes.Buffer{}
	write := func(value any) error {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(value)
		out.Truncate(out.Len() - 1)
		return err
	}
	out.WriteString("{\"packages\":")
	if err := write(packages(types)); err != nil {
		return nil, err
	}
	out.WriteString(",\n\"optionVersions\":")
	if err := write(optionVersions); err != nil {
		return nil, err
	}
	out.WriteString(",\n\"versions\":[")
	for i, version := range versions {
		fmt.Fprintf(out, "%s\n{\"group\":%q,\"version\":%q,\"package\":%q,\"kinds\":[",
			comma(i), version.Group, version.Version, schemePackage(scheme, version))
		for j, row := range kinds(version.resources) {
			out.WriteString(comma(j) + "\n")
			if err := write(row); err != nil {
				return nil, err
			}
		}
		out.WriteString("]}")
	}
	out.WriteString("],\n\"structs\":{")
	for i, name := range slices.Sorted(maps.Keys(types.structs)) {
		facts := types.structs[name]
		fmt.Fprintf(out, "%s\n%q:", comma(i), facts.pkg+"."+facts.name)
		if err := write(facts.row()); err != nil {
			return nil, err
		}
	}
	out.WriteString("}}\n")
	return out.Bytes(), nil
}

// row is the struct's fields, each [name, protobuf number, type, flags?, extras?], then what the struct itself has.
func (s *structFacts) row() []any {
	row := []any{}
	for _, field := range s.fields {
		cells := []any{field.name, field.number, field.typ, field.flags, field.extras}
		if reflect.ValueOf(field.extras).IsZero() {
			cells = cells[:4]
			if field.flags == "" {
				cells = cells[:3]
			}
		}
		row = append(row, cells)
	}
	own := map[string]any{}
	if s.mapType != "" {
		own["mapType"] = s.mapType
	}
	if s.unions != nil {
		own["unions"] = s.unions
	}
	if len(own) > 0 {
		row = append(row, own)
	}
	return row
}

func packages(types *types) map[string]string {
	names := map[string]string{}
	for name, facts := range types.structs {
		names[facts.pkg] = strings.TrimSuffix(name, "."+facts.name)
	}
	return names
}

// schemePackage is the package that registers a group's own kinds, e.g. "rbac/v1" for rbac.authorization.k8s.io/v1.
func schemePackage(scheme *runtime.Scheme, version groupVersion) string {
	known := scheme.KnownTypes(version.GroupVersion)
	return packageName(known[version.resources[0].Kind])
}

func comma(index int) string {
	if index == 0 {
		return ""
	}
	return ","
}
