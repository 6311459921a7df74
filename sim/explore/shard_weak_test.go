package explore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// counted makes a search and says how often each end came in the executions that it has
// counted: not in those from which it only learns, nor in those of other shards.
func counted(t rapid.TB, p [][]move, o explore.Options) (*explore.Result, map[string]int) {
	t.Helper()
	ends, last, before := map[string]int{}, "", 0
	note := func(executions int) {
		switch {
		case executions < before:
			clear(ends) // the search has begun anew
		case executions > before:
			ends[last]++
		}
		before = executions
	}
	o.CheckpointEvery = -1
	o.Checkpoint = func(state []byte) error {
		note(explore.ExecutionsIn(state))
		return nil
	}
	r, err := explore.Run(context.Background(), machineProgram(p, func(end string) { last = end }), o)
	if err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	note(r.Executions)
	return r, ends
}

// The shards of a search by execution graphs visit together each graph once, but for what
// several have found that not all know of, which counts once.
func TestShardsOfGraphsAreTheGraphs(t *testing.T) {
	again, byways, twice := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := weakPrograms(rt, [][]string{wordMoves, lockMoves, sectionMoves, plainMoves})
		o := explore.Options{
			Memory: rapid.SampledFrom([]memory.Model{memory.TSO, memory.LKMM}).Draw(rt, "model"),
			Setup:  readersOnly, MinimiseExecutions: 20, Executions: 2000,
		}
		want, wantEnds := counted(rt, p, o)
		if !want.Complete {
			return
		}
		if rapid.Bool().Draw(rt, "learns") {
			defer explore.LearnLittle()()
		}
		o.Executions = 0
		n := rapid.SampledFrom([]int{2, 3, 5}).Draw(rt, "shards")
		for {
			var parts []*explore.Result
			ends, learnt, executions := map[string]int{}, o.Learnt, 0
			for i := range n {
				o.Shard = explore.Shard{Index: i, Of: n}
				r, some := counted(rt, p, o)
				parts = append(parts, r)
				executions += r.Executions
				byways += len(r.Part.Byways)
				for end, n := range some {
					ends[end] += n
				}
				if len(r.Part.Learnt) > len(learnt) {
					learnt = r.Part.Learnt
				}
			}
			r, err := explore.Merge(parts)
			if len(learnt) > len(o.Learnt) && err != nil {
				again++
				o.Learnt = learnt
				continue
			}
			if err != nil {
				rt.Fatalf("%v: %v", p, err)
			}
			if r.Executions != want.Executions || !r.Complete || r.Verdict() != want.Verdict() || !slices.Equal(titles(r), titles(want)) {
				rt.Fatalf("%v under %v in %d:\ngot  %s %v\nwant %s %v", p, o.Memory, n, r.Coverage(), titles(r), want.Coverage(), titles(want))
			}
			for end, n := range wantEnds {
				ends[end] -= n
			}
			more := 0
			for end, n := range ends {
				if _, ok := wantEnds[end]; n < 0 || !ok {
					rt.Fatalf("%v under %v: %q came %d times too often", p, o.Memory, end, n)
				}
				more += n
			}
			if executions -= r.Executions; more != executions {
				rt.Fatalf("%v under %v: %d executions too many, and %d are known to have been made twice", p, o.Memory, more, executions)
			}
			twice += more
			return
		}
	})
	t.Logf("%d searches were made again; %d byways, and %d executions twice", again, byways, twice)
}

