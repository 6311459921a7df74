package sim_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// sharing is what tasks share in the tests of locks for readers and writers.
type sharing struct {
	*locks
	x                      sim.Word[int]
	y                      sim.Cell[int]
	flag                   sim.Object
	readers, writers, most int
	saw                    [4]int
}

// sharingProgram is a program of tasks t0, t1, ..., whose end states go to observe.
func sharingProgram(observe func(s *sharing), tasks ...func(k *sim.K, s *sharing)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		s := &sharing{locks: newLocks(k)}
		s.x.Init(k, "x", 0)
		s.y.Init(k, "y")
		s.flag.Init(k, "flag")
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, s) })
		}
		m.After(func(*sim.K) { observe(s) })
	}
}

// read and write stand in a section for readers or for writers.
func (s *sharing) read(k *sim.K) {
	s.readers++
	s.note()
	s.x.Read(k)
	s.readers--
}

func (s *sharing) write(k *sim.K) {
	s.writers++
	s.note()
	s.y.Set(k, s.y.Get(k)+1)
	s.x.Read(k)
	s.writers--
}

func (s *sharing) note() {
	if s.writers > 1 || s.writers == 1 && s.readers > 0 {
		panic("a writer is not alone")
	}
	s.most = max(s.most, s.readers)
}

// endsOf are the end states of a program that breaks no rule, by the search of all
// interleavings; the search by preemptions has to see the same.
func endsOf(t *testing.T, show func(s *sharing) string, tasks ...func(k *sim.K, s *sharing)) (ends []string, executions int) {
	t.Helper()
	for _, o := range []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 20}} {
		var all []string
		r, err := explore.Run(context.Background(), sharingProgram(func(s *sharing) { all = append(all, show(s)) }, tasks...), o)
		if err != nil || !r.Complete {
			t.Fatal(err, r.Coverage())
		}
		for _, f := range r.Findings {
			t.Errorf("%s, schedule %s", f.Violation, f.Schedule)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		if o.Strategy == "" {
			ends, executions = all, r.Executions
		} else if !slices.Equal(all, ends) {
			t.Errorf("dpor sees %q, bounded %q", ends, all)
		}
	}
	return ends, executions
}

func wantEndsOf(t *testing.T, show func(s *sharing) string, want []string, tasks ...func(k *sim.K, s *sharing)) {
	t.Helper()
	if got, _ := endsOf(t, show, tasks...); !slices.Equal(got, want) {
		t.Errorf("the end states are %q, want %q", got, want)
	}
}

// rwKind is a lock for readers and writers, by its verbs.
type rwKind struct {
	name               string
	read, unread       func(k *sim.K, s *sharing)
	write, unwrite     func(k *sim.K, s *sharing)
	tryRead, tryWrite  func(k *sim.K, s *sharing) bool
	readersPassWriters bool
}

var rwKinds = []rwKind{
	{
		"rwlock",
		func(k *sim.K, s *sharing) { k.ReadLock(&s.rw[0]) }, func(k *sim.K, s *sharing) { k.ReadUnlock(&s.rw[0]) },
		func(k *sim.K, s *sharing) { k.WriteLock(&s.rw[0]) }, func(k *sim.K, s *sharing) { k.WriteUnlock(&s.rw[0]) },
		func(k *sim.K, s *sharing) bool { return k.ReadTrylock(&s.rw[0]) }, func(k *sim.K, s *sharing) bool { return k.WriteTrylock(&s.rw[0]) },
		true,
	},
	{
		"rwsem",
		func(k *sim.K, s *sharing) { k.DownRead(&s.sem[0]) }, func(k *sim.K, s *sharing) { k.UpRead(&s.sem[0]) },
		func(k *sim.K, s *sharing) { k.DownWrite(&s.sem[0]) }, func(k *sim.K, s *sharing) { k.UpWrite(&s.sem[0]) },
		func(k *sim.K, s *sharing) bool { return k.DownReadTrylock(&s.sem[0]) }, func(k *sim.K, s *sharing) bool { return k.DownWriteTrylock(&s.sem[0]) },
		false,
	},
	{
		"percpu_rwsem",
		func(k *sim.K, s *sharing) { k.PercpuDownRead(&s.percpu[0]) }, func(k *sim.K, s *sharing) { k.PercpuUpRead(&s.percpu[0]) },
		func(k *sim.K, s *sharing) { k.PercpuDownWrite(&s.percpu[0]) }, func(k *sim.K, s *sharing) { k.PercpuUpWrite(&s.percpu[0]) },
		func(k *sim.K, s *sharing) bool { return k.PercpuDownReadTrylock(&s.percpu[0]) }, nil,
		false,
	},
}

func eachRW(t *testing.T, test func(t *testing.T, l rwKind)) {
	for _, l := range rwKinds {
		t.Run(l.name, func(t *testing.T) { test(t, l) })
	}
}

func TestReadersAndWritersExclude(t *testing.T) {
	eachRW(t, func(t *testing.T, l rwKind) {
		read := func(k *sim.K, s *sharing) {
			l.read(k, s)
			s.read(k)
			l.unread(k, s)
		}
		write := func(k *sim.K, s *sharing) {
			l.write(k, s)
			s.write(k)
			l.unwrite(k, s)
		}
		total := func(s *sharing) string { return fmt.Sprint(s.y.Peek()) }
		wantEndsOf(t, total, []string{"1"}, read, write, read)
		wantEndsOf(t, total, []string{"3"}, write, write, write)
		// Readers do not depend on each other: one execution has to do.
		if _, n := endsOf(t, total, read, read, read); n != 1 {
			t.Errorf("%d executions of readers only", n)
		}
	})
}

