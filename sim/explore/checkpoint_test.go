package explore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

var errKilled = errors.New("killed")

// interrupted makes a search in pieces. stops says after how many executions more
// each piece ends, and kills how many checkpoints before its end the one was
// written that is left of it: 0 if it could end in peace.
func interrupted(t rapid.TB, p sim.Program, o explore.Options, stops, kills func() int) *explore.Result {
	t.Helper()
	executions := 0
	for piece := 0; ; piece++ {
		if piece > 5000 {
			t.Fatal("the search does not come to its end")
		}
		kept := [][]byte{o.Resume}
		dies := kills()
		n := stops()
		if dies > 0 {
			o.CheckpointEvery = -1
		} else {
			o.CheckpointEvery = 0
			o.Executions = executions + n
		}
		o.Checkpoint = func(state []byte) error {
			kept = append(kept, state)
			if dies > 0 && len(kept) > n+1 {
				return errKilled
			}
			return nil
		}
		r, err := explore.Run(context.Background(), p, o)
		o.Executions = 0
		switch {
		case err == nil && r.Complete:
			return r
		case err == nil:
			o.Resume = kept[len(kept)-1]
		case errors.Is(err, errKilled):
			o.Resume = kept[max(len(kept)-1-dies, 0)]
			continue
		default:
			t.Fatal(err)
		}
		executions = r.Executions + r.Blocked + r.Merged + r.Cut
	}
}

func never() int { return 0 }

func allTitles(r *explore.Result) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, fmt.Sprint(title(f.Violation), f.Preemptions, f.Minimal))
	}
	slices.Sort(all)
	return all
}

// wantSameSearch compares what is counted, and what is found.
func wantSameSearch(t rapid.TB, got, want *explore.Result, p any) {
	t.Helper()
	type counts struct {
		executions, blocked, merged, cut, steps, longest, states, transitions, first int
		varying, lockAware                                                           bool
		verdict, coverage                                                            string
	}
	of := func(r *explore.Result) counts {
		return counts{r.Executions, r.Blocked, r.Merged, r.Cut, r.Steps, r.Longest, r.States, r.Transitions, r.First, r.Varying, r.LockAware, r.Verdict(), r.Coverage()}
	}
	if of(got) != of(want) || !slices.Equal(allTitles(got), allTitles(want)) {
		t.Errorf("in pieces: %+v %q\nat once:   %+v %q%v", of(got), allTitles(got), of(want), allTitles(want), p)
	}
}

func TestResumeCountsTheSame(t *testing.T) {
	for _, test := range []peer{
		{"indexer(12)", indexer(12), 8},
		{"lastzero(5)", lastzero(5), 64},
		{"readers(6)", readers(6), 64},
		{"filesystem(16)", filesystem(16), 8},
		{"fib(2)", fib(2), 140},
		{"counter(3x1)", counter(3, 1), 36},
		{"ainc(4)", ainc(4), 24},
		{"dekker", dekker, 3},
		{"sb(5)", sb(5), 31},
		{"locks(3x2)", locks(3, 2), 36},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, n := range []int{1, 2, 7} {
				stops := func() int { return n }
				for workers := 1; workers <= 3; workers++ {
					o := explore.Options{Workers: workers}
					r := interrupted(t, test.program, o, stops, never)
					if r.Executions != test.want || r.Blocked != 0 && workers == 1 {
						t.Errorf("%d workers, every %d: %d executions, %d blocked, want %d", workers, n, r.Executions, r.Blocked, test.want)
					}
				}
				dies := 0
				r := interrupted(t, test.program, explore.Options{}, func() int { return n + dies + 1 }, func() int { dies = (dies + 1) % 4; return dies })
				if r.Executions != test.want || r.Blocked != 0 {
					t.Errorf("killed: %d executions, %d blocked, want %d", r.Executions, r.Blocked, test.want)
				}
			}
		})
	}
}

// resumes makes a search at once, unless that takes more executions than o allows, and
// in pieces that are drawn.
func resumes(rt *rapid.T, program sim.Program, o explore.Options, p any) {
	want, err := explore.Run(context.Background(), program, o)
	if err != nil {
		rt.Fatal(err)
	}
	if !want.Complete {
		return // too large
	}
	o.Executions = 0
	number := rapid.IntRange(1, 30)
	died := 0
	got := interrupted(rt, program, o, func() int { return number.Draw(rt, "stop") + died }, func() int {
		died = rapid.IntRange(0, 2).Draw(rt, "dies")
		return died
	})
	wantSameSearch(rt, got, want, p)
}

