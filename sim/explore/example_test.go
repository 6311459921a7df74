package explore_test

import (
	"context"
	"fmt"

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
		m.After(func(k *sim.K) {
			if hits.Peek() != 2 {
				k.Fail(&sim.Violation{Kind: sim.Kind{Name: "lost-hit", Class: "hit lost"}})
			}
		})
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
	// hit lost in the schedule two@1
	// one READ_ONCE(hits) = 0
	// two READ_ONCE(hits) = 0
	// two WRITE_ONCE(hits) <- 1
	// one WRITE_ONCE(hits) <- 1
	// complete: every interleaving, 4 executions, 0 blocked, 16 steps
}
