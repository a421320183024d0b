//go:build tools

// Package tools makes the Pulumi CLI a dependency, so that go.mod and go.sum pin all it is built
// from. It has a module of its own, since the plugins need another version of a shared dependency.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
