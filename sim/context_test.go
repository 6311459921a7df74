package sim_test

import (
	"testing"

	"trapline/sim"
)

func TestContextIsThatOfTheCode(t *testing.T) {
	o := undisturbed(t, program([]task{func(k *sim.K, w *world) {
		if k.Context() != sim.Task {
			panic("a task is no interrupt")
		}
		w.x.Read(k)
		k.Interrupt("irq", func(k *sim.K) {
			w.x.Read(k)
			if k.Context() != sim.HardIRQ || k.Name() != "t0/irq" {
				panic("an interrupt is no task")
			}
			w.seen[0] = 1
		})
	}}, func(w *world) {
		if w.seen[0] != 1 {
			t.Error("the interrupt did not come to its end")
		}
	}))
	if o.Violation != nil {
		t.Error(o.Violation)
	}
}

func TestSleepingRules(t *testing.T) {
	sleeps := []struct {
		name string
		f    task
	}{
		{"mutex_lock", addUnder},
		{"down_read", func(k *sim.K, w *world) { k.DownRead(&w.sem); k.UpRead(&w.sem) }},
		{"down_write", func(k *sim.K, w *world) { k.DownWrite(&w.sem); k.UpWrite(&w.sem) }},
		{"wait_for_completion", func(k *sim.K, w *world) { complete(k, w); await(k, w) }},
		{"kzalloc", func(k *sim.K, _ *world) {
			var l sim.Life
			_ = k.Kzalloc(&l, "object", sim.GFPKernel)
			k.Kfree(&l)
		}},
		{"kthread_create", func(k *sim.K, _ *world) { k.KthreadCreate(&sim.Kthread{}, "thread", func(*sim.K) int { return 0 }) }},
		{"init_srcu_struct", func(k *sim.K, _ *world) {
			var s sim.SRCU
			k.InitSRCUStruct(&s, "srcu")
			k.CleanupSRCUStruct(&s)
		}},
		{"might_sleep", func(k *sim.K, _ *world) { k.MightSleep("what") }},
	}
	sections := []struct {
		name string
		want sim.Kind
		f    func(k *sim.K, w *world, inner task)
	}{
		{"task", sim.Kind{}, func(k *sim.K, w *world, inner task) { inner(k, w) }},
		{"spin_lock", sim.Atomic, func(k *sim.K, w *world, inner task) {
			k.SpinLock(&w.spin)
			inner(k, w)
			k.SpinUnlock(&w.spin)
		}},
		{"spin_unlock", sim.Kind{}, func(k *sim.K, w *world, inner task) {
			k.SpinLock(&w.spin)
			k.SpinUnlock(&w.spin)
			inner(k, w)
		}},
		{"spin_lock_bh", sim.Atomic, func(k *sim.K, w *world, inner task) {
			k.SpinLockBH(&w.spin)
			inner(k, w)
			k.SpinUnlockBH(&w.spin)
		}},
		{"spin_unlock_bh", sim.Kind{}, func(k *sim.K, w *world, inner task) {
			k.SpinLockBH(&w.spin)
			k.SpinUnlockBH(&w.spin)
			inner(k, w)
		}},
		{"spin_lock_irqsave", sim.Atomic, func(k *sim.K, w *world, inner task) {
			flags := k.SpinLockIRQSave(&w.spin)
			inner(k, w)
			k.SpinUnlockIRQRestore(&w.spin, flags)
		}},
		{"spin_unlock_irqrestore", sim.Kind{}, func(k *sim.K, w *world, inner task) {
			flags := k.SpinLockIRQSave(&w.spin)
			k.SpinUnlockIRQRestore(&w.spin, flags)
			inner(k, w)
		}},
		{"inner spin_unlock_irqrestore", sim.Atomic, func(k *sim.K, w *world, inner task) {
			outer := k.SpinLockIRQSave(&w.spin)
			flags := k.SpinLockIRQSave(&w.other)
			k.SpinUnlockIRQRestore(&w.other, flags)
			inner(k, w)
			k.SpinUnlockIRQRestore(&w.spin, outer)
		}},
		{"spin_unlock that leaves interrupts off", sim.Atomic, func(k *sim.K, w *world, inner task) {
			k.SpinLockIRQSave(&w.spin)
			k.SpinUnlock(&w.spin)
			inner(k, w)
		}},
		{"spin_unlock that leaves softirqs off", sim.Atomic, func(k *sim.K, w *world, inner task) {
			k.SpinLockBH(&w.spin)
			k.SpinUnlock(&w.spin)
			inner(k, w)
		}},
		{"preempt_disable", sim.Atomic, func(k *sim.K, w *world, inner task) {
			k.PreemptDisable()
			inner(k, w)
			k.PreemptEnable()
		}},
		{"preempt_enable", sim.Kind{}, func(k *sim.K, w *world, inner task) {
			k.PreemptDisable()
			k.PreemptEnable()
			inner(k, w)
		}},
		{"inner preempt_enable", sim.Atomic, func(k *sim.K, w *world, inner task) {
			k.PreemptDisable()
			k.PreemptDisable()
			k.PreemptEnable()
			inner(k, w)
		}},
		{"interrupt", sim.Atomic, func(k *sim.K, w *world, inner task) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { inner(k, w) })
		}},
		{"after the interrupt", sim.Kind{}, func(k *sim.K, w *world, inner task) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.x.Read(k) })
			inner(k, w)
		}},
		{"another task in a spinlock", sim.Kind{}, func(k *sim.K, w *world, inner task) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) {
				k.SpinLock(&w.spin)
				w.x.Read(k)
				k.SpinUnlock(&w.spin)
			})
			inner(k, w)
		}},
	}
	cases := []planted{{"alloc_workqueue in spin_lock", sim.Atomic, []task{func(k *sim.K, w *world) {
		var wq sim.Workqueue
		k.SpinLock(&w.spin)
		k.AllocWorkqueue(&wq, "wq")
		k.SpinUnlock(&w.spin)
		k.DestroyWorkqueue(&wq)
	}}, nil}}
	for _, in := range sections {
		for _, sleep := range sleeps {
			cases = append(cases, planted{sleep.name + " in " + in.name, in.want, []task{
				func(k *sim.K, w *world) { in.f(k, w, sleep.f) },
			}, nil})
		}
	}
	try(t, cases)
}
