package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/sim/explore"
)

// shards checks in so many parts, and returns the files that hold their outputs.
func shards(t *testing.T, n int, args ...string) []string {
	t.Helper()
	var files []string
	dir := t.TempDir()
	for i := range n {
		_, stdout, stderr := trapline(t, append(args, "--json", "--shard", fmt.Sprint(i+1, "/", n))...)
		if stderr != "" {
			t.Fatal(stderr)
		}
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append([]string{file}, files...)
	}
	return files
}

// The parts of a search that goes by states do some of the work twice, but what is found
// and what was covered is the same.
func TestMergeOfStates(t *testing.T) {
	numbers := regexp.MustCompile(`[\d.\s]+|; \d+ of the states were visited by several parts, whose work is all counted`)
	for _, flags := range []string{"--strategy states", "--preemptions 2", "--delays 2", "--lock-aware"} {
		args := append([]string{"check"}, strings.Fields(flags)...)
		wantCode, want, _ := trapline(t, args...)
		code, got, stderr := trapline(t, append([]string{"merge"}, shards(t, 3, args...)...)...)
		got, want = numbers.ReplaceAllString(got, " "), numbers.ReplaceAllString(want, " ")
		if code != wantCode || got != want || stderr != "" {
			t.Errorf("%s: exit %d, %s\n%s\nwant %d\n%s", flags, code, stderr, got, wantCode, want)
		}
	}
}

// vain is what an output says that need not be the same.
var vain = regexp.MustCompile(`"blocked":\d+|\d+ blocked|"steps":\d+|\d+ steps\b|"elapsed_s":[^,]*,`)

// What is merged reads like the search in one piece, but for what was in vain.
func TestMerge(t *testing.T) {
	for _, args := range [][]string{
		{"check"},
		{"check", "--json"},
		{"check", "lost-wakeup"},
		{"check", "lost-wakeup/2001-careful"},
		{"check", "lost-wakeup/2002-careless"},
		{"check", "--seed", "4", "--budget", "60"},
		{"check", "--strategy", "pct", "--budget", "60", "lost-wakeup/2001-careful"},
		{"check", "lost-wakeup", "--elf", "prog", "--symbol", "main"},
		{"check", "lost-wakeup", "--model", "tso"},
		{"check", "lost-wakeup/2002-careless", "--model", "lkmm", "--json"},
		{"check", "lost-wakeup/2001-careful", "--model", "tso", "--strategy", "surw", "--budget", "60"},
	} {
		wantCode, want, _ := trapline(t, args...)
		for _, n := range []int{2, 3} {
			merge := []string{"merge"}
			if slices.Contains(args, "--json") {
				merge = append(merge, "--json")
			}
			code, got, stderr := trapline(t, append(merge, shards(t, n, args...)...)...)
			got, want = vain.ReplaceAllString(got, ""), vain.ReplaceAllString(want, "")
			if code != wantCode || got != want || stderr != "" {
				t.Errorf("%v: exit %d, %s\n%s\nwant %d\n%s", args, code, stderr, got, wantCode, want)
			}
		}
	}
}

func TestMergeMistakes(t *testing.T) {
	files := shards(t, 3, "check", "lost-wakeup/2002-careless")
	other := shards(t, 3, "check", "--seed", "3", "lost-wakeup/2002-careless")
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	dir := t.TempDir()
	n := 0
	changed := func(old, text string) string {
		was := ""
		for _, f := range files {
			was += read(f)
		}
		is := strings.ReplaceAll(was, old, text)
		if is == was {
			t.Fatalf("%s is not in %s", old, was)
		}
		n++
		file := filepath.Join(dir, fmt.Sprint("changed", n))
		if err := os.WriteFile(file, []byte(is), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	whole := filepath.Join(dir, "whole")
	_, stdout, _ := trapline(t, "check", "--json", "lost-wakeup/2002-careless")
	if err := os.WriteFile(whole, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		files []string
		code  int
		want  string
	}{
		{files[:2], exitMistake, "these results cannot be merged: shard 1 of 3 missing (every part is needed once"},
		{append(files[1:], files...), exitMistake, "shard 2 of 3 is there twice"},
		{append(files[:2:2], other[2]), exitMistake, "are of different searches: the strategy is dpor, and random"},
		{[]string{whole}, exitMistake, "whole:1: it is not of a part (give what check --shard --json printed)"},
		{[]string{changed(`"program":"`, `"program":"x`)}, exitMistake, "want 16 hexadecimal digits"},
		{[]string{changed(`"program":"`, `"program":"0`)}, exitMistake, "want 16 hexadecimal digits"},
		{[]string{changed(`2002-careless`, `2001-careful`)}, exitMistake, "it is of another program"},
		{[]string{changed(`lost-wakeup/2002-careless:v1:`, `lost-wakeup/2002-careless:v1:waker@0,`)}, exitDiverged, "diverged: "},
		{[]string{changed(`waker@1:`, `waker@0:`)}, exitDiverged, "diverged: no rule was broken"},
		{[]string{changed(`"executions":`, `"executions":-`)}, exitMistake, "a number is below 0"},
		{[]string{changed(`"complete":true`, `"complete":false`)}, exitMistake, "it says that it is complete, and why it is not"},
		{[]string{changed(`"findings":[`, `"seen":"AAA=","findings":[`)}, exitMistake, "it does not say what it has seen"},
		{[]string{changed(`"findings":[`, `"byways":[{"way":"1","steps":-1}],"findings":[`)}, exitMistake, "a number is below 0"},
		{[]string{changed(`"blocked":`, `"blcked":`)}, exitMistake, `unknown field "blcked"`},
	} {
		code, _, stderr := trapline(t, append([]string{"merge"}, c.files...)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d, %s\nwant %d, %s", c.files, code, stderr, c.code, c.want)
		}
	}
}

// What is written down of a part is read again.
func TestPartIsReadAgain(t *testing.T) {
	want := &explore.Part{
		Shard: explore.Shard{Index: 1, Of: 3}, Program: 5, Divided: 7, Known: 2, Knowledge: 1 << 63,
		Byways: []explore.Byway{{Way: 1<<64 - 1, Executions: 3, Blocked: 4, Cut: 5, Assumed: 6, Steps: 7}},
		Seen:   []uint64{9, 8}, Missed: []uint64{1, 1 << 62},
	}
	p := &pair{scenario: "lost-wakeup", design: "2001-careful"}
	r := &explore.Result{Strategy: explore.DPOR, Complete: true, Part: want}
	text, err := json.Marshal(line{Scenario: "lost-wakeup", Design: "2001-careful", Model: "lkmm", Strategy: explore.DPOR, Complete: true, Shard: shardOf(&checked{pair: p, result: r}, program{builtin: true})})
	if err != nil {
		t.Fatal(err)
	}
	got, err := parsePart(text)
	if err != nil || !reflect.DeepEqual(got.result.Part, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func FuzzParsePart(f *testing.F) {
	_, stdout, _ := traplineWith(context.Background(), fakeCatalogue(), "check", "--json", "--shard", "1/2")
	for text := range strings.Lines(stdout) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePart(text)
		if (p == nil) == (err == nil) {
			t.Fatal(p, err)
		}
		if err == nil && len(p.findings) != len(p.Shard.Findings) {
			t.Fatal(p)
		}
	})
}
