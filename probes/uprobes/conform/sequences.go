package conform

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"trapline/probes/uprobes/events"
)

// A sequence is one case: writes to uprobe_events, and what the kernel then
// showed.
type sequence struct {
	Steps []struct {
		Write string
		Errno any // 0, or a name
		Log   *struct {
			Msg string
			Col int
		}
	}
	Events []string            `json:"uprobe_events"`
	Format map[string][]string `json:"format"`
}

// Sequences performs definitions. In the data, @/ stands for /oracle/, where the
// programs of the captures were.
func Sequences(data []byte, w io.Writer) (Result, error) {
	var all []sequence
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(data), "@/", "/oracle/")), &all); err != nil {
		return Result{}, fmt.Errorf("sequences of definitions: %w", err)
	}
	r := &reporter{w: w}
	for i, s := range all {
		r.begin()
		s.perform(r, fmt.Sprintf("sequence %d", i))
	}
	return r.res, r.err
}

func (s *sequence) perform(r *reporter, name string) {
	reg := events.New(captured{})
	for _, step := range s.Steps {
		logged := reg.Logged()
		_, err := reg.Write([]byte(step.Write))
		if got, want := verdict(err), fmt.Sprint(step.Errno); got != want {
			r.differ("%s: write %.200q: %s, the kernel %s", name, step.Write, got, want)
		}
		got, want := "nothing", "nothing"
		if last := reg.Since(logged); last != nil {
			got = fmt.Sprintf("%q at %d", last.Text, last.Column)
		}
		if step.Log != nil {
			want = fmt.Sprintf("%q at %d", step.Log.Msg, step.Log.Col)
		}
		if got != want {
			r.differ("%s: write %.200q: error_log has %s, the kernel's %s", name, step.Write, got, want)
		}
	}
	var lines []string
	shown := map[string]*events.Event{}
	for _, p := range reg.Probes() {
		lines = append(lines, p.String())
		shown[p.Event.Group+"/"+p.Event.Name] = p.Event
	}
	r.lines(name+": uprobe_events", lines, s.Events)
	for _, key := range slices.Sorted(maps.Keys(s.Format)) {
		e := shown[key]
		if e == nil {
			r.differ("%s: there is no event %s, the kernel has it", name, key)
			continue
		}
		delete(shown, key)
		r.lines(name+": format of "+key, append(e.Fields(), "print fmt: "+e.PrintFmt()), s.Format[key])
	}
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		r.differ("%s: there is an event %s, the kernel has none", name, key)
	}
}

// lines compares two texts, and shows the first line that differs.
func (r *reporter) lines(what string, got, want []string) {
	for i := range max(len(got), len(want)) {
		a, b := "nothing", "nothing"
		if i < len(got) {
			a = fmt.Sprintf("%.300q", got[i])
		}
		if i < len(want) {
			b = fmt.Sprintf("%.300q", want[i])
		}
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			r.differ("%s, line %d: %s, the kernel %s", what, i+1, a, b)
			return
		}
	}
}
