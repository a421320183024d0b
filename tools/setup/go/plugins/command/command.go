package main

import (
	"context"
	"os"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Command is a resource whose life is told by up to three commands.
type Command struct{}

// Args are the resource's inputs, named as in the SDK.
type Args struct {
	Create                 *string           `pulumi:"create,optional"`
	Update                 *string           `pulumi:"update,optional"`
	Delete                 *string           `pulumi:"delete,optional"`
	Interpreter            []string          `pulumi:"interpreter,optional"`
	Dir                    *string           `pulumi:"dir,optional"`
	Environment            map[string]string `pulumi:"environment,optional"`
	Stdin                  *string           `pulumi:"stdin,optional"`
	Logging                *string           `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool             `pulumi:"addPreviousOutputInEnv,optional"`
	Triggers               []any             `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	AssetPaths             []string          `pulumi:"assetPaths,optional"`
	ArchivePaths           []string          `pulumi:"archivePaths,optional"`
}

// State is what is remembered of the last run.
type State struct {
	Args
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Annotate places Command where the SDK looks for it and fills in the default the SDK promises.
func (*Command) Annotate(a infer.Annotator) { a.SetToken("local", "Command") }

// Annotate gives the one input with a default its value, so that diffs show none.
func (args *Args) Annotate(a infer.Annotator) { a.SetDefault(&args.AddPreviousOutputInEnv, true) }

// Check refuses, in the preview already, what this provider does not do.
func (*Command) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[Args], error) {
	args, failures, err := infer.DefaultCheck[Args](ctx, req.NewInputs)
	for property, globs := range map[string][]string{"assetPaths": args.AssetPaths, "archivePaths": args.ArchivePaths} {
		if len(globs) > 0 {
			failures = append(failures, p.CheckFailure{
				Property: property,
				Reason:   "this build of the command provider does not collect files; the official one does",
			})
		}
	}
	return infer.CheckResponse[Args]{Inputs: args, Failures: failures}, err
}

// Create runs the create command.
func (*Command) Create(ctx context.Context, req infer.CreateRequest[Args]) (infer.CreateResponse[State], error) {
	state := State{Args: req.Inputs}
	id, err := resource.NewUniqueHex(req.Name, 8, 0)
	if err == nil && !req.DryRun {
		err = state.run(ctx, req.Inputs.Create)
	}
	return infer.CreateResponse[State]{ID: id, Output: state}, err
}

// Update runs the update command, or create again where there is none.
func (*Command) Update(
	ctx context.Context, req infer.UpdateRequest[Args, State],
) (infer.UpdateResponse[State], error) {
	state := State{Args: req.Inputs, Stdout: req.State.Stdout, Stderr: req.State.Stderr}
	command := req.Inputs.Update
	if command == nil {
		command = req.Inputs.Create
	}
	var err error
	if !req.DryRun {
		err = state.run(ctx, command)
	}
	return infer.UpdateResponse[State]{Output: state}, err
}

// Delete runs the delete command.
func (*Command) Delete(ctx context.Context, req infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, req.State.run(ctx, req.State.Delete)
}

// run executes command, if there is one, and keeps what it printed for the next one.
func (s *State) run(ctx context.Context, command *string) error {
	if command == nil {
		return nil
	}
	env := os.Environ()
	for name, value := range s.Environment {
		env = append(env, name+"="+value)
	}
	if s.AddPreviousOutputInEnv == nil || *s.AddPreviousOutputInEnv {
		env = append(env, previous("PULUMI_COMMAND_STDOUT", s.Stdout)...)
		env = append(env, previous("PULUMI_COMMAND_STDERR", s.Stderr)...)
	}
	result, err := execute(ctx, process{
		args:  append(interpreter(s.Interpreter), *command),
		dir:   value(s.Dir),
		env:   env,
		stdin: value(s.Stdin),
		log:   logged(value(s.Logging)),
	})
	if err != nil {
		return err
	}
	s.Stdout, s.Stderr = result.stdout, result.stderr
	return nil
}

func interpreter(given []string) []string {
	if len(given) > 0 {
		return append([]string(nil), given...)
	}
	return []string{"/bin/sh", "-c"}
}

func previous(name, output string) []string {
	if output == "" {
		return nil
	}
	return []string{name + "=" + output}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
