package sim_test

import (
	"testing"

	"trapline/sim"
)

func TestDataRaceRules(t *testing.T) {
	write := func(k *sim.K, w *world) { w.y.Read(k); w.data.Set(k, 1) }
	read := func(k *sim.K, w *world) { w.y.Read(k); w.data.Get(k) }
	try(t, []planted{
		{"write and write", sim.DataRace, []task{write, write}, nil},
		{"write and read", sim.DataRace, []task{write, read}, nil},
		{"read and read", sim.Kind{}, []task{read, read}, nil},
		{"before the first step of either", sim.DataRace, []task{
			func(k *sim.K, w *world) { w.data.Set(k, 1) },
			func(k *sim.K, w *world) { w.data.Set(k, 2) },
		}, nil},
		{"under one mutex", sim.Kind{}, []task{addUnder, addUnder}, nil},
		{"under two mutexes", sim.DataRace, []task{addUnder, func(k *sim.K, w *world) {
			k.MutexLock(&w.b)
			w.data.Set(k, w.data.Get(k)+1)
			k.MutexUnlock(&w.b)
		}}, nil},
		{"under a mutex and under none", sim.DataRace, []task{addUnder, read}, nil},
		{"after the mutex", sim.DataRace, []task{addUnder, func(k *sim.K, w *world) { addUnder(k, w); w.data.Get(k) }}, nil},
		{"message through a word", sim.Kind{}, []task{
			func(k *sim.K, w *world) { w.data.Set(k, 7); w.x.Write(k, 1) },
			func(k *sim.K, w *world) {
				if w.x.Read(k) == 1 {
					w.data.Get(k)
				}
			},
		}, nil},
		{"message through a word that is sent too soon", sim.DataRace, []task{
			func(k *sim.K, w *world) { w.x.Write(k, 1); w.data.Set(k, 7) },
			func(k *sim.K, w *world) {
				if w.x.Read(k) == 1 {
					w.data.Get(k)
				}
			},
		}, nil},
		{"message through a word that is not looked at", sim.DataRace, []task{
			func(k *sim.K, w *world) { w.data.Set(k, 7); w.x.Write(k, 1) },
			func(k *sim.K, w *world) { w.x.Read(k); w.data.Get(k) },
		}, nil},
		{"two stores to one word order nothing", sim.DataRace, []task{
			func(k *sim.K, w *world) { w.data.Set(k, 7); w.x.Write(k, 1) },
			func(k *sim.K, w *world) { w.x.Write(k, 2); w.data.Get(k) },
		}, nil},
		{"two that exchange one word are in order", sim.Kind{}, []task{
			func(k *sim.K, w *world) { w.data.Set(k, 7); w.x.Xchg(k, 1) },
			func(k *sim.K, w *world) {
				if w.x.Xchg(k, 2) == 1 {
					w.data.Get(k)
				}
			},
		}, nil},
		{"message through two hands", sim.Kind{}, []task{
			func(k *sim.K, w *world) { w.data.Set(k, 7); w.x.Write(k, 1) },
			func(k *sim.K, w *world) {
				if w.x.Read(k) == 1 {
					w.y.Write(k, 1)
				}
			},
			func(k *sim.K, w *world) {
				if w.y.Read(k) == 1 {
					w.data.Set(k, 8)
				}
			},
		}, nil},
		{"with the interrupt that the task causes later", sim.Kind{}, []task{func(k *sim.K, w *world) {
			w.data.Set(k, 1)
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.data.Set(k, 2) })
		}}, nil},
		{"with the interrupt that the task has caused", sim.DataRace, []task{func(k *sim.K, w *world) {
			w.x.Read(k)
			k.Interrupt("irq", func(k *sim.K) { w.y.Read(k); w.data.Set(k, 2) })
			w.data.Set(k, 1)
		}}, nil},
		{"the setup is before everything", sim.Kind{}, []task{read, read, read}, nil},
	})
}

// A race is found in every interleaving, also in one that goes well.
func TestDataRaceIsFoundUndisturbed(t *testing.T) {
	send := func(k *sim.K, w *world) { w.data.Set(k, 7); w.x.Write(k, 1) }
	for _, test := range []struct {
		name  string
		tasks []task
		want  sim.Kind
	}{
		{"no order", []task{
			func(k *sim.K, w *world) { w.y.Read(k); w.data.Set(k, 1) },
			func(k *sim.K, w *world) { w.y.Read(k); w.data.Set(k, 2) },
		}, sim.DataRace},
		{"message", []task{send, func(k *sim.K, w *world) { w.x.Read(k); w.data.Get(k) }}, sim.Kind{}},
		{"message to one who stores", []task{send, func(k *sim.K, w *world) { w.x.Write(k, 2); w.data.Get(k) }}, sim.DataRace},
		{"message that was overwritten", []task{
			send,
			func(k *sim.K, w *world) { w.x.Write(k, 2) },
			func(k *sim.K, w *world) { w.x.Read(k); w.data.Get(k) },
		}, sim.DataRace},
		{"message to which was added", []task{
			send,
			func(k *sim.K, w *world) { w.x.Cmpxchg(k, 1, 2) },
			func(k *sim.K, w *world) { w.x.Read(k); w.data.Get(k) },
		}, sim.Kind{}},
	} {
		o := undisturbed(t, program(test.tasks, nil))
		if kind := kindOf(o); kind != test.want || o.Preemptions != 0 {
			t.Errorf("%s: %q, want %q", test.name, kind.Name, test.want.Name)
		}
	}
}

// What a cell held in the execution before does not matter.
func TestCellBeginsWithNothing(t *testing.T) {
	var c sim.Cell[int]
	m := sim.NewMachine()
	defer m.Close()
	for range 2 {
		m.Run(func(m *sim.Machine) {
			c.Init(m.Setup(), "c")
			m.Go("t", func(k *sim.K) { c.Set(k, c.Get(k)+1) })
		}, sim.Undisturbed)
		if c.Peek() != 1 {
			t.Errorf("is %d", c.Peek())
		}
	}
}
