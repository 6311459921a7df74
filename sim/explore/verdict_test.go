package explore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"trapline/sim"
	"trapline/sim/explore"
)

// late breaks a rule in the fourth step of a task, after two preemptions and more
// delays, and in few of its many executions.
func late(m *sim.Machine) {
	x := words(m, 2)
	m.Go("a", func(k *sim.K) {
		x[0].Write(k, 1)
		x[0].Write(k, 2)
		if x[1].Read(k) == 1 {
			x[0].Write(k, 3)
			if x[1].Read(k) == 2 {
				k.Fail(&sim.Violation{Kind: lost, Subject: "late"})
			}
		}
	})
	m.Go("b", func(k *sim.K) {
		if x[0].Read(k) == 1 {
			x[1].Write(k, 1)
			if x[0].Read(k) == 3 {
				x[1].Write(k, 2)
			}
		}
	})
}

// assumesTooMuch is a program of which no execution comes to its end without an
// assumption that does not hold.
func assumesTooMuch(m *sim.Machine) {
	x := words(m, 1)
	tasks(m, 2, func(_ int, k *sim.K) { k.Assume(x[0].Read(k) == 1) })
}

// endlessly is a program without an end.
func endlessly(m *sim.Machine) {
	x := words(m, 1)
	tasks(m, 2, func(i int, k *sim.K) {
		for n := 0; ; n++ {
			x[0].Write(k, n)
		}
	})
}

