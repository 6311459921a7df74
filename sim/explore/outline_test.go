package explore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

func begunIn(r *explore.Result) int { return r.Executions + r.Blocked + r.Merged + r.Cut + r.Assumed }

// outlined are searches that guess how large they are from what they have seen.
var outlined = []struct {
	name    string
	program sim.Program
	explore.Options
}{
	{"fib(4)", fib(4), explore.Options{Strategy: explore.Bounded, Preemptions: 2}},
	{"counter(5x1)", counter(5, 1), explore.Options{Strategy: explore.Bounded, Preemptions: 2}},
	{"locks(3x6)", locks(3, 6), explore.Options{Strategy: explore.Bounded, Preemptions: 2}},
	{"fib(4)", fib(4), explore.Options{Strategy: explore.Delays, Delays: 3}},
	{"locks(3x6)", locks(3, 6), explore.Options{Strategy: explore.Delays, Delays: 3}},
	{"lastzero(10)", lastzero(10), explore.Options{Strategy: explore.Delays, Delays: 3}},
	{"locks(3x6)", forgettingLocks(3, 6), explore.Options{Strategy: explore.States}},
	{"counter(5x1)", counter(5, 1), explore.Options{Strategy: explore.States}},
	{"fib(4)", fib(4), explore.Options{Strategy: explore.States}},
	{"lastzero(10)", lastzero(10), explore.Options{Strategy: explore.States}},
	{"SB, 10", ring(10, none), explore.Options{Memory: memory.LKMM}},
	{"fib(3)", fib(3), explore.Options{Memory: memory.LKMM}},
	{"locks(3x3)", locks(3, 3), explore.Options{Memory: memory.TSO}},
}

// bounds are how far off a guess may be when a part of the work is done, as a factor.
var bounds = []struct {
	percent int
	factor  float64
}{{10, 5}, {30, 4}, {80, 1.5}}

// A search guesses how large it is better the more it has done, and knows in the end.
// One that goes through bounds is asked about the one that it is at.
func TestSearchesKnowHowLargeTheyAre(t *testing.T) {
	for _, test := range outlined {
		o := test.Options
		o.Estimate = 1
		r := result(t, test.program, o)
		total := begunIn(r)
		if want := (explore.Estimate{Traces: float64(total), Probes: total, Made: total}); !r.Complete || r.Estimate != want || strings.Contains(r.Coverage(), "about") {
			t.Errorf("%s: %+v, %s", test.name, r.Estimate, r.Coverage())
		}
		for _, at := range bounds {
			o.Executions = total * at.percent / 100
			r := result(t, test.program, o)
			e, want := r.Estimate, float64(total)
			if e.Within != "" {
				within := test.Options
				if _, err := fmt.Sscan(e.Within, &within.Preemptions); err != nil {
					t.Fatal(err)
				}
				within.Delays = within.Preemptions
				want = float64(begunIn(result(t, test.program, within)))
			}
			if e.Made != begunIn(r) || e.Traces < want/at.factor || e.Traces > want*at.factor || e.Error <= 0 {
				t.Errorf("%s by %s: %+v after %d%% of %.0f", test.name, r.Strategy, e, at.percent, want)
			}
		}
	}
}

// What the answer says is what was guessed.
func TestGuessesAreToldWithWhatTheyAreAbout(t *testing.T) {
	for _, test := range []struct {
		o     explore.Options
		model memory.Model
		want  string
	}{
		{explore.Options{Strategy: explore.Bounded, Preemptions: 1, Executions: 80}, memory.SC, " merged (80 of about %s), "},
		{explore.Options{Strategy: explore.Bounded, Preemptions: 3, Executions: 80}, memory.SC, " merged (80 of about %s within 1 preemption), "},
		{explore.Options{Strategy: explore.Delays, Delays: 3, Executions: 100}, memory.SC, " merged (100 of about %s within 2 delays), "},
		{explore.Options{Strategy: explore.States, Executions: 100}, memory.SC, " merged (100 of about %s)"},
		{explore.Options{Executions: 100}, memory.LKMM, " blocked (99 of about %s), "},
	} {
		test.o.Estimate, test.o.Memory = 1, test.model
		r := result(t, fib(3), test.o)
		e := r.Estimate
		if want := fmt.Sprintf(test.want, fmt.Sprintf("%.0f ± %.0f", e.Traces, e.Error)); !strings.Contains(r.Coverage(), want) {
			t.Errorf("no %q in %s", want, r.Coverage())
		}
	}
	for _, o := range []explore.Options{
		{Strategy: explore.States, Executions: 100},                                           // it is not asked for
		{Strategy: explore.States, Executions: 100, Estimate: 1, Shard: explore.Shard{Of: 2}}, // of a part
		{Strategy: explore.Random, Executions: 100, Estimate: 1},                              // a sample
	} {
		if r := result(t, fib(4), o); r.Estimate.Probes != 0 || strings.Contains(r.Coverage(), "about") {
			t.Errorf("%+v: %s", o, r.Coverage())
		}
	}
}

