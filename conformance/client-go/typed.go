package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/retry"
)

var typedChecks = []check{
	{"typed create, get, update, delete with protobuf bodies", typedLifeCycle},
	{"conflicts, preconditions and errors are recognised", typedErrors},
	{"an informer sees what is there and what comes", informerSees},
	{"leader election passes from one to the other", leaderElection},
	{"recorded events are stored and aggregated", recordedEvents},
	{"scale, eviction, binding and status subresources", subresources},
	{"token request, token review and access reviews", reviews},
}

func container(name string) corev1.Container {
	return corev1.Container{
		Name:  name,
		Image: "app:1",
		Env:   []corev1.EnvVar{{Name: "A", Value: "1"}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0.1"), corev1.ResourceMemory: resource.MustParse("1024Ki")},
		},
		ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}},
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{container("main")},
					Volumes:    []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				},
			},
		},
	}
}

func typedLifeCycle(ctx context.Context, config *rest.Config, namespace string) error {
	client := kubernetes.NewForConfigOrDie(config)
	deployments := client.AppsV1().Deployments(namespace)
	made, err := deployments.Create(ctx, deployment("typed", 0), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	requests := made.Spec.Template.Spec.Containers[0].Resources.Requests
	err = first(
		expect(*made.Spec.Replicas == 0, "replicas 0 became %d", *made.Spec.Replicas),
		expect(*made.Spec.ProgressDeadlineSeconds == 600, "no default for progressDeadlineSeconds"),
		expect(made.Spec.Template.Spec.Volumes[0].EmptyDir != nil, "the volume lost its source"),
		expect(made.Spec.Template.Spec.Containers[0].ReadinessProbe.Exec != nil, "the probe lost its handler"),
		expect(requests.Cpu().String() == "100m" && requests.Memory().String() == "1Mi", "requests are %v", requests),
		expect(made.Generation == 1, "generation is %d", made.Generation),
	)
	if err != nil {
		return err
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		got, err := deployments.Get(ctx, "typed", metav1.GetOptions{})
		if err != nil {
			return err
		}
		got.Spec.Template.Spec.Containers[0].Image = "app:2"
		_, err = deployments.Update(ctx, got, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	patched, err := deployments.Patch(ctx, "typed", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"B","value":"2"}]}]}}}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	env := patched.Spec.Template.Spec.Containers[0].Env
	if err := expect(len(env) == 2 && env[0].Name == "B", "env is %v", env); err != nil {
		return err
	}
	list, err := deployments.List(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", "typed").String(), Limit: 5})
	if err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1 && list.ResourceVersion != "", "the list has %d items", len(list.Items)); err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	return deployments.Delete(ctx, "typed", metav1.DeleteOptions{PropagationPolicy: &foreground})
}

func typedErrors(ctx context.Context, config *rest.Config, namespace string) error {
	maps := kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "errors"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, again := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "errors"}}, metav1.CreateOptions{})
	_, missing := maps.Get(ctx, "no-such", metav1.GetOptions{})
	_, invalid := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Not_A_Name"}}, metav1.CreateOptions{})
	newer := made.DeepCopy()
	newer.Data = map[string]string{"a": "b"}
	if _, err := maps.Update(ctx, newer, metav1.UpdateOptions{}); err != nil {
		return err
	}
	made.Data = map[string]string{"a": "c"}
	_, conflict := maps.Update(ctx, made, metav1.UpdateOptions{})
	wrong := types.UID("wrong")
	precondition := maps.Delete(ctx, "errors", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}})
	return first(
		expect(apierrors.IsAlreadyExists(again), "second create: %v", again),
		expect(apierrors.IsNotFound(missing), "get of a missing one: %v", missing),
		expect(apierrors.IsInvalid(invalid), "create of a wrong name: %v", invalid),
		expect(apierrors.IsConflict(conflict), "stale update: %v", conflict),
		expect(apierrors.IsConflict(precondition), "delete with another uid: %v", precondition),
	)
}

