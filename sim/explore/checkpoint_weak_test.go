package explore_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim/explore"
	"trapline/sim/memory"
)

// A search by execution graphs that is interrupted, or killed so that what it did since
// a checkpoint is lost, counts and finds the same as one that is not.
func TestResumedWeakSearchIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := weakPrograms(rt, [][]string{wordMoves, lockMoves, sectionMoves, plainMoves})
		program := machineProgram(p, func(string) {})
		o := explore.Options{
			Memory: rapid.SampledFrom([]memory.Model{memory.TSO, memory.LKMM}).Draw(rt, "model"),
			Setup:  readersOnly, MinimiseExecutions: 20, Executions: 600,
		}
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
	})
}
