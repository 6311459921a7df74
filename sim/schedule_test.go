package sim_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
)

// schedules draws schedules as a machine could return them.
func schedules() *rapid.Generator[sim.Schedule] {
	return rapid.Custom(func(t *rapid.T) sim.Schedule {
		var s sim.Schedule
		step := 0
		for range rapid.IntRange(0, 8).Draw(t, "turns") {
			step += rapid.IntRange(0, 30).Draw(t, "steps")
			if rapid.Bool().Draw(t, "task") {
				s = append(s, sim.Turn{Step: step, Task: rapid.StringMatching(`[a-z][a-z0-9_]{0,5}(/irq(#2)?)?`).Draw(t, "name")})
			}
			if rapid.Bool().Draw(t, "value") {
				s = append(s, sim.Turn{Step: step, Value: rapid.IntRange(1, 9).Draw(t, "value")})
			}
			step++
		}
		return s
	})
}

func TestScheduleTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := schedules().Draw(t, "schedule")
		got, err := sim.ParseSchedule(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s reads back as %s", want, got)
		}
	})
}

func TestParseSchedule(t *testing.T) {
	for _, test := range []struct {
		text string
		want sim.Schedule
		err  string // a part of it
	}{
		{"-", nil, ""},
		{"a@0", sim.Schedule{{Step: 0, Task: "a"}}, ""},
		{"unregister@4,fault/io@9,=1@12", sim.Schedule{{Step: 4, Task: "unregister"}, {Step: 9, Task: "fault/io"}, {Step: 12, Value: 1}}, ""},
		{"a@3,=2@3", sim.Schedule{{Step: 3, Task: "a"}, {Step: 3, Value: 2}}, ""},
		{"", nil, "neither task@step nor =value@step"},
		{"a", nil, "neither task@step nor =value@step"},
		{"@1", nil, "neither task@step nor =value@step"},
		{"a@", nil, "neither task@step nor =value@step"},
		{"a@-1", nil, "neither task@step nor =value@step"},
		{"a@1x", nil, "neither task@step nor =value@step"},
		{"a@1,", nil, "neither task@step nor =value@step"},
		{"a@1, b@2", sim.Schedule{{Step: 1, Task: "a"}, {Step: 2, Task: " b"}}, ""},
		{"=@1", nil, "the value must be a number above 0"},
		{"=0@1", nil, "the value must be a number above 0"},
		{"=-1@1", nil, "the value must be a number above 0"},
		{"=x@1", nil, "the value must be a number above 0"},
		{"a@2,b@1", nil, `"b@1" comes after step 2`},
		{"a@2,b@2", nil, `"b@2" comes after step 2`},
		{"=1@2,b@2", nil, `"b@2" comes after step 2`},
		{"=1@2,=1@2", nil, `"=1@2" comes after step 2`},
		{"!lkmm,a@1", sim.Schedule{{Task: "!lkmm"}, {Step: 1, Task: "a"}}, ""},
		{"!tso,!lkmm", nil, "or a second memory model"},
		{"!spin,!spin", nil, "or there twice"},
		{"a@1,!spin", nil, "or not at the beginning"},
	} {
		got, err := sim.ParseSchedule(test.text)
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%q: %v", test.text, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: error %v, want %q", test.text, err, test.err)
		case !slices.Equal(got, test.want):
			t.Errorf("%q: %v, want %v", test.text, got, test.want)
		}
	}
}

// FuzzParseSchedule: what is read can be written and is then read the same.
func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{"-", "", "a@0", "unregister@4,fault/io@9,=1@12", "a@2,b@1", "=0@1", "a@1@2", "==1@2", "a@+1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := sim.ParseSchedule(text)
		if err != nil {
			return
		}
		again, err := sim.ParseSchedule(s.String())
		if err != nil || !slices.Equal(s, again) {
			t.Fatalf("%q is read as %v, written as %q and read as %v (%v)", text, s, s, again, err)
		}
	})
}

