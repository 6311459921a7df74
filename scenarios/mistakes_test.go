package scenarios

import (
	"slices"
	"strings"
	"testing"

	"trapline/probes"
)

// TestCheck holds the designs to what they must say of themselves, and shows that each
// mistake is noticed.
func TestCheck(t *testing.T) {
	if err := Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		what   string
		change func(d *probes.Design)
		want   string
	}{
		{"no name", func(d *probes.Design) { d.Name = "" }, `a design of kprobes is called ""`},
		{"a name with spaces", func(d *probes.Design) { d.Name = "my design" }, `is called "my design"`},
		{"a name twice", func(d *probes.Design) { d.Name = "2006-mutex" }, "two designs are called 2006-mutex"},
		{"no source", func(d *probes.Design) { d.From = "" }, "2027-new does not say"},
		{"a scenario that there is not", func(d *probes.Design) { d.Fails[0].Scenario = "second-prob" }, `2027-new fails "second-prob", and there is no such scenario for kprobes`},
		{"one of another subsystem", func(d *probes.Design) { d.Fails[0].Scenario = "one-none-one" }, "no such scenario for kprobes"},
		{"no reason", func(d *probes.Design) { d.Fails[0].Why = "" }, "or the reason"},
		{"a model that there is not", func(d *probes.Design) { d.Fails[0].Model = "tso, lkmm" }, `under "tso, lkmm"`},
		{"two models", func(d *probes.Design) { d.Fails[0].Model = "tso,lkmm" }, ""},
		{"nothing", func(*probes.Design) {}, ""},
	} {
		d := &probes.Design{
			Subsystem: "kprobes", Name: "2027-new", Title: "new", From: "a mail",
			Fails: []probes.Failure{{Scenario: "second-probe-at-an-address", Title: "leak", Why: "it forgets"}},
		}
		c.change(d)
		err := check(append(slices.Clone(Designs()), d), All())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}