// A writer comes before, between and after readers, who see its value or not.
func TestReadersSeeWritersInEveryOrder(t *testing.T) {
	eachRW(t, func(t *testing.T, l rwKind) {
		read := func(me int) func(k *sim.K, s *sharing) {
			return func(k *sim.K, s *sharing) {
				l.read(k, s)
				s.saw[me] = s.y.Get(k)
				l.unread(k, s)
			}
		}
		write := func(k *sim.K, s *sharing) {
			l.write(k, s)
			s.y.Set(k, 1)
			l.unwrite(k, s)
		}
		show := func(s *sharing) string { return fmt.Sprint(s.saw[0], s.saw[2]) }
		wantEndsOf(t, show, []string{"0 0", "0 1", "1 0", "1 1"}, read(0), write, read(2))
	})
}

func TestRWTrylocks(t *testing.T) {
	eachRW(t, func(t *testing.T, l rwKind) {
		tryRead := func(me int) func(k *sim.K, s *sharing) {
			return func(k *sim.K, s *sharing) {
				if l.tryRead(k, s) {
					s.read(k)
					s.saw[me] = 1
					l.unread(k, s)
				}
			}
		}
		write := func(k *sim.K, s *sharing) {
			l.write(k, s)
			s.write(k)
			l.unwrite(k, s)
		}
		show := func(s *sharing) string { return fmt.Sprint(s.saw[0], s.saw[1]) }
		wantEndsOf(t, show, []string{"1 1"}, tryRead(0), tryRead(1))
		wantEndsOf(t, show, []string{"0 0", "1 0"}, tryRead(0), write)
		if l.tryWrite == nil {
			return
		}
		tryWrite := func(me int) func(k *sim.K, s *sharing) {
			return func(k *sim.K, s *sharing) {
				if l.tryWrite(k, s) {
					s.write(k)
					s.saw[me] = 1
					l.unwrite(k, s)
				}
			}
		}
		wantEndsOf(t, show, []string{"0 1", "1 0", "1 1"}, tryRead(0), tryWrite(1))
		wantEndsOf(t, show, []string{"0 1", "1 0", "1 1"}, tryWrite(0), tryWrite(1))
	})
}

// A reader that comes while a writer waits gets in past it or not; so two readers
// that wait for each other hang or not if a writer comes between them.
func TestReadersPassWaitingWriters(t *testing.T) {
	eachRW(t, func(t *testing.T, l rwKind) {
		// The first reader stays until the second has been in. It spins, so that it
		// may do so in an rwlock as well.
		first := func(k *sim.K, s *sharing) {
			l.read(k, s)
			k.StepWait(opSpinUntil, &s.flag, sim.Read, 1)
			l.unread(k, s)
		}
		second := func(k *sim.K, s *sharing) {
			l.read(k, s)
			l.unread(k, s)
			k.Step(opSet, &s.flag, sim.Write)
			s.flag.Allow(1)
		}
		writer := func(k *sim.K, s *sharing) {
			l.write(k, s)
			l.unwrite(k, s)
		}
		p := sharingProgram(func(*sharing) {}, first, second, writer)
		r, err := explore.Run(context.Background(), p, explore.Options{SelfCheck: true})
		if err != nil || !r.Complete {
			t.Fatal(err, r.Coverage())
		}
		if (len(r.Findings) == 0) != l.readersPassWriters {
			t.Errorf("%d findings, readers pass writers: %t", len(r.Findings), l.readersPassWriters)
		}
		for _, f := range r.Findings {
			if f.Violation.Kind != sim.Deadlock {
				t.Error(f.Violation)
			}
		}
	})
}

var (
	opSpinUntil = sim.NewOp("smp_cond_load_acquire(&%s)")
	opSet       = sim.NewOp("smp_store_release(&%s)")
)

// An interrupt may read what the task that it stops reads, while a writer waits.
func TestReadLockInInterrupt(t *testing.T) {
	read := func(k *sim.K, s *sharing) {
		s.x.Read(k)
		k.ReadLock(&s.rw[0])
		k.Interrupt("irq", func(k *sim.K) {
			k.ReadLock(&s.rw[0])
			s.read(k)
			k.ReadUnlock(&s.rw[0])
		})
		s.read(k)
		k.ReadUnlock(&s.rw[0])
	}
	write := func(k *sim.K, s *sharing) {
		flags := k.WriteLockIRQSave(&s.rw[0])
		s.write(k)
		k.WriteUnlockIRQRestore(&s.rw[0], flags)
	}
	wantEndsOf(t, func(*sharing) string { return "" }, []string{""}, read, write)
}

// Who waits for an rwlock spins.
func TestWaitingForRWLockIsRecorded(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	p := sharingProgram(func(*sharing) {}, func(k *sim.K, s *sharing) {
		k.WriteLock(&s.rw[0])
		s.x.Read(k)
		k.WriteUnlock(&s.rw[0])
	}, func(k *sim.K, s *sharing) {
		k.ReadLock(&s.rw[0])
		k.ReadUnlock(&s.rw[0])
	})
	m.Record(p, sim.NewReplay(sim.Schedule{{Step: 1, Task: "t1"}}))
	var got []string
	for _, r := range m.Records() {
		got = append(got, r.Name+" "+r.Text)
	}
	want := []string{
		"t0 write_lock(&rw_a)", "t1 read_lock(&rw_a)", "t0 READ_ONCE(x)", "t0 write_unlock(&rw_a)",
		"t1 cpu_relax() on rw_a", "t1 read_unlock(&rw_a)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
