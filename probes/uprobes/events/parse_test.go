package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
)

// oracleFiles are the files that the machine of the captures had, as far as the
// definitions name them. It ran in the directory /oracle.
type oracleFiles struct{}

func (oracleFiles) Lookup(path string) (File, error) {
	switch path {
	case "/oracle/bin/basic", "bin/basic":
		return File{Inode: 1, Regular: true}, nil
	case "/proc/self/status":
		return File{Inode: 2, Regular: true}, nil
	case "/dev/null":
		return File{Inode: 3}, nil
	}
	return File{}, sim.ENOENT
}

// errnoOf reads an error number of the captures: 0, or a name.
func errnoOf(v any) string {
	if s, ok := v.(string); ok {
		return "-" + s
	}
	return ""
}

func nameOf(err error) string {
	var errno sim.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return ""
}

// A sequence is an entry of parse.json: writes to uprobe_events, and what the
// kernel then had. @/ stands for /oracle/.
type sequence struct {
	Steps []struct {
		Write string
		Errno any
		Log   *struct {
			Msg string
			Col int
		}
	}
	Events []string            `json:"uprobe_events"`
	Format map[string][]string `json:"format"`
}

func sequences(t *testing.T) []sequence {
	t.Helper()
	data, err := os.ReadFile("testdata/parse.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []sequence
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(data), "@/", "/oracle/")), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDefinitionsAsTheKernel(t *testing.T) {
	all := sequences(t)
	if len(all) != 208 {
		t.Fatalf("%d sequences", len(all))
	}
	for i, s := range all {
		t.Run(fmt.Sprint(i), func(t *testing.T) { s.check(t) })
	}
}

func (s sequence) check(t *testing.T) {
	r := New(oracleFiles{})
	for _, step := range s.Steps {
		before := len(r.Log())
		n, err := r.Write([]byte(step.Write))
		if got, want := nameOf(err), errnoOf(step.Errno); got != want {
			t.Errorf("write %q: %v, the kernel says %q", step.Write, err, want)
		}
		if err == nil && n != len(step.Write) {
			t.Errorf("write %q: %d bytes", step.Write, n)
		}
		got, want := "", ""
		if log := r.Log(); len(log) > before {
			last := log[len(log)-1]
			got = fmt.Sprintf("%d %s", last.Column, last.Text)
		}
		if step.Log != nil {
			want = fmt.Sprintf("%d %s", step.Log.Col, step.Log.Msg)
		}
		if got != want {
			t.Errorf("write %q: logged %q, the kernel %q", step.Write, got, want)
		}
	}
	var lines []string
	for _, p := range r.Probes() {
		lines = append(lines, p.String())
	}
	if !slices.Equal(lines, s.Events) {
		t.Errorf("uprobe_events:\n%s\nthe kernel:\n%s", strings.Join(lines, "\n"), strings.Join(s.Events, "\n"))
	}
	seen := 0
	for name, want := range s.Format {
		group, event, _ := strings.Cut(name, "/")
		e := r.Event(group, event)
		if e == nil {
			t.Errorf("no event %s", name)
			continue
		}
		seen++
		if got := append(e.Fields(), "print fmt: "+e.PrintFmt()); !slices.Equal(got, want) {
			t.Errorf("format of %s:\n%s\nthe kernel:\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	events := map[*Event]bool{}
	for _, p := range r.Probes() {
		events[p.Event] = true
	}
	if len(events) != seen {
		t.Errorf("%d events, the kernel has %d", len(events), seen)
	}
}
