package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// killed is the name by which the binary of the tests is a trapline whose catalogue
// has one large program.
const killed = "trapline-killed"

func mainOfKilled() {
	c := programCatalogue(writers(3, 4))
	os.Exit(runWith(context.Background(), c, os.Args[1:], os.Stdout, os.Stderr))
}

// A search whose process is killed, again and again, and gone on with, counts what one
// that is left alone does.
func TestKilledSearchesLoseNothing(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, killed)
	if err := os.Symlink(self, binary); err != nil {
		t.Skip(err)
	}
	counts := regexp.MustCompile(`, \d+ blocked|, \d+ steps`)
	for _, c := range []struct{ name, flags, last, want string }{
		// 12!/(4!)^3 orders of 3 times 4 writes.
		{"dpor", "", "", "complete: every interleaving, 34650 executions"},
		{"one worker", "--workers 1", "--workers 1", "complete: every interleaving, 34650 executions"},
		{"bounded", "--preemptions 4", "", ""},
		{"delays", "--delays 5", "", ""},
		{"states", "--strategy states", "", ""},
		{"lock-aware", "--lock-aware", "", "one order of critical sections that commute, 34650 executions"},
		{"execution graphs", "--model tso", "", "complete: every execution graph under tso, "},
		{"a sample", "--strategy pos --budget 30000", "--budget 30000", "pos sample, seed 0 (stopped after 30000 executions): 30000 executions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var alone bytes.Buffer
			want := append([]string{"check", thePair}, strings.Fields(c.flags)...)
			wantCode := runWith(context.Background(), programCatalogue(writers(3, 4)), want, &alone, &alone)
			if !strings.Contains(alone.String(), c.want) {
				t.Fatalf("alone: %s", alone.String())
			}
			file := filepath.Join(dir, c.name)
			args := slices.Concat(want, []string{"--checkpoint", file})
			for kills := 0; ; kills++ {
				var out bytes.Buffer
				cmd := exec.Command(binary, append(args, "--checkpoint-every", "10ms")...)
				cmd.Stdout, cmd.Stderr = &out, &out
				died := diesAfterCheckpoint(t, cmd, file, kills < 4)
				args = append([]string{"check", "--resume", file}, strings.Fields(c.last)...)
				if died {
					continue
				}
				got := regexp.MustCompile(`(?m)^go on with it: .*\n`).ReplaceAllString(out.String(), "")
				if code := cmd.ProcessState.ExitCode(); code != wantCode || counts.ReplaceAllString(got, "") != counts.ReplaceAllString(alone.String(), "") {
					t.Errorf("after %d kills: exit %d\n%s\nwant %d\n%s", kills, code, got, wantCode, alone.String())
				}
				t.Logf("%d kills", kills)
				return
			}
		})
	}
}

// diesAfterCheckpoint runs a search and, if it is to, kills it some time after it has
// written its file. It says whether it was killed.
func diesAfterCheckpoint(t *testing.T, cmd *exec.Cmd, file string, kill bool) bool {
	t.Helper()
	written := func() time.Time {
		info, err := os.Stat(file)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	before := written()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for late := 0; ; {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			return exit != nil && exit.ExitCode() < 0 // by a signal
		case <-ticker.C:
			if !kill || written().Equal(before) {
				continue
			}
			if late++; late == 17 { // not at once, so that there is something to lose
				_ = cmd.Process.Kill()
			}
		}
	}
}
