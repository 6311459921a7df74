package explore_test

import (
	"context"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// looks is what the tasks of these programs share.
type looks struct {
	sem   sim.RWSem
	rw    sim.RWLock
	mutex sim.Mutex
	bits  sim.Flags
	refs  sim.Refcount
	slots sim.PerCPUInt[int]
	ptr   sim.RCUPointer[int]
	seq   sim.SeqCount
	x     sim.Word[int]
}

func (w *looks) init(k *sim.K) {
	k.InitRWSem(&w.sem, "sem")
	k.RWLockInit(&w.rw, "rw")
	k.MutexInit(&w.mutex, "mutex")
	w.bits.Init(k, "bits", 0)
	w.refs.Init(k, "refs", 0)
	w.slots.Init(k, "slots", 2)
	w.ptr.Init(k, "ptr", nil)
	k.SeqcountInit(&w.seq, "seq")
	w.x.Init(k, "x", 0)
}

// A loop that fails without changing anything costs no blocked execution, and one look
// for each change. Each value that does not end the loop is looked at or not: that is
// 2^n executions for n changes. Two tasks that try to take a lock come in two orders,
// and in each the second may have tried before.
func TestLoopsOfLooks(t *testing.T) {
	type task = func(k *sim.K, w *looks)
	bitLock := func(k *sim.K, w *looks) {
		for k.TestAndSetBitLock(0, &w.bits) {
			k.CPURelax()
		}
		k.ClearBitUnlock(0, &w.bits)
	}
	downWrite := func(k *sim.K, w *looks) {
		for !k.DownWriteTrylock(&w.sem) {
			k.CondResched()
		}
		k.UpWrite(&w.sem)
	}
	downRead := func(k *sim.K, w *looks) {
		for !k.DownReadTrylock(&w.sem) {
			k.CondResched()
		}
		k.UpRead(&w.sem)
	}
	writeLock := func(k *sim.K, w *looks) {
		for !k.WriteTrylock(&w.rw) {
			k.CPURelax()
		}
		k.WriteUnlock(&w.rw)
	}
	for _, test := range []struct {
		name       string
		executions int
		tasks      []task
	}{
		{"test_bit", 2, []task{func(k *sim.K, w *looks) { k.SetBit(3, &w.bits) }, func(k *sim.K, w *looks) {
			for !k.TestBit(3, &w.bits) {
			}
		}}},
		{"test_bit of another bit than changes", 4, []task{func(k *sim.K, w *looks) { k.SetBit(0, &w.bits); k.SetBit(3, &w.bits) }, func(k *sim.K, w *looks) {
			for !k.TestBit(3, &w.bits) {
			}
		}}},
		{"test_and_set_bit_lock", 4, []task{bitLock, bitLock}},
		{"refcount_inc_not_zero", 2, []task{func(k *sim.K, w *looks) { k.RefcountSet(&w.refs, 1) }, func(k *sim.K, w *looks) {
			for !k.RefcountIncNotZero(&w.refs) {
			}
		}}},
		{"refcount_read", 4, []task{func(k *sim.K, w *looks) { k.RefcountSet(&w.refs, 1); k.RefcountInc(&w.refs) }, func(k *sim.K, w *looks) {
			for k.RefcountRead(&w.refs) != 2 {
			}
		}}},
		{"a slot of a per-CPU variable", 2, []task{func(k *sim.K, w *looks) { w.slots.Ptr(1).WriteOnce(k, 1) }, func(k *sim.K, w *looks) {
			for w.slots.Ptr(1).ReadOnce(k) == 0 {
			}
		}}},
		{"the sum of a per-CPU variable", 4, []task{
			func(k *sim.K, w *looks) { w.slots.Inc(k) }, func(k *sim.K, w *looks) { w.slots.Inc(k) },
			func(k *sim.K, w *looks) {
				for w.slots.Ptr(0).ReadOnce(k) == 0 || w.slots.Ptr(1).ReadOnce(k) == 0 {
				}
			},
		}},
		{"rcu_access_pointer", 2, []task{func(k *sim.K, w *looks) { w.ptr.Assign(k, new(int)) }, func(k *sim.K, w *looks) {
			for w.ptr.Access(k) == nil {
			}
		}}},
		{"raw_read_seqcount", 4, []task{func(k *sim.K, w *looks) {
			k.RawWriteSeqcountBegin(&w.seq)
			k.RawWriteSeqcountEnd(&w.seq)
		}, func(k *sim.K, w *looks) {
			for k.RawReadSeqcount(&w.seq) != 2 {
			}
		}}},
		{"mutex_is_locked", 3, []task{func(k *sim.K, w *looks) { k.MutexLock(&w.mutex); k.MutexUnlock(&w.mutex) }, func(k *sim.K, w *looks) {
			for k.MutexIsLocked(&w.mutex) {
			}
		}}},
		{"down_write_trylock", 4, []task{downWrite, downWrite}},
		{"down_read_trylock", 1, []task{downRead, downRead, downRead}},
		{"down_read_trylock and down_write_trylock", 4, []task{downRead, downWrite}},
		{"write_trylock", 4, []task{writeLock, writeLock}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := func(m *sim.Machine) {
				w := new(looks)
				w.init(m.Setup())
				for i, f := range test.tasks {
					m.Go(string(rune('a'+i)), func(k *sim.K) { f(k, w) })
				}
			}
			r, err := explore.Run(context.Background(), p, explore.Options{SelfCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Findings) > 0 || !r.Complete || r.Blocked != 0 || r.Executions != test.executions {
				t.Errorf("%d findings, %s, want %d executions", len(r.Findings), r.Coverage(), test.executions)
			}
			b, err := explore.Run(context.Background(), p, explore.Options{Strategy: explore.Bounded, Preemptions: 30})
			if err != nil || len(b.Findings) > 0 || !b.Complete {
				t.Errorf("the bounded search says %v, %s", err, b.Coverage())
			}
		})
	}
}

// A search of a program without an end comes to one: with a violation if the tasks go
// round together, and otherwise with the bound that it came to.
func TestSearchesOfEndlessProgramsEnd(t *testing.T) {
	backOff := func(a, b *sim.SpinLock) func(k *sim.K) {
		return func(k *sim.K) {
			for {
				k.SpinLock(a)
				if k.SpinTrylock(b) {
					break
				}
				k.SpinUnlock(a)
			}
			k.SpinUnlock(b)
			k.SpinUnlock(a)
		}
	}
	for _, test := range []struct {
		name    string
		program sim.Program
		steps   int
		title   string
		stopped string
	}{
		{"two that back off", func(m *sim.Machine) {
			var l [2]sim.SpinLock
			m.Setup().SpinLockInit(&l[0], "a")
			m.Setup().SpinLockInit(&l[1], "b")
			m.Go("one", backOff(&l[0], &l[1]))
			m.Go("two", backOff(&l[1], &l[0]))
		}, 600, "BUG: soft lockup in test_searches_of_endless_programs_end", "executions go on for ever"},
		{"two that count", func(m *sim.Machine) {
			x := words(m, 1)
			tasks(m, 2, func(_ int, k *sim.K) {
				for i := 0; ; i++ {
					x[0].Write(k, i)
				}
			})
		}, 100, "", "an execution had more than 100 steps; 1000 of them were enough"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, o := range []explore.Options{{}, {Workers: 2}, {LockAware: true}, {Strategy: explore.Bounded, Preemptions: 1000}} {
				o.Setup = func(m *sim.Machine) { m.MaxSteps = test.steps }
				o.CheckpointEvery, o.Checkpoint = -1, func(state []byte) error {
					o.Resume = state
					return nil
				}
				r, err := explore.Run(context.Background(), test.program, o)
				if err != nil {
					t.Fatal(err)
				}
				if again, err := explore.Run(context.Background(), test.program, o); err != nil || again.Complete || o.Workers == 0 && again.Stopped != r.Stopped {
					t.Errorf("%s, gone on with: %s, %v", o.Strategy, again.Coverage(), err)
				}
				title := ""
				if len(r.Findings) > 0 {
					title = r.Findings[0].Violation.Title
				}
				if title != test.title || r.Complete || !strings.HasPrefix(r.Stopped, test.stopped[:12]) || o.Workers == 0 && r.Stopped != test.stopped {
					t.Errorf("%s: %q, %s", o.Strategy, title, r.Coverage())
				}
			}
		})
	}
}

