package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

var protobufChecks = []check{
	{"typed clients, informers and metadata are answered in protobuf", answeredInProtobuf},
}

const watched = runtime.ContentTypeProtobuf + ";stream=watch"

// contentTypes counts the media types of answers.
type contentTypes struct {
	next http.RoundTripper
	mu   *sync.Mutex
	seen map[string]int
}

func (c contentTypes) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(request)
	if err == nil {
		c.mu.Lock()
		c.seen[response.Header.Get("Content-Type")]++
		c.mu.Unlock()
	}
	return response, err
}

func answeredInProtobuf(ctx context.Context, config *rest.Config, namespace string) error {
	var mu sync.Mutex
	seen := map[string]int{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return contentTypes{next, &mu, seen} })
	config.ContentType = runtime.ContentTypeProtobuf
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := first(everyVerb(ctx, client, namespace), informersSee(ctx, client, config, namespace)); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	for mediaType := range seen {
		if !strings.HasPrefix(mediaType, runtime.ContentTypeProtobuf) {
			return fmt.Errorf("answers came as %v", seen)
		}
	}
	return expect(seen[runtime.ContentTypeProtobuf] >= 8 && seen[watched] >= 2, "answers came as %v", seen)
}

func everyVerb(ctx context.Context, client kubernetes.Interface, namespace string) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	data := map[string]string{"a": "1", "text": "zwölf\nZeilen"}
	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "protobuf"}, Data: data, BinaryData: map[string][]byte{"b": {0, 255}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	got, err := maps.Get(ctx, "protobuf", metav1.GetOptions{})
	if err != nil {
		return err
	}
	err = first(
		expect(got.UID == made.UID && got.Data["text"] == data["text"], "got %v", got),
		expect(string(got.BinaryData["b"]) == "\x00\xff", "bytes are %q", got.BinaryData["b"]),
		expect(len(got.ManagedFields) == 1 && got.ManagedFields[0].FieldsV1 != nil, "managed fields are %v", got.ManagedFields),
		expect(time.Since(got.CreationTimestamp.Time) < time.Hour, "made at %v", got.CreationTimestamp),
	)
	if err != nil {
		return err
	}
	got.Data["a"] = "2"
	if _, err := maps.Update(ctx, got, metav1.UpdateOptions{}); err != nil {
		return err
	}
	patched, err := maps.Patch(ctx, "protobuf", types.MergePatchType, []byte(`{"data":{"c":"3"}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	list, err := maps.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=protobuf"})
	if err != nil {
		return err
	}
	_, missing := maps.Get(ctx, "no-such", metav1.GetOptions{})
	return first(
		expect(len(patched.Data) == 3 && patched.Data["a"] == "2", "patched: %v", patched.Data),
		expect(len(list.Items) == 1 && list.Items[0].Data["c"] == "3" && list.ResourceVersion != "", "listed: %v", list),
		expect(apierrors.IsNotFound(missing), "get of a missing one: %v", missing),
		maps.Delete(ctx, "protobuf", metav1.DeleteOptions{}),
	)
}

// informersSee watches through the typed client and the one for metadata.
func informersSee(ctx context.Context, client kubernetes.Interface, config *rest.Config, namespace string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var added, deleted atomic.Int32
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { added.Add(1) },
		DeleteFunc: func(any) { deleted.Add(1) },
	}
	typed := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	leases := schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	configMaps := corev1.SchemeGroupVersion.WithResource("configmaps")
	partial := metadatainformer.NewFilteredSharedInformerFactory(metadataClient, 0, namespace, nil)
	partial.ForResource(leases).Informer()
	for _, informer := range []cache.SharedIndexInformer{typed.Core().V1().ConfigMaps().Informer(), partial.ForResource(configMaps).Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	typed.Start(ctx.Done())
	partial.Start(ctx.Done())
	typed.WaitForCacheSync(ctx.Done())
	partial.WaitForCacheSync(ctx.Done())
	maps := client.CoreV1().ConfigMaps(namespace)
	before := added.Load()
	made := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "protobuf-watched"}, Data: map[string]string{"k": "v"}}
	if _, err := maps.Create(ctx, made, metav1.CreateOptions{}); err != nil {
		return err
	}
	sees := func(condition func() bool) error {
		return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
			return condition(), nil
		})
	}
	if err := sees(func() bool { return added.Load() == before+2 }); err != nil {
		return fmt.Errorf("added %d, then %d: %w", before, added.Load(), err)
	}
	got, err := typed.Core().V1().ConfigMaps().Lister().ConfigMaps(namespace).Get("protobuf-watched")
	if err != nil {
		return err
	}
	if err := expect(got.Data["k"] == "v", "data is %v", got.Data); err != nil {
		return err
	}
	if err := maps.Delete(ctx, made.Name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := sees(func() bool { return deleted.Load() == 2 }); err != nil {
		return fmt.Errorf("deleted %d: %w", deleted.Load(), err)
	}
	return nil
}