func informerSees(ctx context.Context, config *rest.Config, namespace string) error {
	client := kubernetes.NewForConfigOrDie(config)
	secrets := client.CoreV1().Secrets(namespace)
	create := func(name string) error {
		_, err := secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"k": "v"}}, metav1.CreateOptions{})
		return err
	}
	if err := create("before"); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Secrets()
	var added, deleted atomic.Int32
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { added.Add(1) },
		DeleteFunc: func(any) { deleted.Add(1) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v did not sync", kind)
		}
	}
	if err := first(create("after"), secrets.Delete(ctx, "before", metav1.DeleteOptions{})); err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		_, missing := informer.Lister().Secrets(namespace).Get("before")
		return added.Load() >= 2 && deleted.Load() == 1 && apierrors.IsNotFound(missing), nil
	})
	if err != nil {
		return fmt.Errorf("added %d, deleted %d: %w", added.Load(), deleted.Load(), err)
	}
	got, err := informer.Lister().Secrets(namespace).Get("after")
	if err != nil {
		return err
	}
	return expect(string(got.Data["k"]) == "v", "data is %q", got.Data["k"])
}

func leaderElection(ctx context.Context, config *rest.Config, namespace string) error {
	client := kubernetes.NewForConfigOrDie(config)
	leaders := make(chan string, 2)
	run := func(ctx context.Context, id string) {
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: "leader"},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: id},
		}
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leaders <- id },
				OnStoppedLeading: func() {},
			},
		})
	}
	firstContext, resign := context.WithCancel(ctx)
	go run(firstContext, "one")
	if leader := <-leaders; leader != "one" {
		resign()
		return fmt.Errorf("%s leads first", leader)
	}
	secondContext, stop := context.WithCancel(ctx)
	defer stop()
	go run(secondContext, "two")
	resign()
	select {
	case leader := <-leaders:
		return expect(leader == "two", "%s leads second", leader)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func recordedEvents(ctx context.Context, config *rest.Config, namespace string) error {
	client := kubernetes.NewForConfigOrDie(config)
	made, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "recorded"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "conformance"})
	for range 3 {
		recorder.Event(made, corev1.EventTypeNormal, "Tested", "it was tested")
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=recorded,reason=Tested"})
		if err != nil {
			return false, err
		}
		return len(list.Items) == 1 && list.Items[0].Count == 3, nil
	})
}

func subresources(ctx context.Context, config *rest.Config, namespace string) error {
	client := kubernetes.NewForConfigOrDie(config)
	deployments := client.AppsV1().Deployments(namespace)
	if _, err := deployments.Create(ctx, deployment("sub", 0), metav1.CreateOptions{}); err != nil {
		return err
	}
	scale, err := deployments.UpdateScale(ctx, "sub", &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: "sub", Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 1},
	}, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	if err := expect(scale.Spec.Replicas == 1 && scale.Status.Selector == "app=sub", "scale is %v", scale); err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bound"}, Spec: corev1.PodSpec{SchedulerName: "nobody", Containers: []corev1.Container{container("main")}}}
	pods := client.CoreV1().Pods(namespace)
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "bound"}, Target: corev1.ObjectReference{Kind: "Node", Name: "no-such-node"}}
	if err := pods.Bind(ctx, binding, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	twice := pods.Bind(ctx, binding, metav1.CreateOptions{})
	got, err := pods.Get(ctx, "bound", metav1.GetOptions{})
	if err != nil {
		return err
	}
	got.Status.Phase = corev1.PodFailed
	got.Status.Message = "for the test"
	updated, err := pods.UpdateStatus(ctx, got, metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("update status: %w", err)
	}
	err = first(
		expect(apierrors.IsConflict(twice), "second bind: %v", twice),
		expect(got.Spec.NodeName == "no-such-node", "node is %q", got.Spec.NodeName),
		expect(updated.Status.Message == "for the test", "status is %v", updated.Status),
	)
	if err != nil {
		return err
	}
	if err := pods.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "bound", Namespace: namespace}}); err != nil {
		return fmt.Errorf("evict: %w", err)
	}
	return nil
}

func reviews(ctx context.Context, config *rest.Config, namespace string) error {
	client := kubernetes.NewForConfigOrDie(config)
	if _, err := client.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "tester"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	hour := int64(3600)
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, "tester", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("token request: %w", err)
	}
	review, err := client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("token review: %w", err)
	}
	as := rest.AnonymousClientConfig(config)
	as.BearerToken = token.Status.Token
	self, err := kubernetes.NewForConfigOrDie(as).AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("who am I with the token: %w", err)
	}
	access, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "create", Resource: "pods", Namespace: namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("access review: %w", err)
	}
	name := "system:serviceaccount:" + namespace + ":tester"
	return first(
		expect(review.Status.Authenticated && review.Status.User.Username == name, "the review says %v", review.Status),
		expect(self.Status.UserInfo.Username == name, "the token is %v", self.Status.UserInfo),
		expect(access.Status.Allowed, "the administrator may not create pods"),
	)
}
