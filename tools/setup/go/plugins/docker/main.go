// pulumi-resource-docker lets Pulumi manage Docker: the bridge library that the official provider
// is built with, over the same provider for Docker, with the same names for resources and
// properties.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	bridgetokens "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/terraform-providers/terraform-provider-docker/shim"
)

// dockerVersion is set when building: the version of the Python SDK that asks for this plugin.
var dockerVersion = "0.0.0"

// maxNameLength bounds the names that Pulumi makes up for resources without one.
const maxNameLength = 255

func main() {
	// The schema only serves code generation and documentation, and the SDK has both already.
	tfbridge.Main("docker", dockerVersion, providerInfo(), []byte("{}"))
}

// providerInfo maps docker_thing to docker:index/thing:Thing, less where the SDK deviates from it.
func providerInfo() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:            sdkv2.NewProvider(shim.NewProvider(dockerVersion)),
		Name:         "docker",
		Version:      dockerVersion,
		MetadataInfo: tfbridge.NewProviderMetadata([]byte("{}")),
		Config: map[string]*tfbridge.SchemaInfo{
			"host": {Default: &tfbridge.DefaultInfo{
				Value:   "unix:///var/run/docker.sock",
				EnvVars: []string{"DOCKER_HOST"},
			}},
			"registry_auth": {Name: "registryAuth", MaxItemsOne: tfbridge.False()},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"docker_config": {Tok: resource("serviceConfig", "ServiceConfig")},
			"docker_image": {
				Tok: resource("remoteImage", "RemoteImage"),
				// An image's name is where it comes from: not one to make up.
				Fields: map[string]*tfbridge.SchemaInfo{"name": {Name: "name"}},
			},
			"docker_container": {
				Tok: resource("container", "Container"),
				// Two containers cannot have one name or one port.
				DeleteBeforeReplace: true,
				// Lists get plural names; these two have kept theirs.
				Fields: map[string]*tfbridge.SchemaInfo{
					"command":           {Name: "command"},
					"networks_advanced": {Name: "networksAdvanced"},
				},
			},
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"docker_image": {Tok: tokens.ModuleMember("docker:index/getRemoteImage:getRemoteImage")},
		},
	}
	info.MustComputeTokens(bridgetokens.SingleModule("docker_", "index", bridgetokens.MakeStandard("docker")))
	info.SetAutonaming(maxNameLength, "-")
	return info
}

func resource(member, name string) tokens.Type {
	return tokens.Type("docker:index/" + member + ":" + name)
}