// A search that is interrupted, or killed so that what it did since a checkpoint
// is lost, counts and finds the same as one that is not.
func TestResumedSearchIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		verbs := rapid.SampledFrom([][]string{quiet, wild}).Draw(rt, "verbs")
		p := programs(verbs).Draw(rt, "program")
		o := rapid.SampledFrom([]explore.Options{
			{}, {}, {LockAware: true}, {Strategy: explore.Bounded, Preemptions: 1}, {Strategy: explore.Bounded, Preemptions: 3},
			{Strategy: explore.Delays, Delays: 2}, {Strategy: explore.States},
		}).Draw(rt, "options")
		program := p.program(false, func(string) {})
		o.MinimiseExecutions, o.Executions = 200, 300
		resumes(rt, program, o, p)
	})
}

// So do several workers, but for the executions that are blocked.
func TestResumedWorkersMissNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(quiet).Draw(rt, "program")
		want, ok := all(p, true, 800)
		if !ok || len(want.titles) > 0 || len(want.traces) < 4 {
			return
		}
		ends := map[string]bool{}
		observe := make(chan string, 1<<16)
		program := p.program(true, func(end string) { observe <- end })
		o := explore.Options{Workers: rapid.IntRange(1, 3).Draw(rt, "workers")}
		number := rapid.IntRange(1, 20)
		died := 0
		r := interrupted(rt, program, o, func() int { return number.Draw(rt, "stop") + died }, func() int {
			died = rapid.IntRange(0, 2).Draw(rt, "dies")
			return died
		})
		close(observe)
		for end := range observe {
			ends[end] = true
		}
		wantSet(rt, "end states", ends, want.ends, p)
		if n := len(want.traces); r.Executions != n {
			rt.Errorf("%d executions and %d blocked for %d traces%v", r.Executions, r.Blocked, n, p)
		}
	})
}

func TestResumeSample(t *testing.T) {
	drawn := program{{do("mutex1", 0), do("use", 0)}, {do("free", 0)}, {do("write", 1), do("cell", 0)}}.program(false, func(string) {})
	testResumeSample(t, drawn)
	testResumeSample(t, snapshot(2)) // of which the machine learns something
	testResumeSample(t, ticketLock(3, true))
}

func testResumeSample(t *testing.T, program sim.Program) {
	t.Helper()
	for _, strategy := range explore.Samples() {
		for _, shard := range []explore.Shard{{}, {Index: 1, Of: 3}} {
			o := explore.Options{Strategy: strategy, Seed: 5, Executions: 90, Shard: shard, MinimiseExecutions: 50}
			want, err := explore.Run(context.Background(), program, o)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < 40; at += 3 {
				var states [][]byte
				o.CheckpointEvery = -1
				o.Checkpoint = func(state []byte) error {
					states = append(states, state)
					if len(states) > at+1 {
						return errKilled
					}
					return nil
				}
				o.Resume = nil
				if _, err := explore.Run(context.Background(), program, o); err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				o.Checkpoint, o.Resume = nil, states[min(at, len(states)-1)]
				got, err := explore.Run(context.Background(), program, o)
				if err != nil {
					t.Fatal(err)
				}
				wantSameSearch(t, got, want, fmt.Sprint(strategy, shard, " at ", at))
			}
		}
	}
}

// wantResumed kills a search after some of its executions, and goes on with it. It returns
// its checkpoints.
func wantResumed(t *testing.T, p sim.Program, o explore.Options) (states [][]byte) {
	t.Helper()
	want, err := explore.Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	o.CheckpointEvery = -1
	o.Checkpoint = func(state []byte) error { states = append(states, state); return nil }
	if _, err := explore.Run(context.Background(), p, o); err != nil {
		t.Fatal(err)
	}
	o.Checkpoint = nil
	for i := 0; i < len(states); i += 1 + len(states)/10 {
		o.Resume = states[i]
		got, err := explore.Run(context.Background(), p, o)
		if err != nil {
			t.Fatalf("%s after %d: %v", o.Strategy, i, err)
		}
		if got.Executions != want.Executions || got.Blocked != want.Blocked || !got.Complete {
			t.Errorf("after %d: %s, at once: %s", i, got.Coverage(), want.Coverage())
		}
	}
	return states
}

