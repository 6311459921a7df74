package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A search that is stopped again and again comes to what one that is not does.
func TestResume(t *testing.T) {
	for _, flags := range []string{"", "--strategy bounded", "--strategy pct --depth 2 --budget 40", "--shard 1/2", "--shard 2/2",
		"--delays 2", "--lock-aware", "--strategy states", "--strategy states --shard 2/2", "--delays 2 --shard 1/2", "--lock-aware --shard 2/2", "--model lkmm", "--model tso --shard 1/2",
		"--model tso --strategy pos --budget 40"} {
		for _, pair := range []string{"lost-wakeup/2001-careful", "lost-wakeup/2002-careless"} {
			args := append([]string{"check", pair}, strings.Fields(flags)...)
			wantCode, want, _ := trapline(t, args...)
			file := filepath.Join(t.TempDir(), "it's a search")
			_, stdout, stderr := trapline(t, append(args, "--budget", "1", "--checkpoint", file)...)
			if want := "go on with it: trapline check --resume " + quote(file) + "\n"; stderr != want && strings.Contains(stdout, "stopped after") {
				t.Errorf("%v: %s, want %s", args, stderr, want)
			}
			for budget := 2; budget < 5 && strings.Contains(stdout, "stopped"); budget++ {
				_, stdout, _ = trapline(t, "check", "--resume", file, "--budget", strconv.Itoa(budget))
			}
			last, wantStderr := []string{"check", "--resume", file, pair}, ""
			if strings.Contains(flags, "--budget") { // a sample is never done
				last, wantStderr = append(last, "--budget", "40"), stderr
			}
			if code, stdout, stderr := trapline(t, last...); stdout != want || code != wantCode || stderr != wantStderr {
				t.Errorf("%v: exit %d, %s\n%s\nwant %d\n%s", args, code, stderr, stdout, wantCode, want)
			}
			left, err := os.ReadDir(filepath.Dir(file))
			if err != nil || len(left) != 1 {
				t.Errorf("%v: %v remain in the folder, %v", args, left, err)
			}
		}
	}
}

func TestResumeMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "search")
	if code, stdout, stderr := trapline(t, "check", "lost-wakeup/2001-careful", "--budget", "2", "--checkpoint", file); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, args, want string }{
		{"", "", "nothing-happens/2003-liar", "its pair is lost-wakeup/2001-careful (leave the arguments out)"},
		{"checkpoint v1", "checkpoint v2", "", `it is a "trapline checkpoint v2", but this trapline reads only "trapline checkpoint v1" (give a file`},
		{`"model":"sc"`, `"model":"pso"`, "", `no memory model "pso"`},
		{`"model":"sc"`, `"model":"tso"`, "", "it is of the memory model tso, and its search of sc"},
		{"2001-careful", "2003-liar", "", "it is of another program, or of another version of it or of trapline (start again without it)"},
		{"2001-careful", "2004-new", "", `no design "2004-new"`},
		{`"offset":4096`, `"offset":4097`, "", "it is of main at offset 0x1001, which now is main at 0x1000 (the program has changed: start again)"},
		{`"blocked":0`, `"blocked":7`, "", "it is damaged (start again without it)"},
		{`"search":{`, `"search":7,"x":{`, "", "it is not a checkpoint"},
	} {
		text := strings.Replace(string(good), c.old, c.new, 1)
		if c.old != "" && text == string(good) {
			t.Fatalf("%s is not in the file", c.old)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := trapline(t, append([]string{"check", "--resume", file}, strings.Fields(c.args)...)...)
		if code != exitMistake || !strings.Contains(stderr, c.want) {
			t.Errorf("%s for %s: exit %d, %s, want %s", c.new, c.old, code, stderr, c.want)
		}
	}
}

// A search that is interrupted is kept.
func TestInterruptKeeps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "search")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("interrupt signal received"))
	code, stdout, _ := traplineWith(ctx, fakeCatalogue(), "check", "lost-wakeup/2001-careful", "--checkpoint", file)
	if code != exitInterrupted || !strings.Contains(stdout, ": inconclusive\nincomplete (interrupt signal received)") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if code, stdout, stderr := trapline(t, "check", "--resume", file); code != exitOK || !strings.Contains(stdout, ": clean\n") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func FuzzParseCheckpointFile(f *testing.F) {
	f.Add([]byte(`{"form":"trapline checkpoint v1","scenario":"a","design":"b","model":"sc","elf":"","symbol":"main","offset":4096,"search":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if file, err := parseCheckpointFile(text); (file == nil) == (err == nil) {
			t.Fatal(file, err)
		}
	})
}