// They do so where tasks sleep and are woken, and steps find out what they use: a shard
// that does not know enough is told so.
func TestShardsOfGraphsSeeDeferredWork(t *testing.T) {
	again, byways := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		d := deferredDraw{again: rapid.Bool().Draw(rt, "again")}
		for i := range d.tasks {
			d.tasks[i] = rapid.SliceOfN(rapid.SampledFrom(deferredVerbs), 1, 3).Draw(rt, fmt.Sprint("t", i))
		}
		var ends map[string]bool
		program := d.program(func(end string) { ends[end] = true })
		search := func(o explore.Options) *explore.Result {
			r, err := explore.Run(context.Background(), program, o)
			if err != nil {
				rt.Fatalf("%v: %+v", err, d)
			}
			return r
		}
		ends = map[string]bool{}
		o := explore.Options{Memory: memory.LKMM, MinimiseExecutions: 1, Executions: 300}
		want, wantEnds := search(o), ends
		if !want.Complete {
			return
		}
		if rapid.Bool().Draw(rt, "learns") {
			defer explore.LearnLittle()()
		}
		o.Executions = 0
		for n := 3; ; {
			ends = map[string]bool{}
			var parts []*explore.Result
			learnt := o.Learnt
			for i := range n {
				o.Shard = explore.Shard{Index: i, Of: n}
				parts = append(parts, search(o))
				byways += len(parts[i].Part.Byways)
				if more := parts[i].Part.Learnt; len(more) > len(learnt) {
					learnt = more
				}
			}
			r, err := explore.Merge(parts)
			if err != nil && len(learnt) > len(o.Learnt) {
				again++
				o.Learnt = learnt
				continue
			}
			if err != nil || r.Executions != want.Executions || !slices.Equal(titles(r), titles(want)) || !maps.Equal(ends, wantEnds) {
				rt.Fatalf("%v: got %s %q, want %s %q: %+v", err, r.Coverage(), titles(r), want.Coverage(), titles(want), d)
			}
			return
		}
	})
	t.Logf("%d searches were made again; %d byways", again, byways)
}

func TestShardsOfGraphsCountTheSame(t *testing.T) {
	for _, test := range weakCounts {
		for _, model := range []memory.Model{memory.TSO, memory.LKMM} {
			want := test.tso
			if model == memory.LKMM {
				want = test.lkmm
			}
			if want == 0 || want > 300 && !*long {
				continue
			}
			for _, n := range []int{3} {
				parts := sharded(t, test.program, explore.Options{Memory: model}, n)
				r, err := explore.Merge(parts)
				if err != nil {
					t.Fatal(err)
				}
				if r.Executions != want || r.Verdict() != explore.Clean {
					t.Errorf("%s under %v in %d: %s, want %d executions", test.name, model, n, r.Coverage(), want)
				}
				for _, p := range parts {
					if want > 200 && p.Executions > want*3/4 {
						t.Errorf("%s under %v: %s has %d executions of %d", test.name, model, p.Part.Shard, p.Executions, want)
					}
				}
			}
		}
	}
}

// A shard of such a search can be resumed like any search.
func TestShardsOfGraphsCanBeResumed(t *testing.T) {
	for i := range 3 {
		o := explore.Options{Memory: memory.LKMM, Shard: explore.Shard{Index: i, Of: 3}}
		want, err := explore.Run(context.Background(), ring(8, none), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 9} {
			dies := 0
			got := interrupted(t, ring(8, none), o, func() int { return n + dies + 1 }, func() int { dies = (dies + 1) % 3; return dies })
			wantSameSearch(t, got, want, n)
			if got.Part.Divided != want.Part.Divided || got.Part.Known != want.Part.Known {
				t.Errorf("got %+v, want %+v", got.Part, want.Part)
			}
		}
	}
}

