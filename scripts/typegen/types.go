package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// special are the types that JSON or protobuf encode in a way of their own.
var special = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():                            "quantity",
	reflect.TypeFor[metav1.Time]():                                  "time",
	reflect.TypeFor[metav1.MicroTime]():                             "microTime",
	reflect.TypeFor[metav1.Duration]():                              "duration",
	reflect.TypeFor[intstr.IntOrString]():                           "intOrString",
	reflect.TypeFor[metav1.FieldsV1]():                              "fieldsV1",
	reflect.TypeFor[runtime.RawExtension]():                         "rawExtension",
	reflect.TypeFor[apiextensionsv1.JSON]():                         "json",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrArray]():       "schemaOrArray",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrBool]():        "schemaOrBool",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrStringArray](): "schemaOrStrings",
}

var scalars = map[reflect.Kind]string{
	reflect.String:  "string",
	reflect.Bool:    "bool",
	reflect.Int32:   "int32",
	reflect.Int64:   "int64",
	reflect.Int:     "int64",
	reflect.Uint32:  "uint32",
	reflect.Uint64:  "uint64",
	reflect.Float32: "float",
	reflect.Float64: "double",
}

// field is what the table says of one field; see StructRow in packages/kube/src/types/rows.ts.
type field struct {
	name   string
	number int
	typ    string
	flags  string
	extras extras
}

// extras are the facts that few fields have.
type extras struct {
	Default       any      `json:"default,omitempty"`
	Enum          []any    `json:"enum,omitempty"`
	ElementEnum   []any    `json:"elementEnum,omitempty"`
	ListType      string   `json:"listType,omitempty"`
	ListMapKeys   []string `json:"listMapKeys,omitempty"`
	MapType       string   `json:"mapType,omitempty"`
	PatchStrategy string   `json:"patchStrategy,omitempty"`
	PatchMergeKey string   `json:"patchMergeKey,omitempty"`
	GoType        string   `json:"goType,omitempty"`
}

type structFacts struct {
	pkg, name string
	fields    []field
	mapType   string
	unions    any
}

// types collects the structs that the roots reach.
type types struct {
	definitions map[string]common.OpenAPIDefinition
	structs     map[string]*structFacts
	queue       []reflect.Type
}

func newTypes(definitions map[string]common.OpenAPIDefinition) *types {
	return &types{definitions: definitions, structs: map[string]*structFacts{}}
}

func (t *types) add(goType reflect.Type) { t.queue = append(t.queue, goType) }

func (t *types) walk() error {
	for len(t.queue) > 0 {
		goType := t.queue[0]
		t.queue = t.queue[1:]
		if _, found := t.structs[modelName(goType)]; found || special[goType] != "" || !isModel(goType) {
			continue
		}
		if err := t.addStruct(goType); err != nil {
			return err
		}
	}
	return nil
}

func (t *types) addStruct(goType reflect.Type) error {
	name := modelName(goType)
	definition := t.definitions[name]
	facts := &structFacts{pkg: packageName(goType), name: goType.Name()}
	facts.mapType, _ = definition.Schema.Extensions.GetString("x-kubernetes-map-type")
	facts.unions = definition.Schema.Extensions["x-kubernetes-unions"]
	t.structs[name] = facts
	for i := range goType.NumField() {
		goField := goType.Field(i)
		row, skipped, err := t.field(goField, facts.pkg, definition.Schema)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, goField.Name, err)
		}
		if !skipped {
			facts.fields = append(facts.fields, row)
		}
	}
	return nil
}

func (t *types) field(goField reflect.StructField, pkg string, schema spec.Schema) (row field, skipped bool, err error) {
	name, options, _ := strings.Cut(goField.Tag.Get("json"), ",")
	if name == "-" {
		return row, true, nil
	}
	number, err := protobufNumber(goField.Tag.Get("protobuf"))
	if err != nil {
		return row, false, err
	}
	row = field{name: name, number: number}
	if name == "" {
		if !goField.Anonymous {
			return row, false, fmt.Errorf("no JSON name")
		}
		row.flags = "i"
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			row.flags += "o"
		case "omitzero":
			row.flags += "z"
		}
	}
	if row.typ, err = t.typeText(goField.Type, pkg); err != nil {
		return row, false, err
	}
	if goType := pointee(goField.Type); goType.Name() != "" && (goType.Kind() == reflect.Slice || goType.Kind() == reflect.Map) {
		row.extras.GoType = goType.String()
	}
	row.extras.PatchStrategy = goField.Tag.Get("patchStrategy")
	row.extras.PatchMergeKey = goField.Tag.Get("patchMergeKey")
	if property, found := schema.Properties[name]; found {
		addOpenAPI(&row, goField.Type, property)
	}
	for _, required := range schema.Required {
		if required == name {
			row.flags += "r"
		}
	}
	return row, false, nil
}

