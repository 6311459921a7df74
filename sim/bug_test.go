package sim_test

import (
	"strings"
	"testing"

	"trapline/sim"
)

func bugOnTwo(k *sim.K, w *world)  { k.BugOn(w.x.Read(k) == 2, "x is two") }
func warnOnTwo(k *sim.K, w *world) { k.WarnOn(w.x.Read(k) == 2, "x is two") }

func TestConditionsThatMustNotHold(t *testing.T) {
	for _, test := range []struct {
		name          string
		value         int
		check         task
		title, report string
	}{
		{"bug", 2, bugOnTwo, "kernel BUG in bug_on_two", "kernel BUG at sim_test/bug_test.go:"},
		{"no bug", 1, bugOnTwo, "", ""},
		{"warning", 2, warnOnTwo, "WARNING in warn_on_two", "x is two\nWARNING: CPU: 1 PID: 102 at sim_test/bug_test.go:"},
		{"no warning", 1, warnOnTwo, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, program([]task{func(k *sim.K, w *world) { w.x.Write(k, test.value) }, test.check}, nil))
			if test.title == "" {
				if len(r.Findings) > 0 {
					t.Error(r.Findings[0].Violation)
				}
				return
			}
			if len(r.Findings) != 1 || r.Findings[0].Violation.Title != test.title {
				t.Fatalf("%v, want %q", r.Findings, test.title)
			}
			if v := r.Findings[0].Violation; !strings.Contains(v.Report, test.report) {
				t.Errorf("the report is\n%s", v.Report)
			}
		})
	}
}
