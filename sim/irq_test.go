package sim_test

import (
	"testing"

	"trapline/sim"
)

func TestInterruptArrivesAnywhereAfterItsCause(t *testing.T) {
	wantEnds(t, seen(2), []string{"0 0", "0 9", "9 9"},
		func(k *sim.K, w *world) {
			w.y.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.x.Write(k, 9) })
			w.seen[0] = w.x.Read(k)
			w.seen[1] = w.x.Read(k)
		})
}

// An interrupt that a task causes before its first step, or instead of one, is
// scheduled like any other.
func TestInterruptBeforeTheFirstStep(t *testing.T) {
	cause := func(k *sim.K, w *world) {
		k.Interrupt("irq", func(k *sim.K) { w.x.Xchg(k, 1) })
	}
	read := func(k *sim.K, w *world) { w.seen[1] = w.x.Read(k) }
	wantEnds(t, seen(2), []string{"0 0", "0 1"}, cause, read)
	wantEnds(t, seen(2), []string{"0 0", "0 1"}, func(k *sim.K, w *world) { cause(k, w); w.y.Read(k) }, read)
}

func TestInterruptNeverStarts(t *testing.T) {
	try(t, []planted{{"an interrupt without steps", sim.Kind{}, []task{func(k *sim.K, w *world) {
		w.y.Read(k)
		k.Interrupt("irq", func(*sim.K) { w.seen[0]++ })
		if w.seen[0] != 1 {
			panic("what has no step belongs to the step of the cause")
		}
	}}, nil}})
}

// Two interrupts of one name are two tasks with a name each, or a schedule could
// not tell them apart.
func TestInterruptsOfOneNameAreToldApart(t *testing.T) {
	show := func(w *world) string { return seen(1)(w) }
	wantEnds(t, show, []string{"12", "21"}, func(k *sim.K, w *world) {
		w.y.Read(k)
		k.Interrupt("irq", func(k *sim.K) { w.x.Xchg(k, 1); w.seen[0] = w.seen[0]*10 + 1 })
		k.Interrupt("irq", func(k *sim.K) { w.x.Xchg(k, 2); w.seen[0] = w.seen[0]*10 + 2 })
	})
}

func TestInterruptRules(t *testing.T) {
	in := func(f func(k *sim.K, w *world)) task {
		return func(k *sim.K, w *world) {
			w.y.Read(k)
			k.Interrupt("irq", func(k *sim.K) { f(k, w) })
		}
	}
	lock := func(k *sim.K, w *world) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) }
	save := func(k *sim.K, w *world) {
		flags := k.SpinLockIRQSave(&w.spin)
		k.SpinUnlockIRQRestore(&w.spin, flags)
	}
	bh := func(k *sim.K, w *world) { k.SpinLockBH(&w.spin); k.SpinUnlockBH(&w.spin) }
	try(t, []planted{
		{"mutex in an interrupt", sim.Atomic, []task{in(addUnder)}, nil},
		{"trylock in an interrupt", sim.Kind{}, []task{in(func(k *sim.K, w *world) {
			if k.MutexTrylock(&w.a) {
				k.MutexUnlock(&w.a)
			}
		})}, nil},
		{"complete in an interrupt", sim.Kind{}, []task{await, in(complete)}, nil},
		{"wait in an interrupt", sim.Atomic, []task{complete, in(await)}, nil},
		{"wake in an interrupt", sim.Kind{}, []task{in(publish)}, nil},
		{"spin_lock in an interrupt and in a task", sim.IRQUnsafe, []task{in(lock), lock}, nil},
		{"spin_lock_bh in a task", sim.IRQUnsafe, []task{in(lock), bh}, nil},
		{"spin_lock_irqsave in a task", sim.Kind{}, []task{in(lock), save}, nil},
		{"spin_lock in tasks only", sim.Kind{}, []task{lock, lock}, nil},
		{"spin_lock in interrupts only", sim.Kind{}, []task{in(lock), in(lock)}, nil},
		{"spin_lock of another lock", sim.Kind{}, []task{in(lock), func(k *sim.K, w *world) {
			k.SpinLock(&w.other)
			k.SpinUnlock(&w.other)
		}}, nil},
		{"spin_lock under irqsave", sim.Kind{}, []task{in(lock), func(k *sim.K, w *world) {
			flags := k.SpinLockIRQSave(&w.other)
			lock(k, w)
			k.SpinUnlockIRQRestore(&w.other, flags)
		}}, nil},
		{"spin_lock after the inner irqrestore", sim.Kind{}, []task{in(lock), func(k *sim.K, w *world) {
			var inner sim.SpinLock
			k.SpinLockInit(&inner, "inner")
			outer := k.SpinLockIRQSave(&w.other)
			flags := k.SpinLockIRQSave(&inner)
			k.SpinUnlockIRQRestore(&inner, flags)
			lock(k, w)
			k.SpinUnlockIRQRestore(&w.other, outer)
		}}, nil},
		{"spin_lock after irqrestore", sim.IRQUnsafe, []task{in(lock), func(k *sim.K, w *world) { save(k, w); lock(k, w) }}, nil},
		{"an interrupt that leaves with a lock", sim.HeldAtExit, []task{in(func(k *sim.K, w *world) { k.SpinLock(&w.spin) })}, nil},
		{"use of what the task frees", sim.UseAfterFree, []task{func(k *sim.K, w *world) {
			w.y.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.in.Read(k) })
			k.Kfree(&w.life)
		}}, nil},
	})
}