// chooser lets two tasks and a choice of three decide about seen[0].
func chooser(w **world) sim.Program {
	return func(m *sim.Machine) {
		program([]task{
			func(k *sim.K, here *world) {
				*w = here
				here.x.Write(k, 1)
				here.x.Write(k, 2+k.Choose(3, "what to write"))
			},
			func(k *sim.K, here *world) { here.seen[0] = here.x.Read(k); here.seen[1] = here.x.Read(k) },
		}, nil)(m)
	}
}

// Whatever a strategy does, the schedule of the execution repeats it, on a
// machine of its own and after a detour through text.
func TestReplayRepeatsTheExecution(t *testing.T) {
	m, other := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer other.Close()
	var w *world
	other.Run(threeTasks(), sim.Undisturbed) // so that its numbers differ
	rapid.Check(t, func(t *rapid.T) {
		want := m.Run(chooser(&w), sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
			return rapid.IntRange(0, p.N-1).Draw(t, "choice")
		}))
		seen := w.seen
		s, err := sim.ParseSchedule(m.Schedule().String())
		if err != nil {
			t.Fatal(err)
		}
		replay := sim.NewReplay(s)
		got := other.Run(chooser(&w), replay)
		if err := replay.Done(); err != nil {
			t.Fatalf("schedule %s: %v", s, err)
		}
		if got.Hash != want.Hash || got.Preemptions != want.Preemptions || got.Steps != want.Steps || w.seen != seen {
			t.Fatalf("schedule %s: %+v and %v, then %+v and %v", s, want, seen, got, w.seen)
		}
		if text := other.Schedule().String(); text != s.String() {
			t.Fatalf("schedule %s has become %s", s, text)
		}
	})
}

// Also where critical sections are one step each, which schedules do not know of.
func TestReplayIsAwareOfLocks(t *testing.T) {
	p := program([]task{
		func(k *sim.K, w *world) { addUnder(k, w); w.x.Write(k, 1); w.x.Write(k, 2) },
		func(k *sim.K, w *world) { addUnder(k, w); w.x.Write(k, 3); w.x.Write(k, 4) },
	}, nil)
	rapid.Check(t, func(t *rapid.T) {
		m := sim.NewMachine()
		defer m.Close()
		m.LockAware = true
		want := m.Run(p, sim.Picks(rapid.SliceOfN(rapid.IntRange(0, 1), 0, 10).Draw(t, "picks")))
		s := m.Schedule()
		replay := sim.NewReplay(s)
		got := m.Run(p, replay)
		if err := replay.Done(); err != nil || got.Hash != want.Hash {
			t.Fatalf("schedule %s: hash %x, then %x, %v", s, want.Hash, got.Hash, err)
		}
	})
}

func TestReplayRefusesWhatDoesNotFit(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	for _, test := range []struct{ schedule, want string }{
		{"-", ""},
		{"t1@1", ""},
		{"=2@1", ""},
		{"stranger@1", "stranger cannot take step 1"},
		{"t1@9", "the execution ended before step 9, where the schedule names t1"},
		{"=1@0", "step 0 was to choose value 1, but there was nothing to choose"},
		{"=3@1", "step 1 chooses between 3 ways, not 4"},
		{"t0@4", "t0 cannot take step 4"},
		{"t1@1,=1@99", "the execution ended before step 99, where the schedule names value 1"},
	} {
		s, err := sim.ParseSchedule(test.schedule)
		if err != nil {
			t.Fatal(err)
		}
		replay := sim.NewReplay(s)
		var w *world
		o := m.Run(chooser(&w), replay)
		err = replay.Done()
		if got := fmtError(err); got != test.want {
			t.Errorf("%s: %q, want %q", test.schedule, got, test.want)
		}
		if o.Violation != nil {
			t.Errorf("%s: %v", test.schedule, o.Violation)
		}
	}
}

func fmtError(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