// Nothing is called clean of which a part was not seen, whatever the bound was: the
// answer is inconclusive, or names the bound up to which it is clean.
func TestVerdictsWithinBounds(t *testing.T) {
	dpor := result(t, late, explore.Options{})
	if dpor.Verdict() != explore.Violation || dpor.Findings[0].Preemptions != 3 {
		t.Fatalf("%s: %s", dpor.Verdict(), dpor.Coverage())
	}
	deep := func(steps int) func(m *sim.Machine) { return func(m *sim.Machine) { m.MaxSteps = steps } }
	expired, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	interrupted, interrupt := context.WithCancelCause(context.Background())
	interrupt(errors.New("enough"))
	for _, test := range []struct {
		name    string
		program sim.Program
		o       explore.Options
		ctx     context.Context
		verdict string
		says    string // in the coverage
	}{
		{"no bound", counter(2, 1), explore.Options{}, nil, explore.Clean, "complete: every interleaving, 4 executions, 0 blocked"},
		{"a bound that is not met", counter(2, 1), explore.Options{TaskSteps: 5, Executions: 100, Setup: deep(50)}, nil, explore.Clean, "complete up to 5 steps of each task: 4 executions, 0 blocked"},

		{"preemptions", late, explore.Options{Strategy: explore.Bounded, Preemptions: 2}, nil, explore.Clean, "complete up to 2 preemptions: "},
		{"enough preemptions", late, explore.Options{Strategy: explore.Bounded, Preemptions: 3}, nil, explore.Violation, "complete up to 3 preemptions: "},
		{"delays", late, explore.Options{Strategy: explore.Delays, Delays: 2}, nil, explore.Clean, "complete up to 2 delays: "},
		{"enough delays", late, explore.Options{Strategy: explore.Delays, Delays: 3}, nil, explore.Violation, "complete up to 3 delays: "},
		{"preemptions and steps", late, explore.Options{Strategy: explore.Bounded, Preemptions: 2, TaskSteps: 4}, nil, explore.Inconclusive, "complete up to 2 preemptions and 4 steps of each task: "},

		{"steps", late, explore.Options{TaskSteps: 4}, nil, explore.Inconclusive, " cut off, "},
		{"enough steps", late, explore.Options{TaskSteps: 5}, nil, explore.Violation, "complete up to 5 steps of each task: "},
		{"steps, with delays", late, explore.Options{Strategy: explore.Delays, Delays: 9, TaskSteps: 4}, nil, explore.Inconclusive, "complete up to 9 delays and 4 steps of each task: "},
		{"steps, by states", late, explore.Options{Strategy: explore.States, TaskSteps: 4}, nil, explore.Inconclusive, "complete: every state up to 4 steps of each task, "},
		{"steps, aware of locks", late, explore.Options{LockAware: true, TaskSteps: 4}, nil, explore.Inconclusive, "complete: every interleaving up to 4 steps of each task, one order of critical sections that commute, "},
		{"steps, all cut off", endlessly, explore.Options{TaskSteps: 3}, nil, explore.Inconclusive, "complete up to 3 steps of each task: 0 executions, 0 blocked, 20 cut off, 120 steps; none came to its end"},

		{"depth", late, explore.Options{Setup: deep(8)}, nil, explore.Inconclusive, "incomplete (an execution had more than 8 steps): "},
		{"depth, bounded", late, explore.Options{Strategy: explore.Bounded, Preemptions: 2, Setup: deep(5)}, nil, explore.Inconclusive, "incomplete within 2 preemptions (an execution had more than 5 steps): "},
		{"depth, by states", late, explore.Options{Strategy: explore.States, Setup: deep(5)}, nil, explore.Inconclusive, "incomplete (an execution had more than 5 steps): "},
		{"depth, without an end", endlessly, explore.Options{Setup: deep(5), Executions: 10}, nil, explore.Inconclusive, "incomplete (an execution had more than 5 steps; stopped after 10 executions): 0 executions, 0 blocked, 10 cut off"},

		{"time", late, explore.Options{}, expired, explore.Inconclusive, "incomplete (the time was up): 0 executions"},
		{"time, bounded", late, explore.Options{Strategy: explore.Bounded, Preemptions: 9}, expired, explore.Inconclusive, "incomplete within 9 preemptions (the time was up): "},
		{"an interrupt", late, explore.Options{Strategy: explore.States}, interrupted, explore.Inconclusive, "incomplete (enough): "},

		{"executions", late, explore.Options{Executions: 2}, nil, explore.Inconclusive, "incomplete (stopped after 2 executions): 2 executions, 0 blocked"},
		{"executions, bounded", late, explore.Options{Strategy: explore.Bounded, Preemptions: 2, Executions: 2}, nil, explore.Inconclusive, "incomplete within 2 preemptions (stopped after 2 executions): "},
		{"executions and steps", late, explore.Options{Executions: 2, TaskSteps: 4}, nil, explore.Inconclusive, "incomplete within 4 steps of each task (stopped after 2 executions): "},
		{"as many executions as there are", counter(2, 1), explore.Options{Executions: 4}, nil, explore.Clean, "complete: every interleaving, 4 executions"},

		{"a sample", counter(2, 1), explore.Options{Strategy: explore.POS, Executions: 50, TaskSteps: 5}, nil, explore.Inconclusive, "pos sample, seed 0 (stopped after 50 executions) up to 5 steps of each task: 50 executions"},
		{"a part", counter(2, 1), explore.Options{Shard: explore.Shard{Index: 1, Of: 2}}, nil, explore.Inconclusive, "complete, but only a part: "},

		{"nothing but what was assumed away", assumesTooMuch, explore.Options{}, nil, explore.Inconclusive, "complete: every interleaving, 0 executions, 0 blocked, 1 against an assumption, 2 steps; none came to its end"},
		{"the same, bounded", assumesTooMuch, explore.Options{Strategy: explore.Bounded, Preemptions: 1}, nil, explore.Inconclusive, "; none came to its end"},
		{"the same, by states", assumesTooMuch, explore.Options{Strategy: explore.States}, nil, explore.Inconclusive, "complete: every state, "},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := test.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			r, err := explore.Run(ctx, test.program, test.o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict() != test.verdict || !strings.Contains(r.Coverage(), test.says) {
				t.Errorf("%s: %s\nwant %s: %s", r.Verdict(), r.Coverage(), test.verdict, test.says)
			}
			if bounded := test.o.Strategy == explore.Bounded || test.o.Strategy == explore.Delays; bounded && strings.Contains(r.Coverage(), "every") {
				t.Errorf("a search with a bound covers %q", r.Coverage())
			}
		})
	}
}
