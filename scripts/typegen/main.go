// Typegen writes the table of facts on Kubernetes' native types: what their Go
// structs, struct tags, generated OpenAPI definitions and discovery documents
// say, and none of their sentences. packages/kube/src/types/table.ts reads it.
//
// Usage: typegen -api kubernetes/api -out native.json
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"typegen/scheme"
)

func main() {
	log.SetFlags(0)
	api := flag.String("api", "", "folder of upstream's discovery and OpenAPI documents")
	out := flag.String("out", "", "where to write the table")
	flag.Parse()

	versions, err := readDiscovery(filepath.Join(*api, "discovery"))
	if err != nil {
		log.Fatal(err)
	}
	optionVersions, err := readOptionVersions(filepath.Join(*api, "openapi-spec"))
	if err != nil {
		log.Fatal(err)
	}
	known, err := scheme.New()
	if err != nil {
		log.Fatal(err)
	}
	types := newTypes(openAPIDefinitions())
	for _, version := range versions {
		for _, goType := range known.KnownTypes(version.GroupVersion) {
			types.add(goType)
		}
	}
	for _, root := range bodyTypes() {
		types.add(root)
	}
	if err := types.walk(); err != nil {
		log.Fatal(err)
	}
	text, err := encodeTable(types, versions, optionVersions, known)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, text, 0o644); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d structs, %d bytes", len(types.structs), len(text))
}
