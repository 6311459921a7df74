package explore_test

import (
	"context"
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

// The shards of a search by execution graphs visit together each graph once.
func TestShardsOfGraphsAreTheGraphs(t *testing.T) {
	again := 0
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
			ends, learnt := map[string]int{}, o.Learnt
			for i := range n {
				o.Shard = explore.Shard{Index: i, Of: n}
				r, some := counted(rt, p, o)
				parts = append(parts, r)
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
			if r.Executions != want.Executions || r.Blocked != want.Blocked || !r.Complete || r.Verdict() != want.Verdict() || !slices.Equal(titles(r), titles(want)) {
				rt.Fatalf("%v under %v in %d:\ngot  %s %v\nwant %s %v", p, o.Memory, n, r.Coverage(), titles(r), want.Coverage(), titles(want))
			}
			if !maps.Equal(ends, wantEnds) {
				rt.Fatalf("%v under %v in %d:\ngot  %v\nwant %v", p, o.Memory, n, ends, wantEnds)
			}
			return
		}
	})
	t.Logf("%d searches were made again", again)
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

// What a shard learns that the others have not seen concerns them, so their results are
// refused until they know it.
func TestShardsOfGraphsLearnTheSame(t *testing.T) {
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
	var parts []*explore.Result
	learnt := 0
	for i := range 2 {
		o.Shard = explore.Shard{Index: i, Of: 2}
		r, err := explore.Run(context.Background(), program, o)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, r)
		learnt = max(learnt, len(r.Part.Learnt))
	}
	if _, err := explore.Merge(parts); learnt == 0 || err == nil || !strings.Contains(err.Error(), "have not learnt the same of the program") {
		t.Errorf("%d learnt, %v", learnt, err)
	}
	o.Shard = explore.Shard{}
	r, err := explore.Merge(sharded(t, program, o, 2))
	if err != nil || r.Executions != want.Executions || r.Blocked != want.Blocked {
		t.Errorf("%v, %v; want %s", r, err, want.Coverage())
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
