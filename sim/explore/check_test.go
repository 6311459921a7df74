package explore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trapline/sim"
	"trapline/sim/explore"
)

// quietTest is a test that is watched: what it is told, and whether it failed.
type quietTest struct {
	testing.TB
	errors, logs []string
	end          time.Time
}

type failedNow struct{}

func (q *quietTest) Helper() {}
func (q *quietTest) Errorf(format string, a ...any) {
	q.errors = append(q.errors, fmt.Sprintf(format, a...))
}
func (q *quietTest) Logf(format string, a ...any) { q.logs = append(q.logs, fmt.Sprintf(format, a...)) }
func (q *quietTest) Fatalf(format string, a ...any) {
	q.Errorf(format, a...)
	panic(failedNow{})
}
func (q *quietTest) Fatal(a ...any)              { q.Fatalf("%s", fmt.Sprint(a...)) }
func (q *quietTest) Deadline() (time.Time, bool) { return q.end, !q.end.IsZero() }

// watch runs a part of a test and returns what it was told.
func watch(t *testing.T, q *quietTest, f func(t testing.TB)) (errors, logs string) {
	t.Helper()
	q.TB = t
	defer func() {
		if r := recover(); r != nil && r != any(failedNow{}) {
			panic(r)
		}
		errors, logs = strings.Join(q.errors, "\n"), strings.Join(q.logs, "\n")
	}()
	f(q)
	return
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		p      sim.Program
		o      explore.Options
		errors []string // parts of what it is told; none if it passes
		logs   string
		inTime time.Duration
	}{
		{name: "clean", p: counter(2, 1), logs: "clean: complete: every interleaving, 4 executions"},
		{name: "clean within a bound", p: counter(2, 1), o: explore.Options{Strategy: explore.Bounded, Preemptions: 1}, logs: "clean: complete up to 1 preemptions"},
		{name: "a violation", p: lostUpdate, errors: []string{
			"lost update in ",
			"\npreemptions: 1 (the fewest possible), steps: 4\n   0  one  READ_ONCE(x) = 0\n   1  two  READ_ONCE(x) = 0\n   2  two  WRITE_ONCE(x) <- 1\n   3  one  WRITE_ONCE(x) <- 1\n",
			"\nto see it again: explore.Replay(t, p, \"two@1\")",
		}, logs: "violation: complete: every interleaving"},
		{name: "a violation of a program with settings", p: lostUpdate, o: explore.Options{TaskSteps: 9}, errors: []string{
			"\nto see it again: explore.Replay(t, p, \"two@1\", options)",
		}, logs: "violation: complete up to 9 steps of each task"},
		{name: "steps that are too few", p: lostUpdate, o: explore.Options{TaskSteps: 1}, errors: []string{
			"no rule was broken, but the search is complete up to 1 steps of each task: 0 executions, 0 blocked, 1 cut off",
		}},
		{name: "a violation in a sample", p: lostUpdate, o: explore.Options{Strategy: explore.PCT, Executions: 50}, errors: []string{"lost update in "}, logs: "violation: pct sample, seed 0"},
		{name: "no budget", p: counter(3, 1), o: explore.Options{Executions: 5}, errors: []string{"no rule was broken, but the search is incomplete (stopped after 5 executions)", "AllowIncomplete"}},
		{name: "no budget, and none needed", p: counter(3, 1), o: explore.Options{Executions: 5, AllowIncomplete: true}, logs: "inconclusive: incomplete (stopped after 5 executions)"},
		{name: "a sample", p: counter(3, 1), o: explore.Options{Strategy: explore.POS, Executions: 5}, logs: "inconclusive: pos sample, seed 0 (stopped after 5 executions)"},
		{name: "a sample without a budget", p: counter(2, 1), o: explore.Options{Strategy: explore.SURW}, logs: "stopped after 10000 executions", inTime: time.Hour},
		{name: "no time", p: counter(3, 1), inTime: time.Nanosecond, errors: []string{"incomplete (the time of the test is nearly up)"}},
		{name: "a mistake", p: counter(3, 1), o: explore.Options{Strategy: "best"}, errors: []string{"no strategy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := &quietTest{}
			if test.inTime > 0 {
				q.end = time.Now().Add(test.inTime)
			}
			errors, logs := watch(t, q, func(t testing.TB) { explore.Check(t, test.p, test.o) })
			for _, want := range test.errors {
				if !strings.Contains(errors, want) {
					t.Errorf("the error is\n%s\nwithout\n%s", errors, want)
				}
			}
			if len(test.errors) == 0 && errors != "" {
				t.Errorf("it fails: %s", errors)
			}
			if !strings.Contains(logs, test.logs) {
				t.Errorf("the log is\n%s\nwithout\n%s", logs, test.logs)
			}
		})
	}
}