// What a shard learns that the others have not seen need not concern them: it goes a way
// that they do not know of, and they are not asked to begin again.
func TestShardsOfGraphsGoByways(t *testing.T) {
	const last = 7
	program := weakly(6, func(k *sim.K, w *weakWorld, i int) {
		switch i {
		case 0:
			w.w[1].Read(k)
		case 1, 2, 3:
			w.w[3].Write(k, w.w[3].Read(k)*4+i)
		case 4:
			for v := range last {
				w.w[0].Write(k, v+1)
			}
		default:
			if w.w[3].Read(k) != 4*(4*1+2)+3 {
				return // but where one, two and three came after each other
			}
			for v := range last {
				for range 2 {
					if w.w[0].Read(k) != v+1 {
						return
					}
				}
			}
			w.w[1].Write(k, 1) // seldom
		}
	})
	defer explore.LearnLittle()()
	o := explore.Options{Memory: memory.TSO}
	want, err := explore.Run(context.Background(), program, o)
	if err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 5; n++ {
		var parts []*explore.Result
		byways := 0
		for i := range n {
			o.Shard = explore.Shard{Index: i, Of: n}
			r, err := explore.Run(context.Background(), program, o)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, r)
			byways += len(r.Part.Byways)
		}
		r, err := explore.Merge(parts)
		if err != nil || r.Executions != want.Executions || byways == 0 {
			t.Errorf("%d shards, %d byways: %v, %v; want %s", n, byways, r, err, want.Coverage())
		}
	}
}

// Parts are refused that have not seen the same on a byway, or of which one would have had
// to see what another has.
func TestMergeComparesWhatShardsHaveSeen(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b explore.Part
		want string // empty if nothing is wrong
	}{
		{"the same byway", explore.Part{Byways: []explore.Byway{{Way: 1, Executions: 2, Steps: 9}}}, explore.Part{Byways: []explore.Byway{{Way: 1, Executions: 2, Blocked: 1, Steps: 10}}}, ""},
		{"another byway", explore.Part{Byways: []explore.Byway{{Way: 1, Executions: 2}}}, explore.Part{Byways: []explore.Byway{{Way: 2, Executions: 3}}}, ""},
		{"more on a byway", explore.Part{Byways: []explore.Byway{{Way: 1, Executions: 2}}}, explore.Part{Byways: []explore.Byway{{Way: 1, Executions: 3}}}, "have not seen the same"},
		{"what nobody misses", explore.Part{Missed: []uint64{1, 4}}, explore.Part{Seen: []uint64{2, 3}}, ""},
		{"what one would have had to see", explore.Part{Missed: []uint64{1, 4}}, explore.Part{Seen: []uint64{2, 4}}, "shard 1 of 2 would have had to know what shard 2 of 2 has seen: make all again with "},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, q := &explore.Result{Complete: true, Executions: 10, Blocked: 5, Steps: 100, Part: &test.a}, &explore.Result{Complete: true, Executions: 10, Blocked: 5, Steps: 100, Part: &test.b}
			test.a.Shard, test.b.Shard = explore.Shard{Index: 0, Of: 2}, explore.Shard{Index: 1, Of: 2}
			r, err := explore.Merge([]*explore.Result{p, q})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Fatalf("%v, want %q", err, test.want)
			}
			if test.name == "the same byway" && (r.Executions != 18 || r.Blocked != 9 || r.Steps != 190) {
				t.Errorf("%s, want 18 executions, 9 blocked, 190 steps", r.Coverage())
			}
		})
	}
}

// Shards that ask tasks in another order do not know the same; how they number objects
// makes no difference.
func TestKnowledgeHasTheOrderOfTasks(t *testing.T) {
	tasks, objects := [][2]int{{0, 0}, {0, 1}, {1, 1}, {1, 2}}, [][2]int{{0, 0}, {0, 1}, {0, 2}}
	want := explore.SumOf(sim.Names{Tasks: tasks, Objects: objects})
	if got := explore.SumOf(sim.Names{Tasks: tasks, Objects: append(objects[:2:2], [2]int{0, 3}, [2]int{0, 2})}); got != want {
		t.Error("the number of an object counts")
	}
	if got := explore.SumOf(sim.Names{Tasks: [][2]int{{0, 0}, {0, 1}, {1, 2}, {1, 1}}, Objects: objects}); got == want {
		t.Error("the order of tasks does not count")
	}
}
