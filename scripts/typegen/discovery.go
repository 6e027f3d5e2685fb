package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// groupVersion is one generally available version of an API group, e.g. apps/v1.
type groupVersion struct {
	schema.GroupVersion
	resources []metav1.APIResource
}

var generallyAvailable = regexp.MustCompile(`^apis?__(?:.*__)?v[0-9]+\.json$`)

// readDiscovery reads upstream's discovery documents of the generally available
// versions: those are served without any flag. Groups come in upstream's order.
func readDiscovery(folder string) ([]groupVersion, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	versions := []groupVersion{}
	for _, entry := range entries {
		if !generallyAvailable.MatchString(entry.Name()) {
			continue
		}
		list := metav1.APIResourceList{}
		if err := readJSON(filepath.Join(folder, entry.Name()), &list); err != nil {
			return nil, err
		}
		name, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list.APIResources, func(a, b metav1.APIResource) int { return strings.Compare(a.Name, b.Name) })
		versions = append(versions, groupVersion{name, list.APIResources})
	}
	groups := metav1.APIGroupList{}
	if err := readJSON(filepath.Join(folder, "apis.json"), &groups); err != nil {
		return nil, err
	}
	order := func(version groupVersion) int {
		return slices.IndexFunc(groups.Groups, func(group metav1.APIGroup) bool { return group.Name == version.Group })
	}
	slices.SortFunc(versions, func(a, b groupVersion) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), -strings.Compare(a.Version, b.Version))
	})
	return versions, nil
}

// readOptionVersions reads which group versions know DeleteOptions and the other kinds that upstream
// registers in every group it has, from the schema that upstream publishes of it.
func readOptionVersions(folder string) ([]string, error) {
	document := struct {
		Components struct {
			Schemas map[string]struct {
				Kinds []schema.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
			} `json:"schemas"`
		} `json:"components"`
	}{}
	if err := readJSON(filepath.Join(folder, "v3", "api__v1_openapi.json"), &document); err != nil {
		return nil, err
	}
	names := []string{}
	for _, kind := range document.Components.Schemas["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"].Kinds {
		names = append(names, kind.GroupVersion().String())
	}
	return names, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
