// Command client-go drives a cluster as Go operators do: the generated clientset (protobuf both ways), informers
// (WatchList), leader election, the dynamic and metadata clients, and a controller-runtime manager. It prints a line
// for each check and fails when one does. Usage: client-go KUBECONFIG NAMESPACE
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type check struct {
	name string
	run  func(ctx context.Context, config *rest.Config, namespace string) error
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client-go KUBECONFIG NAMESPACE")
		os.Exit(2)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	config.QPS, config.Burst = 200, 400
	checks := slices.Concat(typedChecks, protobufChecks, dynamicChecks, controllerChecks, streamChecks)
	failed := false
	for _, c := range checks {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		err := c.run(ctx, rest.CopyConfig(config), os.Args[2])
		cancel()
		if err != nil {
			failed = true
			fmt.Printf("FAIL %s: %v\n", c.name, err)
		} else {
			fmt.Printf("ok %s\n", c.name)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// expect gives an error with the text unless the condition holds.
func expect(condition bool, format string, args ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func first(errors ...error) error {
	for _, err := range errors {
		if err != nil {
			return err
		}
	}
	return nil
}
