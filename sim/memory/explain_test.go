package memory

import (
	"strings"
	"testing"
)

// find looks a litmus test up by its name.
func find(t *testing.T, name string) litmus {
	t.Helper()
	for _, test := range append(append([]litmus(nil), litmusTests...), classics...) {
		if test.name == name {
			return test
		}
	}
	t.Fatalf("no test %s", name)
	return litmus{}
}

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		name  string
		model Options
		want  string
	}{
		{"MP+poonceonces", Options{Model: LKMM}, `
task 0: store of 1 to x
task 0: store of 1 to y
task 1: load of y reads 1, stored by task 0
task 1: load of x reads 0, the initial value
        not the newer store of 1 to x of task 0: nothing orders the store, or what led to it, before the load
forbidden by smp_wmb() in task 0 between store of 1 to x and store of 1 to y, with smp_rmb() in task 1 between load of y and load of x
`},
		{"MP+po+rmb", Options{Model: LKMM}, `
task 0: store of 1 to x
task 0: store of 1 to y
task 1: load of y reads 1, stored by task 0
task 1: load of x reads 0, the initial value
        not the newer store of 1 to x of task 0: nothing orders the store, or what led to it, before the load
forbidden by smp_wmb() in task 0 between store of 1 to x and store of 1 to y
`},
		{"SB+poonceonces", Options{Model: TSO}, `
task 0: store of 1 to x
task 0: load of y reads 0, the initial value
        not the newer store of 1 to y of task 1: it was still in the store buffer of its task
task 1: store of 1 to y
task 1: load of x reads 0, the initial value
        not the newer store of 1 to x of task 0: it was still in the store buffer of its task
forbidden by smp_mb() in task 0 between store of 1 to x and load of y, with smp_mb() in task 1 between store of 1 to y and load of x
`},
		{"LB+poonceonces", Options{Model: LKMM, LoadBuffering: true}, `
task 0: load of x reads 1, stored by task 1
task 0: store of 1 to y
task 1: load of y reads 1, stored by task 0
task 1: store of 1 to x
forbidden by smp_mb() in task 0 between load of x and store of 1 to y, with smp_mb() in task 1 between load of y and store of 1 to x
`},
		{"trylock-fails", Options{Model: SC}, `
task 0: spin_trylock of l as it was in the beginning
task 0: load of x reads 0, the initial value
task 0: store of 1 to x
task 0: spin_unlock of l
task 1: spin_trylock of l after spin_trylock of l of task 0
        not the newer spin_unlock of l of task 0: it came after the load
no barrier, nor two, would forbid it under sc
`},
		{"MP+poonceonces", Options{Model: TSO}, ""},
	} {
		t.Run(test.name+"/"+test.model.Model.String(), func(t *testing.T) {
			c := find(t, test.name)
			p := Program{Tasks: c.tasks, Init: c.init, Locations: locations, Names: names}
			got, err := Explain(p, test.model, func(s *State) bool {
				_, holds := seen(s, c.exists)
				return holds
			})
			if err != nil || got != strings.TrimPrefix(test.want, "\n") {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}
