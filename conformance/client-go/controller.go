package main

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

var controllerChecks = []check{
	{"a controller-runtime manager with leader election, owned objects and finalizers", controllerRuntime},
}

const finalizer = "conformance.podwright.dev/finalizer"

func controllerRuntime(ctx context.Context, config *rest.Config, namespace string) error {
	log.SetLogger(zap.New(zap.UseDevMode(false), zap.Level(zapcore.ErrorLevel)))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	manager, err := ctrl.NewManager(config, ctrl.Options{
		LeaderElection: true, LeaderElectionID: "conformance", LeaderElectionNamespace: namespace, LeaderElectionReleaseOnCancel: true,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
	})
	if err != nil {
		return err
	}
	c := manager.GetClient()
	err = ctrl.NewControllerManagedBy(manager).For(&corev1.ConfigMap{}).Owns(&corev1.Secret{}).Named("copies").Complete(reconciler{c})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()

	source := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "source", Labels: map[string]string{"copy": "yes"}}}
	if err := c.Create(ctx, source); err != nil {
		return err
	}
	copied := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "source"}}
	exists := func(ctx context.Context) (bool, error) {
		err := manager.GetAPIReader().Get(ctx, client.ObjectKeyFromObject(copied), copied)
		return err == nil, client.IgnoreNotFound(err)
	}
	poll := func(condition wait.ConditionWithContextFunc) error {
		return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 20*time.Second, true, condition)
	}
	if err := poll(exists); err != nil {
		return fmt.Errorf("no copy was made: %w", err)
	}
	uid := copied.UID
	if err := c.Delete(ctx, copied); err != nil {
		return err
	}
	err = poll(func(ctx context.Context) (bool, error) {
		found, err := exists(ctx)
		return found && copied.UID != uid, err
	})
	if err != nil {
		return fmt.Errorf("the deleted copy was not made again: %w", err)
	}
	if err := c.Delete(ctx, source); err != nil {
		return err
	}
	err = poll(func(ctx context.Context) (bool, error) {
		err := manager.GetAPIReader().Get(ctx, client.ObjectKeyFromObject(source), source)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		return fmt.Errorf("the finalizer was not taken off: %w", err)
	}
	stop()
	return <-ended
}

type reconciler struct{ client.Client }

func (r reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	source := &corev1.ConfigMap{}
	if err := r.Get(ctx, request.NamespacedName, source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if source.Labels["copy"] != "yes" {
		return ctrl.Result{}, nil
	}
	if !source.DeletionTimestamp.IsZero() {
		controllerutil.RemoveFinalizer(source, finalizer)
		return ctrl.Result{}, client.IgnoreNotFound(r.Update(ctx, source))
	}
	if controllerutil.AddFinalizer(source, finalizer) {
		return ctrl.Result{}, r.Update(ctx, source)
	}
	copied := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: source.Namespace, Name: source.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, copied, func() error {
		return controllerutil.SetControllerReference(source, copied, r.Scheme())
	})
	return ctrl.Result{}, err
}