// A search that is interrupted and gone on with guesses what it would have guessed.
func TestGuessesGoOn(t *testing.T) {
	for _, test := range outlined {
		o := test.Options
		o.Estimate, o.Executions = 1, 300
		want := result(t, test.program, o).Estimate
		var last []byte
		o.Checkpoint = func(state []byte) error { last = state; return nil }
		for _, n := range []int{1, 40, 170, 171, 299} {
			o.Executions = n
			result(t, test.program, o)
			o.Resume = last
		}
		o.Executions = 300
		if got := result(t, test.program, o).Estimate; got != want || got.Probes == 0 {
			t.Errorf("%s by %s: %+v, want %+v", test.name, o.Strategy, got, want)
		}
		// A file without what the guess goes by is that of a search that guesses anew.
		o.Resume = explore.Seal(without(explore.Unseal(o.Resume), "outline"))
		if got := result(t, test.program, o).Estimate; got.Made != want.Made {
			t.Errorf("%s by %s: %+v of 300", test.name, o.Strategy, got)
		}
	}
}

// without is an object without one of its fields.
func without(state []byte, field string) []byte {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(state, &all); err != nil {
		panic(err)
	}
	delete(all, field)
	state, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return state
}

// What no search can have seen is refused.
func TestResumeRefusesAnOutline(t *testing.T) {
	o := explore.Options{Strategy: explore.States, Executions: 30, MinimiseExecutions: 1}
	var last []byte
	o.Checkpoint = func(state []byte) error { last = state; return nil }
	result(t, fib(3), o)
	o.Checkpoint = nil
	var state map[string]json.RawMessage
	if err := json.Unmarshal(explore.Unseal(last), &state); err != nil {
		t.Fatal(err)
	}
	var path []json.RawMessage
	var states struct{ Path *[]json.RawMessage }
	states.Path = &path
	if err := json.Unmarshal(state["states"], &states); err != nil || len(path) == 0 {
		t.Fatal(err, len(path))
	}
	places := func(first string) string {
		all := []string{first}
		for range path[1:] {
			all = append(all, "[0,0,0,0]")
		}
		return `"places":[` + strings.Join(all, ",") + "]"
	}
	for _, test := range []struct {
		outline string
		ok      bool
	}{
		{`{"executions":30,` + places("[0,0,0,0]") + `,"sizes":[]}`, true},
		{`{"executions":30,` + places("[0,10,2,20]") + `,"sizes":[[1,1,1,1],[5,2,40,3]]}`, true},
		{`{"executions":30,"places":[],"sizes":[]}`, false},
		{`{"executions":-1,` + places("[0,0,0,0]") + `}`, false},
		{`{"executions":30,` + places("[31,0,0,0]") + `}`, false},
		{`{"executions":30,` + places("[0,0,1,20]") + `}`, false},
		{`{"executions":30,` + places("[0,21,1,20]") + `}`, false},
		{`{"executions":30,` + places("[0,10,0,20]") + `}`, false},
		{`{"executions":30,` + places("[0,10,1,31]") + `}`, false},
		{`{"executions":30,` + places("[0,0,0,3]") + `}`, false},
		{`{"executions":30,` + places("[0,0,0,0]") + `,"sizes":[[64,1,1,1]]}`, false},
		{`{"executions":30,` + places("[0,0,0,0]") + `,"sizes":[[1,0,1,1]]}`, false},
		{`{"executions":30,` + places("[0,0,0,0]") + `,"sizes":[[1,2,1,3]]}`, false},
		{`{"executions":30,` + places("[0,0,0,0]") + `,"sizes":[[1,1,1,1e300]]}`, false},
	} {
		state["outline"] = json.RawMessage(test.outline)
		data, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		o.Resume, o.Estimate, o.Executions = explore.Seal(data), 1, 60
		_, err = explore.Run(context.Background(), fib(3), o)
		if test.ok && err != nil || !test.ok && !errors.Is(err, explore.ErrResume) {
			t.Errorf("%s: %v", test.outline, err)
		}
	}
}
