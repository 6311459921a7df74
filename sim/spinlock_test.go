package sim_test

import (
	"testing"

	"trapline/sim"
)

func TestSpinlockLosesNoUpdate(t *testing.T) {
	plain := func(k *sim.K, w *world) {
		k.SpinLock(&w.spin)
		w.data.Set(k, w.data.Get(k)+1)
		k.SpinUnlock(&w.spin)
	}
	bh := func(k *sim.K, w *world) {
		k.SpinLockBH(&w.spin)
		w.data.Set(k, w.data.Get(k)+1)
		k.SpinUnlockBH(&w.spin)
	}
	irq := func(k *sim.K, w *world) {
		flags := k.SpinLockIRQSave(&w.spin)
		w.data.Set(k, w.data.Get(k)+1)
		k.SpinUnlockIRQRestore(&w.spin, flags)
	}
	wantEnds(t, total, []string{"3"}, plain, bh, irq)
	irqOff := func(k *sim.K, w *world) {
		k.SpinLockIRQ(&w.other)
		w.data.Set(k, w.data.Get(k)+1)
		k.SpinUnlockIRQ(&w.other)
	}
	wantEnds(t, total, []string{"3"}, irqOff, irqOff, irqOff)
}

func TestSpinTrylockFailsOnlyWhileTaken(t *testing.T) {
	attempt := func(me int) task {
		return func(k *sim.K, w *world) {
			if k.SpinTrylock(&w.spin) {
				w.seen[me] = 1
				k.SpinUnlock(&w.spin)
			}
		}
	}
	wantEnds(t, seen(2), []string{"0 1", "1 0", "1 1"}, attempt(0), attempt(1))
}

func TestSpinlockRules(t *testing.T) {
	try(t, []planted{
		{"lock twice", sim.Recursive, []task{func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.SpinLock(&w.spin)
		}}, nil},
		{"lock two classes", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.SpinLock(&w.other)
			k.SpinUnlock(&w.other)
			k.SpinUnlock(&w.spin)
		}}, nil},
		{"unlock by a stranger", sim.BadUnlock, []task{func(k *sim.K, w *world) { k.SpinUnlock(&w.spin) }}, nil},
		{"held at exit", sim.HeldAtExit, []task{func(k *sim.K, w *world) { k.SpinLock(&w.spin) }}, nil},
		{"not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var l sim.SpinLock
			k.SpinLock(&l)
		}}, nil},
		{"mutex after unlock", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.SpinUnlock(&w.spin)
			addUnder(k, w)
		}}, nil},
		{"mutex under a lock that was tried", sim.Atomic, []task{func(k *sim.K, w *world) {
			if k.SpinTrylock(&w.spin) {
				k.MutexLock(&w.a)
			}
		}}, nil},
		{"mutex after a trylock that failed", sim.Kind{}, []task{
			func(k *sim.K, w *world) { k.SpinLock(&w.spin); w.x.Read(k); k.SpinUnlock(&w.spin) },
			func(k *sim.K, w *world) {
				if k.SpinTrylock(&w.spin) {
					k.SpinUnlock(&w.spin)
				}
				addUnder(k, w)
			},
		}, nil},
		{"spinlock under a mutex", sim.Kind{}, []task{func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.SpinLock(&w.spin)
			k.SpinUnlock(&w.spin)
			k.MutexUnlock(&w.a)
		}}, nil},
	})
}