func TestExpect(t *testing.T) {
	title := result(t, lostUpdate, explore.Options{}).Findings[0].Violation.Title
	if f := explore.Expect(t, lostUpdate, title); f.Schedule.String() != "two@1" {
		t.Errorf("schedule %s", f.Schedule)
	}
	for _, test := range []struct {
		p           sim.Program
		title, want string
	}{
		{counter(2, 1), title, "which was not found: complete: every interleaving"},
		{lostUpdate, "another", "want \"another\" and nothing else, but found " + title},
	} {
		errors, _ := watch(t, &quietTest{}, func(t testing.TB) { explore.Expect(t, test.p, test.title) })
		if !strings.Contains(errors, test.want) {
			t.Errorf("%q: %s", test.title, errors)
		}
	}
}

// A schedule means the same with the options that it was found with.
func TestReplayWithOptions(t *testing.T) {
	o := explore.Options{TaskSteps: 4}
	r := result(t, seesTwo, o)
	if len(r.Findings) != 1 {
		t.Fatal(r.Coverage())
	}
	schedule := r.Findings[0].Schedule.String()
	errors, _ := watch(t, &quietTest{}, func(t testing.TB) { explore.Replay(t, seesTwo, schedule, o) })
	if !strings.HasPrefix(errors, r.Findings[0].Violation.Title+"\n") {
		t.Errorf("with the options: %s", errors)
	}
	errors, _ = watch(t, &quietTest{}, func(t testing.TB) {
		explore.Replay(t, seesTwo, schedule, explore.Options{TaskSteps: 1})
	})
	if !strings.Contains(errors, "is not one of this program") {
		t.Errorf("with others: %s", errors)
	}
}

// seesTwo has no end, and breaks a rule if one task sees the other's write.
func seesTwo(m *sim.Machine) {
	x := words(m, 1)
	tasks(m, 2, func(i int, k *sim.K) {
		for n := 0; ; n++ {
			if x[0].Read(k) == 2 && i == 0 && n == 1 {
				k.Fail(&sim.Violation{Kind: lost, Subject: "x is 2"})
			}
			x[0].Write(k, i+1)
		}
	})
}

func TestReplay(t *testing.T) {
	explore.Replay(t, lostUpdate, "-", explore.Options{})
	for _, test := range []struct{ schedule, errors, logs string }{
		{"two@2", "", "the schedule two@2 breaks no rule\n   0  one  READ_ONCE(x) = 0\n   1  one  WRITE_ONCE(x) <- 1\n"},
		{"two@1", "   2  two  WRITE_ONCE(x) <- 1\n   3  one  WRITE_ONCE(x) <- 1\n", ""},
		{"three@1", "the schedule three@1 is not one of this program: three cannot take step 1\n   0  one  READ_ONCE(x) = 0", ""},
		{"nonsense", "neither task@step nor =value@step", ""},
	} {
		errors, logs := watch(t, &quietTest{}, func(t testing.TB) { explore.Replay(t, lostUpdate, test.schedule, explore.Options{}) })
		if !strings.Contains(errors, test.errors) || (errors == "") != (test.errors == "") || !strings.Contains(logs, test.logs) {
			t.Errorf("%s: error\n%s\nand log\n%s", test.schedule, errors, logs)
		}
	}
}
