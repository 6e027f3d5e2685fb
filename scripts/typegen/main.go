// Typegen writes the table of facts on Kubernetes' native types: what their Go
// structs, struct tags, generated OpenAPI definitions and discovery documents
// say, and none of their sentences. packages/kube/src/types/table.ts reads it.
//
// Usage: typegen -discovery kubernetes/api/discovery -out native.json
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	discovery := flag.String("discovery", "", "folder of upstream's discovery documents")
	out := flag.String("out", "", "where to write the table")
	flag.Parse()

	versions, err := readDiscovery(*discovery)
	if err != nil {
		log.Fatal(err)
	}
	scheme, err := newScheme()
	if err != nil {
		log.Fatal(err)
	}
	types := newTypes(openAPIDefinitions())
	for _, version := range versions {
		for _, goType := range scheme.KnownTypes(version.GroupVersion) {
			types.add(goType)
		}
	}
	for _, root := range bodyTypes() {
		types.add(root)
	}
	if err := types.walk(); err != nil {
		log.Fatal(err)
	}
	text, err := encodeTable(types, versions, scheme)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, text, 0o644); err != nil {
		log.Fatal(err)
	}
	log.Printf("%d structs, %d bytes", len(types.structs), len(text))
}
