package sim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// inside counts how many tasks are in a section at once; the most goes to seen.
type inside struct{ readers, writers, most int }

func (in *inside) read(k *sim.K, w *world) {
	k.DownRead(&w.sem)
	in.readers++
	in.note()
	w.x.Read(k)
	in.readers--
	k.UpRead(&w.sem)
}

func (in *inside) write(k *sim.K, w *world) {
	k.DownWrite(&w.sem)
	in.writers++
	in.note()
	w.x.Read(k)
	in.writers--
	k.UpWrite(&w.sem)
}

func (in *inside) note() {
	if in.writers > 1 || in.writers == 1 && in.readers > 0 {
		panic("a writer is not alone")
	}
	in.most = max(in.most, in.readers)
}

func TestRWSemReadersShare(t *testing.T) {
	var most []int
	r := search(t, func(m *sim.Machine) {
		var in inside
		program([]task{in.read, in.read}, func(*world) { most = append(most, in.most) })(m)
	})
	if len(r.Findings) > 0 {
		t.Fatal(r.Findings[0].Violation)
	}
	// Sharing readers do not depend on each other: one execution has to do.
	if r.Executions != 1 || !slices.Equal(slices.Compact(most), []int{1}) {
		t.Errorf("%d executions with at most %v readers inside, want one", r.Executions, most)
	}

	m := sim.NewMachine()
	defer m.Close()
	var in inside
	last := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return p.N - 1 })
	if o := m.Run(program([]task{in.read, in.read}, nil), last); o.Violation != nil || in.most != 2 {
		t.Errorf("%v, %d readers inside at once, want 2", o.Violation, in.most)
	}
}

func TestRWSemWriterIsAlone(t *testing.T) {
	r := search(t, func(m *sim.Machine) {
		var in inside
		program([]task{in.read, in.write, in.read}, nil)(m)
	})
	if len(r.Findings) > 0 {
		t.Error(r.Findings[0].Violation)
	}
	r = search(t, func(m *sim.Machine) {
		var in inside
		program([]task{in.write, in.write, in.write}, nil)(m)
	})
	if len(r.Findings) > 0 {
		t.Error(r.Findings[0].Violation)
	}
}

// The semaphore goes to waiters in the order in which they asked.
func TestRWSemIsHandedOverInOrder(t *testing.T) {
	var asked, got []int
	enter := func(me int) task {
		return func(k *sim.K, w *world) {
			k.DownWrite(&w.sem)
			got = append(got, me)
			k.UpWrite(&w.sem)
		}
	}
	// Whoever holds it first keeps it until the others have asked.
	hold := func(k *sim.K, w *world) {
		k.DownWrite(&w.sem)
		k.UpWrite(&w.sem)
	}
	for _, order := range [][]sim.TaskID{{1, 2, 3, 4}, {1, 4, 3, 2}, {1, 3, 4, 2}} {
		asked, got = nil, nil
		m := sim.NewMachine()
		o := m.Run(program([]task{hold, enter(2), enter(3), enter(4)}, nil), sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
			if p.Step < len(order) {
				asked = append(asked, int(order[p.Step]))
				return slices.Index(p.Tasks, order[p.Step])
			}
			return p.N - 1
		}))
		if o.Violation != nil || !slices.Equal(asked[1:], got) {
			t.Errorf("%v: asked in order %v, got it in order %v", o.Violation, asked[1:], got)
		}
		m.Close()
	}
}

// A reader that comes while a writer is queued waits behind the writer, although
// the semaphore is held for reading. So two readers that wait for each other
// hang if a writer comes between them, and only then.
func TestRWSemQueuedWriterBlocksReaders(t *testing.T) {
	first := func(k *sim.K, w *world) {
		k.DownRead(&w.sem)
		k.WaitForCompletion(&w.done)
		k.UpRead(&w.sem)
	}
	second := func(k *sim.K, w *world) {
		k.DownRead(&w.sem)
		k.UpRead(&w.sem)
		k.Complete(&w.done)
	}
	writer := func(k *sim.K, w *world) {
		k.DownWrite(&w.sem)
		k.UpWrite(&w.sem)
	}
	try(t, []planted{
		{"with a writer", sim.Deadlock, []task{first, second, writer}, nil},
		{"with a third reader", sim.Kind{}, []task{first, second, second}, nil},
	})
	r := search(t, program([]task{first, second, writer}, nil))
	want := []string{
		"t0 waits in wait_for_completion(&done), at test_rw_sem_queued_writer_blocks_readers",
		"t1 waits in down_read(&sem)",
		"t2 waits in down_write(&sem)",
	}
	for i, wait := range r.Findings[0].Violation.Waits {
		if len(wait) < len(want[i]) || wait[:len(want[i])] != want[i] {
			t.Errorf("%q, want %q", wait, want[i])
		}
	}
}

func TestRWSemKeepsDataWhole(t *testing.T) {
	show := func(w *world) string { return fmt.Sprint(w.data.Peek(), w.seen[0]) }
	write := func(k *sim.K, w *world) {
		k.DownWrite(&w.sem)
		w.data.Set(k, w.data.Get(k)+1)
		k.UpWrite(&w.sem)
	}
	read := func(k *sim.K, w *world) {
		k.DownRead(&w.sem)
		w.seen[0] = w.data.Get(k)
		k.UpRead(&w.sem)
	}
	wantEnds(t, show, []string{"2 0", "2 1", "2 2"}, write, write, read)
}

