// Package shim hands out the Docker provider, which its authors keep in an internal package.
//
// Go lets a package under .../terraform-provider-docker/ import that internal package, and goes by
// the path alone. So this module carries such a path; go.mod replaces it with this folder.
package shim

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// NewProvider returns the provider with all its resources.
func NewProvider(version string) *schema.Provider {
	return provider.New(version)()
}
