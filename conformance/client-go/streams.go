package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

var streamChecks = []check{
	{"exec by SPDY, by WebSocket, and by the one when the other is refused", execStreams},
}

// execStreams runs a command in a pod over each wire: its outputs and its exit code must come back.
func execStreams(ctx context.Context, config *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "streams"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "main", Image: "busybox:1", Command: []string{"sh", "-c", "sleep infinity"}},
		}},
	}
	if _, err := client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return err
	}
	running := func(ctx context.Context) (bool, error) {
		found, err := client.CoreV1().Pods(namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		return err == nil && found.Status.Phase == corev1.PodRunning, err
	}
	if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 30*time.Second, true, running); err != nil {
		return err
	}
	options := &corev1.PodExecOptions{
		Command: []string{"sh", "-c", "echo out; echo err >&2; exit 3"}, Stdout: true, Stderr: true,
	}
	url := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod.Name).
		SubResource("exec").VersionedParams(options, scheme.ParameterCodec).URL()
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", url)
	if err != nil {
		return err
	}
	webSocket, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
	if err != nil {
		return err
	}
	either, err := remotecommand.NewFallbackExecutor(webSocket, spdy, httpstream.IsUpgradeFailure)
	if err != nil {
		return err
	}
	for name, executor := range map[string]remotecommand.Executor{"SPDY": spdy, "WebSocket": webSocket, "fallback": either} {
		var stdout, stderr bytes.Buffer
		err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
		exited, ok := err.(exec.CodeExitError)
		if err := first(
			expect(ok && exited.Code == 3, "%s: not exit code 3 but %v", name, err),
			expect(stdout.String() == "out\n" && stderr.String() == "err\n", "%s: %q, %q", name, stdout.String(), stderr.String()),
		); err != nil {
			return err
		}
	}
	return refusedStreams(ctx, config, url.String())
}

// refusedStreams asks for a container that is not there: the reason must come back.
func refusedStreams(ctx context.Context, config *rest.Config, url string) error {
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", url+"&container=nobody")
	if err != nil {
		return err
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
	return expect(strings.Contains(fmt.Sprint(err), "container nobody is not valid for pod streams"), "refusal: %v", err)
}
