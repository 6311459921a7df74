package explore_test

import (
	"context"
	"slices"
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
		resumes(rt, program, o, p)
	})
}

// The checkpoints of two searches are the same, byte by byte.
func TestCheckpointsOfGraphsAreTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		program := machineProgram(weakPrograms(rt, [][]string{wordMoves, lockMoves, sectionMoves, plainMoves}), func(string) {})
		var kept [2][]string
		for i := range kept {
			_, err := explore.Run(context.Background(), program, explore.Options{
				Memory: memory.LKMM, Setup: readersOnly, MinimiseExecutions: 1, Executions: 30, CheckpointEvery: -1,
				Checkpoint: func(state []byte) error {
					kept[i] = append(kept[i], string(state))
					return nil
				},
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		if len(kept[0]) == 0 || !slices.Equal(kept[0], kept[1]) {
			rt.Errorf("%d and %d checkpoints differ", len(kept[0]), len(kept[1]))
		}
	})
}