// A search that is gone on with knows what steps did after the same steps, and to which
// objects additions conflict. By the first it begins no execution in vain.
func TestResumeKnowsWhatStepsDid(t *testing.T) {
	never := func(string) {}
	chooses := program{
		{in("spin", 1, do("use", 1), do("wake", 1)), do("wait_event", 0), do("choose", 1), do("get", 0)},
		{do("cell", 1), do("choose", 0)},
	}
	looks := puts{tasks: [][]put{{{"put", 0}, {"look", 0}}, {{"put", 0}, {"look", 1}}, {{"put", 0}}}}
	for _, test := range []struct {
		p    sim.Program
		says string
	}{
		{chooses.program(false, never), `"exact":true`},
		{looks.program(false, never), `"joint":[`},
	} {
		states := wantResumed(t, test.p, explore.Options{})
		if r := result(t, test.p, explore.Options{}); r.Blocked > 0 {
			t.Errorf("%s", r.Coverage())
		}
		if !slices.ContainsFunc(states, func(s []byte) bool { return strings.Contains(string(s), test.says) }) {
			t.Errorf("no checkpoint says %s", test.says)
		}
	}
}

// wokenAndAwaited is a program of which it is learnt that a word is awaited when it is drawn
// to see whom its wake-ups wake.
func wokenAndAwaited(m *sim.Machine) {
	x := words(m, 1)
	q := new(sim.WaitQueue)
	m.Setup().InitWaitqueueHead(q, "q")
	spawn(m, 2, "sleeper", func(k *sim.K) {
		least := int(k.Name()[len(k.Name())-1] - '0')
		k.WaitEvent(q, func() bool { return x[0].Read(k) > least })
	})
	m.Go("waker", func(k *sim.K) {
		for i := range 2 {
			x[0].Write(k, i+1)
			k.WakeUp(q)
		}
	})
	m.Go("waits", func(k *sim.K) {
		if x[0].Read(k) == 1 {
			x[0].CondLoadAcquire(k, func(v int) bool { return v == 2 })
		}
	})
}

// What the machine has learnt of a program is learnt again.
func TestResumeKnowsWhatWasLearnt(t *testing.T) {
	for _, build := range []func(m *sim.Machine){snapshot(2), snapshot(3), spinners(2, 2, false), nested(1), ticketLock(3, false)} {
		for _, strategy := range []string{explore.DPOR, explore.Bounded, explore.States} {
			wantResumed(t, build, explore.Options{Strategy: strategy, Preemptions: 2, MinimiseExecutions: 1})
		}
	}
	wantResumed(t, wokenAndAwaited, explore.Options{})
	program := func(m *sim.Machine) {
		x := words(m, 2)
		m.Go("waits", func(k *sim.K) {
			if x[1].Read(k) == 2 {
				x[0].CondLoadAcquire(k, func(v int) bool { return v > 1 })
			}
			for x[0].Read(k) < 2 {
			}
		})
		for i := range 3 {
			m.Go(numbered.t[i], func(k *sim.K) {
				x[1].Write(k, x[1].Read(k)+1)
				x[0].Write(k, x[0].Read(k)+1)
			})
		}
		m.Go("last", func(k *sim.K) { x[0].Write(k, 2) })
	}
	want, err := explore.Run(context.Background(), program, explore.Options{Executions: 400})
	if err != nil {
		t.Fatal(err)
	}
	o := explore.Options{}
	for piece := 1; piece <= 4; piece++ {
		o.Executions = 100 * piece
		var state []byte
		o.Checkpoint = func(s []byte) error { state = s; return nil }
		r, err := explore.Run(context.Background(), program, o)
		if err != nil {
			t.Fatal(err)
		}
		if piece > 1 && r.Executions+r.Blocked != 100*piece {
			t.Errorf("piece %d: %s", piece, r.Coverage())
		}
		if piece == 4 && (r.Executions != want.Executions || r.Steps != want.Steps) {
			t.Errorf("in pieces: %s, at once: %s", r.Coverage(), want.Coverage())
		}
		if !strings.Contains(string(state), `"learning":["`) {
			t.Errorf("nothing was learnt: %.300s", state)
		}
		o.Resume = state
	}
}

