// pulumi-language-python runs Pulumi programs written in Python. The engine starts it, reads its
// port from the first line it prints, and talks to it over gRPC; it starts the program through
// pulumi-language-python-exec, a script of the Python SDK that lies beside it.
//
// It has what preview, up, refresh, destroy and config need, not code generation.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// languageVersion is set when building: that of the CLI.
var languageVersion = "0.0.0"

// engineCheckInterval is how often the engine is asked whether it is still there, so that this
// process ends by itself when the engine was killed.
const engineCheckInterval = time.Minute

func main() {
	log.SetFlags(0)
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var engine string
	if len(os.Args) > 1 {
		engine = os.Args[len(os.Args)-1]
		if err := rpcutil.Healthcheck(ctx, engine, engineCheckInterval, stop); err != nil {
			return fmt.Errorf("watch the engine at %s: %w", engine, err)
		}
	}
	cancelled := make(chan bool)
	context.AfterFunc(ctx, func() { close(cancelled) })
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancelled,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine, lifetime: ctx, stop: stop})
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}
