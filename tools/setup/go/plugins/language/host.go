package main

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/protobuf/types/known/emptypb"
)

// host answers the engine. What it does not answer, the engine takes as not implemented.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine string
	// lifetime ends when the engine cancels, or a signal ends this process; stop ends it.
	lifetime context.Context
	stop     func()
}

// Handshake learns where the engine is.
func (h *host) Handshake(
	_ context.Context, req *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = req.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// GetPluginInfo tells the version.
func (*host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: languageVersion}, nil
}

// GetRequiredPackages names none. Each resource says which plugin it needs when the program
// registers it, and the plugins are installed before the program runs.
func (*host) GetRequiredPackages(
	context.Context, *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	return &pulumirpc.GetRequiredPackagesResponse{}, nil
}

// GetProgramDependencies lists the Python packages, for `pulumi about`.
func (*host) GetProgramDependencies(
	ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	python, err := pythonOf(req.GetInfo())
	if err != nil {
		return nil, err
	}
	packages, err := python.ListPackages(ctx, req.GetTransitiveDependencies())
	if err != nil {
		return nil, err
	}
	var listed []*pulumirpc.DependencyInfo
	for _, dependency := range packages {
		listed = append(listed, &pulumirpc.DependencyInfo{Name: dependency.Name, Version: dependency.Version})
	}
	return &pulumirpc.GetProgramDependenciesResponse{Dependencies: listed}, nil
}

// About tells which Python runs the program.
func (*host) About(ctx context.Context, req *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	python, err := pythonOf(req.GetInfo())
	if err != nil {
		return nil, err
	}
	about, err := python.About(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: about.PythonExecutable, Version: about.PythonVersion.String()}, nil
}

// InstallDependencies does what `pulumi install` asks for.
func (*host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest, server pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	python, err := pythonOf(req.GetInfo())
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, req.GetIsTerminal())
	if err != nil {
		return err
	}
	defer closer.Close()
	return python.InstallDependencies(server.Context(), req.GetInfo().GetProgramDirectory(),
		req.GetUseLanguageVersionTools(), true /* show output */, stdout, stderr)
}

// Cancel interrupts the running program and stops serving once it has ended. The engine asks for it
// when the user interrupts an update, and at the end of one: after a failure the program still waits
// for resources that nobody will make.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.stop()
	return &emptypb.Empty{}, nil
}

// pythonOf finds the Python that Pulumi.yaml asks for: a virtual environment made by pip, uv or
// Poetry, or the one on PATH.
func pythonOf(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	options := toolchain.PythonOptions{
		Root:       info.GetRootDirectory(),
		ProgramDir: info.GetProgramDirectory(),
	}
	given := info.GetOptions().GetFields()
	options.Virtualenv = given["virtualenv"].GetStringValue()
	switch given["toolchain"].GetStringValue() {
	case "pip":
		options.Toolchain = toolchain.Pip
	case "poetry":
		options.Toolchain = toolchain.Poetry
	case "uv":
		options.Toolchain = toolchain.Uv
	}
	return toolchain.ResolveToolchain(options)
}
