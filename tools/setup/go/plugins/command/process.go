package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
)

// process is one command to run.
type process struct {
	args  []string
	dir   string
	env   []string
	stdin string
	log   streams
}

// streams says which of a command's outputs are shown while it runs.
type streams struct{ stdout, stderr bool }

// logged reads the input "logging"; the default is to show both.
func logged(setting string) streams {
	return streams{
		stdout: setting != "stderr" && setting != "none",
		stderr: setting != "stdout" && setting != "none",
	}
}

type result struct{ stdout, stderr string }

// pipeGrace bounds the wait for a killed command's output: a process that left the group may hold
// the pipes for as long as it likes.
const pipeGrace = 2 * time.Second

// execute runs a process to its end, or kills it and what it started when the engine cancels the
// update (ctx) or wants this provider gone (a signal).
func execute(ctx context.Context, spec process) (result, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var stdout, stderr, both bytes.Buffer
	combined := &serialWriter{to: &both}
	shown, log := io.Pipe()

	cmd := exec.CommandContext(ctx, spec.args[0], spec.args[1:]...)
	cmd.Dir, cmd.Env = spec.dir, spec.env
	cmd.Stdout = writers(spec.log.stdout, log, &stdout, combined)
	cmd.Stderr = writers(spec.log.stderr, log, &stderr, combined)
	if spec.stdin != "" {
		cmd.Stdin = strings.NewReader(spec.stdin)
	}
	// A group of its own, so that a cancelled update leaves no child of the shell at work.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipeGrace

	done := make(chan struct{})
	go func() {
		defer close(done)
		showLines(ctx, shown)
	}()
	err := cmd.Run()
	log.Close()
	<-done

	if err != nil {
		return result{}, fmt.Errorf("%w: running %q:\n%s", err, spec.args[len(spec.args)-1], both.String())
	}
	return result{
		stdout: strings.TrimSuffix(stdout.String(), "\n"),
		stderr: strings.TrimSuffix(stderr.String(), "\n"),
	}, nil
}

// showLines sends each line to the engine, which shows the latest beside the resource.
func showLines(ctx context.Context, from io.Reader) {
	reader := bufio.NewReader(from)
	for {
		line, err := reader.ReadString('\n')
		if line != "" {
			p.GetLogger(ctx).InfoStatus(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}

func writers(show bool, log io.Writer, others ...io.Writer) io.Writer {
	if show {
		others = append(others, log)
	}
	return io.MultiWriter(others...)
}

// serialWriter lets the two output streams share one buffer.
type serialWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *serialWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
