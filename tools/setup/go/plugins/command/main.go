// pulumi-resource-command runs commands on this machine as part of an update. Of the official
// provider it has what runs locally, command:local:Command; not the remote resources, and not the
// collecting of files as assets.
package main

import (
	"context"
	"log"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// commandVersion is set when building: the version of the Python SDK that asks for this plugin.
var commandVersion = "0.0.0"

func main() {
	// The token's module comes from the Go package's name, which for a program is "main".
	provider, err := infer.NewProviderBuilder().
		WithResources(infer.Resource(&Command{})).
		WithModuleMap(map[tokens.ModuleName]tokens.ModuleName{"main": "local"}).
		Build()
	if err != nil {
		log.Fatal(err)
	}
	if err := provider.Run(context.Background(), "command", commandVersion); err != nil {
		log.Fatal(err)
	}
}
