package main

import (
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"
	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1beta1 "k8s.io/apimachinery/pkg/apis/meta/v1beta1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

// bodyTypes are the types of bodies that no served group registers: the
// discovery documents, errors, patches, the metadata of objects, and what
// webhooks are sent.
func bodyTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[metav1.Status](),
		reflect.TypeFor[metav1.APIVersions](),
		reflect.TypeFor[metav1.APIGroup](),
		reflect.TypeFor[metav1.APIGroupList](),
		reflect.TypeFor[metav1.APIResourceList](),
		reflect.TypeFor[metav1.PartialObjectMetadata](),
		reflect.TypeFor[metav1.PartialObjectMetadataList](),
		reflect.TypeFor[metav1beta1.PartialObjectMetadataList](),
		reflect.TypeFor[apidiscoveryv2.APIGroupDiscoveryList](),
		reflect.TypeFor[metav1.Patch](),
		reflect.TypeFor[version.Info](),
		reflect.TypeFor[admissionv1.AdmissionReview](),
	}
}

// openAPIDefinitions are upstream's generated schemas by model name, e.g. "io.k8s.api.core.v1.Pod".
func openAPIDefinitions() map[string]common.OpenAPIDefinition {
	return openapi.GetOpenAPIDefinitions(func(path string) spec.Ref { return spec.MustCreateRef(path) })
}
