package explore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// Two tasks count without a lock; the check at the end finds that one update
// can get lost, and the schedule says how.
func ExampleRun() {
	program := func(m *sim.Machine) {
		var hits sim.Word[int]
		hits.Init(m.Setup(), "hits", 0)
		for _, name := range []string{"one", "two"} {
			m.Go(name, func(k *sim.K) { hits.Write(k, hits.Read(k)+1) })
		}
		m.After(func(k *sim.K) { k.BugOn(hits.Read(k) != 2, "a hit was lost") })
	}
	r, err := explore.Run(context.Background(), program, explore.Options{})
	if err != nil {
		panic(err)
	}
	f := r.Findings[0]
	fmt.Println(f.Violation.Kind.Class, "in the schedule", f.Schedule)
	for _, step := range f.Records {
		if step.Remark == "" {
			fmt.Println(step.Name, step.Text, step.Note)
		}
	}
	fmt.Println(r.Coverage())
	// Output:
	// kernel BUG in the schedule two@1
	// one READ_ONCE(hits) = 0
	// two READ_ONCE(hits) = 0
	// two WRITE_ONCE(hits) <- 1
	// one WRITE_ONCE(hits) <- 1
	// complete: every interleaving, 4 executions, 0 blocked, 16 steps
}

// lostHit is the program of ExampleRun among more.
func lostHit(m *sim.Machine) {
	var hits, other sim.Word[int]
	hits.Init(m.Setup(), "hits", 0)
	other.Init(m.Setup(), "other", 0)
	for _, name := range []string{"one", "two"} {
		m.Go(name, func(k *sim.K) {
			other.Read(k)
			hits.Write(k, hits.Read(k)+1)
			other.Read(k)
		})
	}
	m.After(func(k *sim.K) { k.BugOn(hits.Read(k) != 2, "a hit was lost") })
}

// Every interleaving of two tasks that count under a lock. In a test of your own, t
// is the *testing.T. Without the lock the test would fail, and tell the steps that
// lead to the data race.
func ExampleCheck() {
	var t testing.TB = printer{}
	explore.Check(t, func(m *sim.Machine) {
		var l sim.Mutex
		var hits sim.Cell[int]
		m.Setup().MutexInit(&l, "l")
		hits.Init(m.Setup(), "hits")
		for _, name := range []string{"one", "two"} {
			m.Go(name, func(k *sim.K) {
				k.MutexLock(&l)
				hits.Set(k, hits.Get(k)+1)
				k.MutexUnlock(&l)
			})
		}
		m.After(func(k *sim.K) { k.BugOn(hits.Get(k) != 2, "a hit was lost") })
	})
	// Output: clean: complete: every interleaving, 2 executions, 0 blocked, 8 steps
}

// printer stands in for the *testing.T of a test: it prints what that would log.
type printer struct{ testing.TB }

func (printer) Helper()                           {}
func (printer) Context() context.Context          { return context.Background() }
func (printer) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// A program with too many interleavings: first those with few preemptions.
func ExampleRun_bounded() {
	r, err := explore.Run(context.Background(), lostHit, explore.Options{Strategy: explore.Bounded, Preemptions: 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Verdict(), r.Findings[0].Schedule)
	// Output: violation two@2
}

// And where that is too much, a sample. The same seed draws the same again.
func ExampleRun_sample() {
	r, err := explore.Run(context.Background(), lostHit, explore.Options{Strategy: explore.PCT, Depth: 2, Seed: 1, Executions: 100})
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Verdict(), r.Findings[0].Schedule)
	fmt.Println("first seen in execution", r.First)
	fmt.Println(r.Coverage())
	// Output:
	// violation two@2
	// first seen in execution 8
	// pct sample, seed 1 (stopped after 100 executions): 100 executions, 0 blocked, 800 steps; an execution shows a bug of depth 2 with probability 1/(n·k^1) = 0.0625 or more, n = 2 tasks, k = 8 steps (the most of the first 4 executions)
}

// The schedule of a random execution, and what is left of it.
func ExampleMinimise() {
	schedule, err := sim.ParseSchedule("two@1,one@2,two@3,one@5,two@6,one@7")
	if err != nil {
		panic(err)
	}
	f, err := explore.Minimise(context.Background(), lostHit, schedule, explore.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(f.Schedule, "switches between tasks:", f.Switches)
	// Output: two@2 switches between tasks: 2
}

// A counter that two tasks share behind the back of the machine.
func ExampleCheckIndependence() {
	program := func(m *sim.Machine) {
		hidden := 0
		words := make([]sim.Word[int], 2)
		for i, name := range []string{"one", "two"} {
			words[i].Init(m.Setup(), name+"'s", 0)
			m.Go(name, func(k *sim.K) {
				words[i].Read(k)
				hidden++
				words[i].Write(k, hidden)
			})
		}
	}
	_, err := explore.CheckIndependence(context.Background(), program, explore.Options{})
	fmt.Println(errors.Is(err, explore.ErrDependent))
	fmt.Println(err)
	// Output:
	// true
	// a step declares too little: one: READ_ONCE(one's) (step 0) and two: READ_ONCE(two's) (step 1) of schedule two@1,one@2 were declared independent, but if they are exchanged the tasks see or leave other values
}