func TestResumeRefuses(t *testing.T) {
	checkpoint := func(p sim.Program, o explore.Options) []byte {
		var state []byte
		o.Checkpoint = func(s []byte) error { state = s; return nil }
		o.Executions = 5
		if _, err := explore.Run(context.Background(), p, o); err != nil {
			t.Fatal(err)
		}
		return state
	}
	good := checkpoint(counter(3, 1), explore.Options{})
	for _, c := range []struct {
		name string
		p    sim.Program
		o    explore.Options
		want string
	}{
		{"nothing", counter(3, 1), explore.Options{Resume: []byte{}}, "it is not a checkpoint"},
		{"half of it", counter(3, 1), explore.Options{Resume: good[:len(good)/2]}, "it is not a checkpoint"},
		{"a bit", counter(3, 1), explore.Options{Resume: []byte(strings.Replace(string(good), `"blocked":0`, `"blocked":1`, 1))}, "it is damaged"},
		{"a later version", counter(3, 1), explore.Options{Resume: []byte(strings.Replace(string(good), `"version":4`, `"version":5`, 1))}, "it is of version 5, and this search reads version 4"},
		{"another program", counter(4, 1), explore.Options{Resume: good}, "it is of another program, or of another version"},
		{"another machine", counter(3, 1), explore.Options{Resume: good, Setup: func(m *sim.Machine) { m.MaxSteps = 50 }}, "it is of another program, or of another version"},
		{"another strategy", counter(3, 1), explore.Options{Resume: good, Strategy: explore.Bounded}, "it is of another search: its strategy is dpor, not bounded"},
		{"another shard", counter(3, 1), explore.Options{Resume: good, Shard: explore.Shard{Of: 2}}, "it is of another search: its shard is the whole, not shard 1 of 2"},
		{"another bound of delays", counter(3, 1), explore.Options{Resume: checkpoint(counter(3, 1), explore.Options{Strategy: explore.Delays, Delays: 2}), Strategy: explore.Delays, Delays: 3}, "its bound of delays is 2, not 3"},
		{"aware of locks", counter(3, 1), explore.Options{Resume: good, LockAware: true}, "its awareness of locks is false, not true"},
		{"another program of states", counter(3, 2), explore.Options{Resume: checkpoint(counter(3, 1), explore.Options{Strategy: explore.States}), Strategy: explore.States}, "it is of another program"},
		{"another model", counter(3, 1), explore.Options{Resume: good, Memory: memory.TSO}, "it is of another search: its memory model is sc, not tso"},
		{"no model", counter(3, 1), explore.Options{Resume: checkpoint(counter(3, 1), explore.Options{Memory: memory.LKMM})}, "its memory model is lkmm, not sc"},
		{"a sample of another model", counter(3, 1), explore.Options{Resume: checkpoint(counter(3, 1), explore.Options{Strategy: explore.POS, Memory: memory.LKMM}), Strategy: explore.POS, Memory: memory.TSO}, "its memory model is lkmm, not tso"},
		{"another seed", counter(3, 1), explore.Options{Resume: checkpoint(counter(3, 1), explore.Options{Strategy: explore.PCT}), Strategy: explore.PCT, Seed: 3}, "its seed is 0, not 3"},
	} {
		_, err := explore.Run(context.Background(), c.p, c.o)
		if !errors.Is(err, explore.ErrResume) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// The error of who keeps checkpoints ends the search.
func TestCheckpointThatCannotBeKept(t *testing.T) {
	full := errors.New("no space left on device")
	for _, strategy := range explore.Strategies() {
		for workers := 1; workers <= 3; workers++ {
			o := explore.Options{Strategy: strategy, Executions: 10, Workers: workers, CheckpointEvery: -1, Checkpoint: func([]byte) error { return full }}
			if _, err := explore.Run(context.Background(), counter(3, 1), o); !errors.Is(err, full) {
				t.Errorf("%s: got %v, want %v", strategy, err, full)
			}
		}
	}
}

// kept are searches of every kind that can be resumed.
var kept = []explore.Options{
	{}, {LockAware: true}, {Strategy: explore.Bounded, Preemptions: 1}, {Strategy: explore.Delays, Delays: 2}, {Strategy: explore.States},
	{Memory: memory.LKMM}, {Strategy: explore.PCT}, {Shard: explore.Shard{Of: 2}, Strategy: explore.States}, {Shard: explore.Shard{Of: 2}, Memory: memory.TSO},
}

// A search that is done stays done.
func TestResumeWhatIsDone(t *testing.T) {
	for _, o := range kept {
		o.MinimiseExecutions, o.Executions = 100, 20
		if o.Strategy != explore.PCT {
			o.Executions = 0
		}
		for _, p := range []sim.Program{counter(2, 1), func(*sim.Machine) {}} {
			var last []byte
			o.Resume, o.Checkpoint = nil, func(state []byte) error { last = state; return nil }
			want, err := explore.Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			o.Resume = last
			got, err := explore.Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			wantSameSearch(t, got, want, fmt.Sprintf("%+v", o))
			if !reflect.DeepEqual(got.Part, want.Part) {
				t.Errorf("%+v, want %+v", got.Part, want.Part)
			}
		}
	}
}

// A checkpoint in which a number, or a byte, is another one is refused, or resumed: it
// does nothing worse.
func TestResumeOfNonsense(t *testing.T) {
	p := counter(2, 2)
	refused := 0
	for _, o := range kept {
		var state []byte
		o.CheckpointEvery = -1
		saved := 0
		o.Executions = 40
		o.Resume, o.Checkpoint = nil, func(s []byte) error {
			if saved++; saved <= 4 {
				state = explore.Unseal(s)
			}
			return nil
		}
		if _, err := explore.Run(context.Background(), p, o); err != nil {
			t.Fatal(err)
		}
		o.Checkpoint, o.MinimiseExecutions, o.Estimate = nil, 1, 1
		for _, other := range nonsense(t, state) {
			o.Resume = explore.Seal(other)
			if r, err := explore.Run(context.Background(), p, o); (r == nil) == (err == nil) {
				t.Fatalf("%s: %v, %v", other, r, err)
			} else if err != nil {
				refused++
			}
		}
	}
	if refused < 1000 {
		t.Errorf("only %d were refused", refused)
	}
}

// nonsense is a state with one thing in it changed, in several ways.
func nonsense(t *testing.T, state []byte) [][]byte {
	t.Helper()
	var all [][]byte
	var root any
	if err := json.Unmarshal(state, &root); err != nil {
		t.Fatal(err)
	}
	emit := func() {
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	var change func(v any, set func(any))
	change = func(v any, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				change(v[key], func(x any) { v[key] = x })
			}
		case []any:
			for i := range v {
				change(v[i], func(x any) { v[i] = x })
			}
			if len(v) > 0 {
				set(v[:len(v)-1])
				emit()
				set(append(slices.Clone(v), v[0]))
				emit()
			}
		case float64:
			for _, x := range []float64{-1, v + 1, v - 1, 1 << 20, 1 << 40} {
				set(x)
				emit()
			}
		case string:
			for i := range len(v) {
				x := []byte(v)
				x[i] = "AZ/9"[i%4]
				set(string(x))
				emit()
			}
		case bool:
			set(!v)
			emit()
		}
		set(v)
	}
	change(root, func(any) {})
	return all
}

// FuzzResume: whatever is given to be resumed, a search says that it cannot be, or
// comes to its end.
func FuzzResume(f *testing.F) {
	p := counter(2, 2)
	for i := range kept {
		o := kept[i]
		o.CheckpointEvery, o.Executions = -1, 8
		o.Checkpoint = func(state []byte) error {
			f.Add(explore.Unseal(state), uint8(i))
			return nil
		}
		if _, err := explore.Run(context.Background(), p, o); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, state []byte, i uint8) {
		o := kept[int(i)%len(kept)]
		o.Executions, o.MinimiseExecutions, o.Estimate, o.Resume = 50, 5, 1, explore.Seal(state)
		r, err := explore.Run(context.Background(), p, o)
		if (r == nil) == (err == nil) {
			t.Fatal(r, err)
		}
		if r != nil && !(math.Abs(r.Estimate.Traces)+r.Estimate.Error < math.Inf(1)) {
			t.Fatal(r.Estimate)
		}
		_, _ = explore.Run(context.Background(), p, explore.Options{Resume: state})
	})
}

// A short search is the same to the last step, whatever the number of workers.
func TestShortSearchIsTheSame(t *testing.T) {
	want, err := explore.Run(context.Background(), fib(3), explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for workers := 2; workers <= 4; workers++ {
		r, err := explore.Run(context.Background(), fib(3), explore.Options{Workers: workers, Alone: 2000})
		if err != nil {
			t.Fatal(err)
		}
		wantSameSearch(t, r, want, workers)
	}
}