func TestRWSemRules(t *testing.T) {
	try(t, []planted{
		{"read in read by one task", sim.Recursive, []task{func(k *sim.K, w *world) {
			k.DownRead(&w.sem)
			k.DownRead(&w.sem)
		}}, nil},
		{"write in read by one task", sim.Recursive, []task{func(k *sim.K, w *world) {
			k.DownRead(&w.sem)
			k.DownWrite(&w.sem)
		}}, nil},
		{"read after read", sim.Kind{}, []task{func(k *sim.K, w *world) {
			for range 2 {
				k.DownRead(&w.sem)
				k.UpRead(&w.sem)
			}
		}}, nil},
		{"up_read by one who holds nothing", sim.BadUnlock, []task{
			func(k *sim.K, w *world) { k.DownRead(&w.sem); w.x.Read(k); k.UpRead(&w.sem) },
			func(k *sim.K, w *world) { k.UpRead(&w.sem) },
		}, nil},
		{"up_read by the writer", sim.BadUnlock, []task{func(k *sim.K, w *world) {
			k.DownWrite(&w.sem)
			k.UpRead(&w.sem)
		}}, nil},
		{"up_write by a reader", sim.BadUnlock, []task{func(k *sim.K, w *world) {
			k.DownRead(&w.sem)
			k.UpWrite(&w.sem)
		}}, nil},
		{"held at exit", sim.HeldAtExit, []task{func(k *sim.K, w *world) { k.DownRead(&w.sem) }}, nil},
		{"under a spinlock", sim.Atomic, []task{func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.DownRead(&w.sem)
		}}, nil},
		{"not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var l sim.RWSem
			k.DownWrite(&l)
		}}, nil},
		{"write under it only for reading", sim.DataRace, []task{
			func(k *sim.K, w *world) { k.DownRead(&w.sem); w.data.Set(k, 1); k.UpRead(&w.sem) },
			func(k *sim.K, w *world) { k.DownRead(&w.sem); w.data.Get(k); k.UpRead(&w.sem) },
		}, nil},
		{"inversion with a mutex", sim.LockOrder, []task{
			func(k *sim.K, w *world) {
				k.DownRead(&w.sem)
				k.MutexLock(&w.a)
				k.MutexUnlock(&w.a)
				k.UpRead(&w.sem)
			},
			func(k *sim.K, w *world) {
				k.MutexLock(&w.a)
				k.DownRead(&w.sem)
				k.UpRead(&w.sem)
				k.MutexUnlock(&w.a)
			},
		}, nil},
	})
}

// A writer that becomes a reader lets no writer in between.
func TestDowngradeKeepsWritersOut(t *testing.T) {
	show := func(w *world) string { return fmt.Sprint(w.data.Peek(), w.seen[:2]) }
	downgrade := func(k *sim.K, w *world) {
		k.DownWrite(&w.sem)
		w.data.Set(k, w.data.Get(k)+1)
		k.DowngradeWrite(&w.sem)
		w.seen[0] = w.data.Get(k)
		w.x.Read(k)
		w.seen[1] = w.data.Get(k)
		k.UpRead(&w.sem)
	}
	write := func(k *sim.K, w *world) {
		k.DownWrite(&w.sem)
		w.data.Set(k, w.data.Get(k)+1)
		k.UpWrite(&w.sem)
	}
	wantEnds(t, show, []string{"2 [1 1]", "2 [2 2]"}, downgrade, write)

	// Readers come in with it, also those that have waited.
	var most []int
	r := search(t, func(m *sim.Machine) {
		var in inside
		program([]task{func(k *sim.K, w *world) {
			k.DownWrite(&w.sem)
			w.y.Read(k)
			k.DowngradeWrite(&w.sem)
			in.readers++
			in.note()
			k.WaitForCompletion(&w.done)
			in.readers--
			k.UpRead(&w.sem)
		}, func(k *sim.K, w *world) {
			in.read(k, w)
			k.Complete(&w.done)
		}}, func(*world) { most = append(most, in.most) })(m)
	})
	if len(r.Findings) > 0 || !slices.Contains(most, 2) {
		t.Errorf("%v, at most %v readers inside", r.Findings, most)
	}
}

// What is looked at without the semaphore counts if no writer came in between. To
// those who ask so, the number of writers is a part of the state.
func TestSpeculation(t *testing.T) {
	for _, strategy := range []string{explore.DPOR, explore.States} {
		seen := map[string]bool{}
		r, err := explore.Run(context.Background(), func(m *sim.Machine) {
			w := newWorld(m.Setup())
			m.Setup().MmapLockSpeculateTryBegin(&w.sem)
			m.Go("look", func(k *sim.K) {
				seq, ok := k.MmapLockSpeculateTryBegin(&w.sem)
				k.WaitForCompletion(&w.done)
				seen[fmt.Sprint(ok, k.MmapLockSpeculateRetry(&w.sem, seq))] = true
			})
			m.Go("write", func(k *sim.K) {
				k.DownWrite(&w.sem)
				k.UpWrite(&w.sem)
				k.Complete(&w.done)
			})
		}, explore.Options{Strategy: strategy})
		if err != nil || len(r.Findings) > 0 || len(seen) != 3 || !seen["true true"] || !seen["false false"] || !seen["true false"] {
			t.Errorf("%s: seen %v, %v, %v", strategy, seen, r.Findings, err)
		}
	}
}
