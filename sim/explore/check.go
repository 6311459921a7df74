package explore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"trapline/sim"
)

// Check explores p as a part of an ordinary Go test. The test fails if a rule is
// broken: it is told the title, the steps that lead there, the kernel's report, and
// what replays it. It fails as well if the search is not complete, for then nothing
// is known of the rest, unless Options.AllowIncomplete says that this will do; a
// sample is never complete, and need not be. What was covered goes to the log of
// the test. The search stops when the time of the test is nearly up. Options may be
// given once; without them the search is exhaustive.
func Check(t testing.TB, p sim.Program, options ...Options) *Result {
	t.Helper()
	o := only(options)
	r := inTime(t, p, o)
	for _, f := range r.Findings {
		t.Errorf("%s", f.story(o))
	}
	if len(r.Findings) == 0 && r.Verdict() == Inconclusive && !sampled(r.Strategy) && !o.AllowIncomplete {
		t.Errorf("no rule was broken, but the search is %s (a larger budget, the strategy %q, or Options.AllowIncomplete may help)", r.Coverage(), Bounded)
		return r
	}
	t.Logf("%s: %s", r.Verdict(), r.Coverage())
	return r
}

// Expect is Check for a program that is to break one rule: the test fails if there
// is no violation with this title, or one with another. It returns the finding.
func Expect(t testing.TB, p sim.Program, title string, options ...Options) *Finding {
	t.Helper()
	o := only(options)
	r := inTime(t, p, o)
	var found *Finding
	for _, f := range r.Findings {
		if f.Violation.Title == title {
			found = f
		} else {
			t.Errorf("want %q and nothing else, but found %s", title, f.story(o))
		}
	}
	if found == nil {
		t.Fatalf("want %q, which was not found: %s", title, r.Coverage())
	}
	t.Logf("%s", r.Coverage())
	return found
}

// Replay runs p once, after a schedule in its text form, and logs what happens. The
// test fails if that breaks a rule, and if the schedule does not fit the program. Of
// the options, Setup and TaskSteps must be those that the schedule was found with.
func Replay(t testing.TB, p sim.Program, schedule string, options ...Options) {
	t.Helper()
	o := only(options)
	s, err := sim.ParseSchedule(schedule)
	if err != nil {
		t.Fatal(err)
	}
	m := sim.NewMachine()
	defer m.Close()
	m.MaxTaskSteps = o.TaskSteps
	if o.Setup != nil {
		o.Setup(m)
	}
	replay := sim.NewReplay(s)
	outcome := m.Record(p, replay)
	trace := table(m.Records())
	if err := replay.Done(); err != nil {
		t.Fatalf("the schedule %s is not one of this program: %v\n%s", schedule, err, trace)
	}
	if v := outcome.Violation; v != nil {
		t.Errorf("%s\n%s\n%s", v.Title, trace, strings.TrimRight(v.Report, "\n"))
		return
	}
	t.Logf("the schedule %s breaks no rule\n%s", schedule, trace)
}

// only is the one Options that a caller may give, or the zero value.
func only(options []Options) Options {
	switch len(options) {
	case 0:
		return Options{}
	case 1:
		return options[0]
	}
	panic("explore: Options may be given once")
}

// inTime explores p within the time of the test. A test is no place for an error.
func inTime(t testing.TB, p sim.Program, o Options) *Result {
	t.Helper()
	ctx := t.Context()
	if timed, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := timed.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadlineCause(ctx, end.Add(-time.Until(end)/10), errNearlyUp)
			defer cancel()
		}
	}
	if sampled(o.Strategy) && o.Executions == 0 {
		o.Executions = DefaultRandom // not until the time is up
	}
	r, err := Run(ctx, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var errNearlyUp = errors.New("the time of the test is nearly up")

// story is a finding as it is told to a test. The options belong to the schedule if
// they change the steps that there are.
func (f *Finding) story(o Options) string {
	options := ""
	if o.Setup != nil || o.TaskSteps > 0 {
		options = ", options"
	}
	least := "as few as were found"
	if f.Minimal {
		least = "the fewest possible"
	}
	return fmt.Sprintf("%s\npreemptions: %d (%s), steps: %d\n%s\n%s\nto see it again: explore.Replay(t, p, %q%s)",
		f.Violation.Title, f.Preemptions, least, f.Steps, table(f.Records), strings.TrimRight(f.Violation.Report, "\n"), f.Schedule, options)
}

// table has a line for every step: its number, counted from 0 as in schedules, the
// task, the call and what came of it.
func table(records []sim.Record) string {
	width := 0
	for i := range records {
		if records[i].Remark == "" {
			width = max(width, len(records[i].Name))
		}
	}
	var b strings.Builder
	for i := range records {
		r := &records[i]
		if r.Remark != "" {
			fmt.Fprintf(&b, "      %*s  %s: %s\n", width, "", r.Remark, r.Text)
			continue
		}
		fmt.Fprintf(&b, "%4d  %-*s  %s\n", r.Step-1, width, r.Name, strings.TrimRight(r.Text+" "+r.Note, " "))
	}
	return strings.TrimRight(b.String(), "\n")
}
