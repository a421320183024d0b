package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// bailCode is how the script says that the program failed and that the user has been told why.
const bailCode = 32

// interruptGrace is how long an interrupted program gets to end before it is killed, as in the
// official host.
const interruptGrace = 5 * time.Second

// Run executes the program once, for a preview or an update.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	python, err := pythonOf(req.GetInfo())
	if err != nil {
		return nil, err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	script, err := execScript()
	if err != nil {
		return nil, err
	}
	// The call ends with its connection, this process with Cancel or a signal: whichever is first.
	running, interrupt := context.WithCancel(h.lifetime)
	defer interrupt()
	defer context.AfterFunc(ctx, interrupt)()
	cmd, err := python.Command(running, append([]string{"-u", script}, h.arguments(req)...)...)
	if err != nil {
		return nil, err
	}
	if cmd.Env, err = environment(cmd.Environ(), req); err != nil {
		return nil, err
	}
	// The engine shows what comes out here among the program's messages.
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptGrace
	err = cmd.Run()
	return outcome(err, running.Err() != nil)
}

// outcome turns the program's end into the engine's terms. A program that was interrupted has not
// declared all that it has: whatever its exit code, it must not count as having ended well, or the
// engine deletes the rest. The engine knows why it interrupted and has said so.
func outcome(err error, interrupted bool) (*pulumirpc.RunResponse, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case interrupted:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case !errors.As(err, &exit):
		return nil, fmt.Errorf("start the Python program: %w", err)
	case exit.ExitCode() == bailCode:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case exit.Exited():
		return &pulumirpc.RunResponse{
			Error: fmt.Sprintf("Program exited with non-zero exit code: %d", exit.ExitCode()),
		}, nil
	default:
		return &pulumirpc.RunResponse{Error: "Program was ended from outside: " + exit.Error()}, nil
	}
}

// execScript finds the script that lies beside this program.
func execScript() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	script := filepath.Join(filepath.Dir(self), "pulumi-language-python-exec")
	if _, err := os.Stat(script); err != nil {
		return "", fmt.Errorf("the script that runs Python programs is missing: %w", err)
	}
	return script, nil
}

// arguments are the script's; it takes an absent one as unknown.
func (h *host) arguments(req *pulumirpc.RunRequest) []string {
	var args []string
	for _, option := range []struct{ name, value string }{
		{"monitor", req.GetMonitorAddress()},
		{"engine", h.engine},
		{"project", req.GetProject()},
		{"root_directory", req.GetInfo().GetRootDirectory()},
		{"stack", req.GetStack()},
		{"organization", req.GetOrganization()},
		{"pwd", req.GetPwd()},
		{"dry_run", strconv.FormatBool(req.GetDryRun())},
		{"parallel", strconv.Itoa(int(req.GetParallel()))},
	} {
		if option.value != "" {
			args = append(args, "--"+option.name, option.value)
		}
	}
	program := req.GetInfo().GetEntryPoint()
	if program == "" {
		program = "."
	}
	return append(append(args, program), req.GetArgs()...)
}

// environment carries the configuration, which may hold secrets: on the command line anyone could
// read it.
func environment(env []string, req *pulumirpc.RunRequest) ([]string, error) {
	// The script parses both as JSON and trips over "null".
	config := req.GetConfig()
	if config == nil {
		config = map[string]string{}
	}
	secretKeys := req.GetConfigSecretKeys()
	if secretKeys == nil {
		secretKeys = []string{}
	}
	for name, value := range map[string]any{
		"PULUMI_CONFIG":             config,
		"PULUMI_CONFIG_SECRET_KEYS": secretKeys,
	} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", name, err)
		}
		env = append(env, name+"="+string(encoded))
	}
	return env, nil
}