// addOpenAPI takes the facts that only marker comments state from the generated OpenAPI definition.
func addOpenAPI(row *field, goType reflect.Type, property spec.Schema) {
	row.extras.ListType, _ = property.Extensions.GetString("x-kubernetes-list-type")
	row.extras.ListMapKeys, _ = property.Extensions.GetStringSlice("x-kubernetes-list-map-keys")
	row.extras.MapType, _ = property.Extensions.GetString("x-kubernetes-map-type")
	row.extras.Enum = property.Enum
	if property.Items != nil && property.Items.Schema != nil {
		row.extras.ElementEnum = property.Items.Schema.Enum
	}
	if property.AdditionalProperties != nil && property.AdditionalProperties.Schema != nil {
		row.extras.ElementEnum = property.AdditionalProperties.Schema.Enum
	}
	if isZero(property.Default) {
		row.flags += "d"
	} else {
		row.extras.Default = property.Default
	}
}

// isZero tells the defaults that kube-openapi writes for a plain field of its type: {}, "", 0 and false.
func isZero(value any) bool {
	if value == nil {
		return false
	}
	if object, ok := value.(map[string]any); ok {
		return len(object) == 0
	}
	return reflect.ValueOf(value).IsZero()
}

// typeText writes a type as the table does: "*" a pointer, "[]" a list, "{}" a
// map with string keys, "@" a list that protobuf wraps in a message, then a
// scalar (":v1.Protocol" names its Go type), a special or a struct.
func (t *types) typeText(goType reflect.Type, pkg string) (string, error) {
	if name, found := special[goType]; found {
		if strings.HasPrefix(name, "schema") {
			t.add(reflect.TypeFor[apiextensionsv1.JSONSchemaProps]())
		}
		return name, nil
	}
	if scalar, found := scalars[goType.Kind()]; found {
		if goType.String() == scalar || (scalar == "double" && goType.Name() == "float64") {
			return scalar, nil
		}
		return scalar + ":" + goType.String(), nil
	}
	var prefix string
	switch goType.Kind() {
	case reflect.Pointer:
		prefix = "*"
	case reflect.Slice:
		if goType.Elem().Kind() == reflect.Uint8 {
			return "bytes", nil
		}
		prefix = "[]"
		if _, isMessage := reflect.PointerTo(goType).MethodByName("Unmarshal"); isMessage {
			prefix = "@[]"
		}
	case reflect.Map:
		if goType.Key().Kind() != reflect.String {
			return "", fmt.Errorf("a map with keys of type %s", goType.Key())
		}
		prefix = "{}"
	case reflect.Struct:
		t.add(goType)
		if packageName(goType) == pkg {
			return goType.Name(), nil
		}
		return packageName(goType) + "." + goType.Name(), nil
	default:
		return "", fmt.Errorf("type %s", goType)
	}
	element, err := t.typeText(goType.Elem(), pkg)
	return prefix + element, err
}

func protobufNumber(tag string) (int, error) {
	if tag == "" {
		return 0, nil
	}
	return strconv.Atoi(strings.Split(tag, ",")[1])
}

func pointee(goType reflect.Type) reflect.Type {
	if goType.Kind() == reflect.Pointer {
		return goType.Elem()
	}
	return goType
}

// packageName shortens "k8s.io/api/core/v1" to "core/v1".
func packageName(goType reflect.Type) string {
	parts := strings.Split(goType.PkgPath(), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// modelName is the name of a type in OpenAPI, e.g. "io.k8s.api.core.v1.Pod".
func modelName(goType reflect.Type) string {
	return modelPackage(goType) + "." + goType.Name()
}

func modelPackage(goType reflect.Type) string {
	return "io.k8s." + strings.ReplaceAll(strings.TrimPrefix(goType.PkgPath(), "k8s.io/"), "/", ".")
}

// isModel keeps what requests carry out: internal types and the watch's in-memory event.
func isModel(goType reflect.Type) bool {
	_, internal := map[string]bool{"InternalEvent": true}[goType.Name()]
	return !internal && goType.Kind() == reflect.Struct
}
