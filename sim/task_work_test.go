package sim_test

import (
	"errors"
	"testing"

	"trapline/sim"
)

func TestTaskWork(t *testing.T) {
	// The target is known to the others from its first step on.
	target := func(who **sim.K, body task) task {
		return func(k *sim.K, w *world) {
			*who = k
			w.y.Write(k, 1)
			body(k, w)
		}
	}
	add := func(who **sim.K, i int) task {
		return func(k *sim.K, w *world) {
			if w.y.Read(k) == 0 {
				return
			}
			if err := k.TaskWorkAdd(*who, func(k *sim.K) { w.seen[i] = w.x.Read(k) + 1 }); errors.Is(err, sim.ESRCH) {
				w.seen[i] = -1
			}
		}
	}
	var who *sim.K
	// Not known yet; run at the return to user mode; run at the end; too late.
	wantEnds(t, seen(1), []string{"-1", "0", "1", "2"},
		target(&who, func(k *sim.K, w *world) { k.ReturnToUser(); w.x.Write(k, 1) }), add(&who, 0))
	wantEnds(t, seen(1), []string{"-1", "0", "1"}, target(&who, func(*sim.K, *world) {}), add(&who, 0))
	// The last added runs first.
	wantEnds(t, seen(1), []string{"12"}, func(k *sim.K, w *world) {
		for i := range 2 {
			_ = k.TaskWorkAdd(k, func(*sim.K) { w.seen[0] = w.seen[0]*10 + 2 - i })
		}
		k.ReturnToUser()
	})
	// Work that adds work is run before the return.
	wantEnds(t, seen(1), []string{"1"}, func(k *sim.K, w *world) {
		_ = k.TaskWorkAdd(k, func(k *sim.K) { _ = k.TaskWorkAdd(k, func(*sim.K) { w.seen[0]++ }) })
		k.ReturnToUser()
		if w.seen[0] != 1 {
			panic("the work is left")
		}
	})
	try(t, []planted{
		{"work that uses what its maker has freed", sim.UseAfterFree, []task{
			target(&who, func(k *sim.K, _ *world) { k.ReturnToUser() }),
			func(k *sim.K, w *world) {
				if w.y.Read(k) != 0 && k.TaskWorkAdd(who, func(k *sim.K) { w.in.Read(k) }) == nil {
					k.Kfree(&w.life)
				}
			},
		}, nil},
		{"work that sleeps", sim.Kind{}, []task{func(k *sim.K, w *world) {
			_ = k.TaskWorkAdd(k, func(k *sim.K) { addUnder(k, w) })
		}}, nil},
	})
}
