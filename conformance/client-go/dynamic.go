package main

import (
	"context"
	"fmt"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

var dynamicChecks = []check{
	{"discovery lists groups and resources", discoveryLists},
	{"a custom resource's life through the dynamic client", customResource},
	{"the metadata client lists metadata alone", metadataOnly},
}

func discoveryLists(_ context.Context, config *rest.Config, _ string) error {
	client := discovery.NewDiscoveryClientForConfigOrDie(config)
	resources, err := restmapper.GetAPIGroupResources(client)
	if err != nil {
		return err
	}
	mapping, err := restmapper.NewDiscoveryRESTMapper(resources).RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	if err != nil {
		return err
	}
	if err := expect(mapping.Resource.Resource == "deployments" && mapping.Resource.Version == "v1", "mapped to %v", mapping.Resource); err != nil {
		return err
	}
	_, err = client.ServerPreferredResources()
	return err
}

func customResource(ctx context.Context, config *rest.Config, namespace string) error {
	group := namespace + ".example.com"
	crds := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	one := float64(1)
	crd := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object",
					Properties: map[string]apiextensionsv1.JSONSchemaProps{
						"spec": {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
							"size":  {Type: "integer", Minimum: &one},
							"color": {Type: "string", Default: &apiextensionsv1.JSON{Raw: []byte(`"red"`)}},
						}},
						"status": {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"ready": {Type: "boolean"}}},
					},
				}},
			}},
		},
	}
	if _, err := crds.Create(ctx, crd, metav1.CreateOptions{}); err != nil {
		return err
	}
	defer crds.Delete(context.Background(), crd.Name, metav1.DeleteOptions{})
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		got, err := crds.Get(ctx, crd.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range got.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("not established: %w", err)
	}

	widgets := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: "widgets"}).Namespace(namespace)
	widget := func(name string, size int64) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": group + "/v1", "kind": "Widget", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"size": size, "unknown": "x"}, "status": map[string]any{"ready": true},
		}}
	}
	var made *unstructured.Unstructured
	// A real API server may answer 404 for a moment after it says Established.
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		made, err = widgets.Create(ctx, widget("w", 3), metav1.CreateOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	color, _, _ := unstructured.NestedString(made.Object, "spec", "color")
	_, unknown, _ := unstructured.NestedString(made.Object, "spec", "unknown")
	_, status := made.Object["status"]
	_, tooSmall := widgets.Create(ctx, widget("small", 0), metav1.CreateOptions{})
	err = first(
		expect(color == "red", "the default is %q", color),
		expect(!unknown, "an unknown field was kept"),
		expect(!status, "create set the status"),
		expect(apierrors.IsInvalid(tooSmall), "a wrong size: %v", tooSmall),
	)
	if err != nil {
		return err
	}

	watcher, err := widgets.Watch(ctx, metav1.ListOptions{ResourceVersion: made.GetResourceVersion()})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	_, err = widgets.Patch(ctx, "w", types.MergePatchType, []byte(`{"status":{"ready":true}}`), metav1.PatchOptions{}, "status")
	if err != nil {
		return err
	}
	if err := widgets.Delete(ctx, "w", metav1.DeleteOptions{}); err != nil {
		return err
	}
	for _, expected := range []watch.EventType{watch.Modified, watch.Deleted} {
		event := <-watcher.ResultChan()
		if event.Type != expected {
			return fmt.Errorf("the watch gave %s instead of %s: %v", event.Type, expected, event.Object)
		}
	}
	return nil
}

func metadataOnly(ctx context.Context, config *rest.Config, namespace string) error {
	client := metadata.NewForConfigOrDie(config)
	list, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	return expect(len(list.Items) > 0 && list.Items[0].Name != "" && list.Items[0].UID != "", "items are %v", list.Items)
}