// Where a choice leads out of a loop its tasks do not go round for ever, if they may choose
// anything; where it does not they do.
func TestChoicesInLoops(t *testing.T) {
	for _, test := range []struct {
		name    string
		out     int // the value that leads out
		verdict string
	}{
		{"one leads out", 1, explore.Inconclusive}, // executions that never choose it are too long
		{"none leads out", 2, explore.Violation},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := result(t, func(m *sim.Machine) {
				m.MaxSteps = 700
				l := mutexes(m, 2)
				tasks(m, 2, func(i int, k *sim.K) {
					for k.MutexLock(&l[i]); !k.MutexTrylock(&l[1-i]); k.MutexLock(&l[i]) {
						k.MutexUnlock(&l[i])
						if k.Choose(2, "give up") == test.out {
							return
						}
					}
					k.MutexUnlock(&l[1-i])
					k.MutexUnlock(&l[i])
				})
			}, explore.Options{Executions: 80, MinimiseExecutions: 1})
			if r.Verdict() != test.verdict {
				t.Errorf("%s: %s", r.Verdict(), r.Coverage())
			}
		})
	}
}

// A loop that gives up is none that waits, however long it tries: each look comes before
// what it looks for, or not.
func TestLoopsThatGiveUp(t *testing.T) {
	const tries = 300
	r := explore.Check(t, func(m *sim.Machine) {
		x := words(m, 1)
		m.Go("looks", func(k *sim.K) {
			for range tries {
				if x[0].Read(k) == 1 {
					return
				}
				k.CPURelax()
			}
		})
		m.Go("sets", func(k *sim.K) { x[0].Write(k, 1) })
	})
	if r.Executions != tries+1 || r.Blocked > 0 {
		t.Errorf("%s, want %d", r.Coverage(), tries+1)
	}
}
