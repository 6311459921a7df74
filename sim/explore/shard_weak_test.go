package explore_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

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
		o.Executions = 0
		n := rapid.SampledFrom([]int{2, 3, 5}).Draw(rt, "shards")
		for {
			var parts []*explore.Result
			ends, learnt, same := map[string]int{}, o.Learnt, true
			for i := range n {
				o.Shard = explore.Shard{Index: i, Of: n}
				r, some := counted(rt, p, o)
				parts = append(parts, r)
				for end, n := range some {
					ends[end] += n
				}
				same = same && len(r.Part.Learnt) == len(o.Learnt)
				if len(r.Part.Learnt) > len(learnt) {
					learnt = r.Part.Learnt
				}
			}
			if !same {
				again++
				o.Learnt = learnt
				continue
			}
			r, err := explore.Merge(parts)
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
