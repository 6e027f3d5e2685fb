// Samples prints objects of every kind of the table with random fields, each
// as upstream's protobuf and as the JSON that upstream writes after reading it:
// what packages/kube decodes is compared with them. And as the protobuf that
// upstream writes after reading that JSON, for what packages/kube encodes.
//
// Usage: samples -seed 1 -count 3, a JSON line for each: {"kind", "pb" (base64), "json", "written" (base64)}
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"log"
	"math/rand"
	"os"
	"slices"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
	"typegen/scheme"
)

type sample struct {
	Kind     string          `json:"kind"`
	Protobuf []byte          `json:"pb"`
	JSON     json.RawMessage `json:"json"`
	Written  []byte          `json:"written"`
}

func main() {
	log.SetFlags(0)
	seed := flag.Int64("seed", 1, "what the random fields depend on")
	count := flag.Int("count", 3, "objects of each kind")
	flag.Parse()

	types, err := scheme.New()
	if err != nil {
		log.Fatal(err)
	}
	filler := randfill.NewWithSeed(*seed).NilChance(0.4).NumElements(0, 2).MaxDepth(12).Funcs(special()...)
	encoder := protobuf.NewSerializer(types, types)
	out := json.NewEncoder(os.Stdout)
	kinds := []schema.GroupVersionKind{}
	for kind := range types.AllKnownTypes() {
		if kind.Version != runtime.APIVersionInternal && kind.Kind != "WatchEvent" {
			kinds = append(kinds, kind)
		}
	}
	slices.SortFunc(kinds, func(a, b schema.GroupVersionKind) int { return strings.Compare(a.String(), b.String()) })
	for _, kind := range kinds {
		for range *count {
			object, err := types.New(kind)
			if err != nil {
				log.Fatal(err)
			}
			filler.Fill(object)
			object.GetObjectKind().SetGroupVersionKind(kind)
			var wire bytes.Buffer
			if err := encoder.Encode(object, &wire); err != nil {
				log.Printf("%s: %v", kind, err)
				continue
			}
			// Protobuf keeps less than Go does (no empty lists, no kinds within objects): JSON is what upstream reads from it.
			read, _, err := encoder.Decode(wire.Bytes(), nil, nil)
			if err != nil {
				log.Fatalf("%s: %v", kind, err)
			}
			text, err := json.Marshal(read)
			if err != nil {
				log.Fatalf("%s: %v", kind, err)
			}
			fromJSON, err := types.New(kind)
			if err != nil {
				log.Fatal(err)
			}
			if err := json.Unmarshal(text, fromJSON); err != nil {
				log.Fatalf("%s: %v", kind, err)
			}
			var written bytes.Buffer
			if err := encoder.Encode(fromJSON, &written); err != nil {
				log.Fatalf("%s: %v", kind, err)
			}
			if err := out.Encode(sample{kind.String(), wire.Bytes(), text, written.Bytes()}); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// special fills the types whose random fields would not be valid.
func special() []any {
	raws := []string{`{"a":1}`, `[1,"x",null]`, `"text"`, `{"apiVersion":"v1","kind":"X","spec":{"b":true}}`, `1.5`}
	raw := func(c randfill.Continue) []byte { return []byte(raws[c.Rand.Intn(len(raws))]) }
	moment := func(random *rand.Rand) time.Time { return time.Unix(random.Int63n(4e9)-1e9, 0) }
	schemaProps := func(c randfill.Continue) *apiextensionsv1.JSONSchemaProps {
		props := &apiextensionsv1.JSONSchemaProps{}
		c.Fill(&props.Type)
		c.Fill(&props.Required)
		c.Fill(&props.Maximum)
		c.Fill(&props.XListType)
		return props
	}
	return []any{
		func(q *resource.Quantity, c randfill.Continue) {
			*q = *resource.NewMilliQuantity(c.Rand.Int63n(1e7), []resource.Format{resource.DecimalSI, resource.BinarySI}[c.Rand.Intn(2)])
		},
		func(t *metav1.Time, c randfill.Continue) {
			if c.Rand.Intn(4) > 0 {
				*t = metav1.NewTime(moment(c.Rand))
			}
		},
		func(t **metav1.Time, c randfill.Continue) {
			if c.Rand.Intn(2) > 0 {
				*t = &metav1.Time{Time: moment(c.Rand)}
			}
		},
		func(t *metav1.MicroTime, c randfill.Continue) {
			*t = metav1.NewMicroTime(moment(c.Rand).Add(time.Duration(c.Rand.Intn(1e6)) * time.Microsecond))
		},
		func(v *intstr.IntOrString, c randfill.Continue) {
			*v = intstr.FromInt32(c.Rand.Int31())
			if c.Rand.Intn(2) > 0 {
				*v = intstr.FromString(c.String(0))
			}
		},
		func(f *metav1.FieldsV1, c randfill.Continue) { f.Raw = []byte(`{"f:metadata":{"f:name":{}}}`) },
		func(r *runtime.RawExtension, c randfill.Continue) { r.Raw = raw(c) },
		func(j *apiextensionsv1.JSON, c randfill.Continue) { j.Raw = raw(c) },
		func(s *apiextensionsv1.JSONSchemaPropsOrArray, c randfill.Continue) {
			if c.Rand.Intn(2) > 0 {
				s.Schema = schemaProps(c)
			} else {
				s.JSONSchemas = []apiextensionsv1.JSONSchemaProps{*schemaProps(c), *schemaProps(c)}
			}
		},
		func(s *apiextensionsv1.JSONSchemaPropsOrBool, c randfill.Continue) {
			s.Allows = c.Bool()
			if c.Rand.Intn(2) > 0 {
				s.Allows, s.Schema = true, schemaProps(c)
			}
		},
		func(s *apiextensionsv1.JSONSchemaPropsOrStringArray, c randfill.Continue) {
			if c.Rand.Intn(2) > 0 {
				s.Schema = schemaProps(c)
			} else {
				s.Property = []string{"a", c.String(0)}
			}
		},
	}
}
