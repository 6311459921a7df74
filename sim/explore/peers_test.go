package explore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// The programs by which stateless model checkers are compared. Each shared
// access is a marked one. The counts are those of Mazurkiewicz traces, on which
// GenMC and Nidhugg agree.

func tasks(m *sim.Machine, n int, f func(i int, k *sim.K)) {
	for i := range n {
		m.Go(numbered.t[i], func(k *sim.K) { f(i, k) })
	}
}

// numbered holds names, so that a program does not spend its time on making them.
var numbered = func() (n struct{ t, w, l [128]string }) {
	for i := range n.t {
		n.t[i], n.w[i], n.l[i] = fmt.Sprint("t", i), fmt.Sprint("w", i), fmt.Sprint("l", i)
	}
	return n
}()

func words(m *sim.Machine, n int) []sim.Word[int] {
	w := make([]sim.Word[int], n)
	for i := range w {
		w[i].Init(m.Setup(), numbered.w[i], 0)
	}
	return w
}

func mutexes(m *sim.Machine, n int) []sim.Mutex {
	l := make([]sim.Mutex, n)
	for i := range l {
		m.Setup().MutexInit(&l[i], numbered.l[i])
	}
	return l
}

func counter(n, times int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, 1)
		tasks(m, n, func(_ int, k *sim.K) {
			for range times {
				x[0].Write(k, x[0].Read(k)+1)
			}
		})
	}
}

func ainc(n int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, 1)
		tasks(m, n, func(_ int, k *sim.K) { x[0].Xchg(k, 1) })
	}
}

func readers(n int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, 1)
		m.Go("writer", func(k *sim.K) { x[0].Write(k, 42) })
		tasks(m, n, func(_ int, k *sim.K) { x[0].Read(k) })
	}
}

func sb(n int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, n)
		tasks(m, n, func(i int, k *sim.K) {
			x[i].Write(k, 1)
			x[(i+1)%n].Read(k)
		})
	}
}

func lastzero(n int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, n+1)
		m.Go("reader", func(k *sim.K) {
			for i := n; x[i].Read(k) != 0; i-- {
			}
		})
		tasks(m, n, func(i int, k *sim.K) { x[i+1].Write(k, x[i].Read(k)+1) })
	}
}

func indexer(n int) sim.Program {
	const size, inserts = 128, 4
	return func(m *sim.Machine) {
		table := words(m, size)
		tasks(m, n, func(tid int, k *sim.K) {
			for i := range inserts {
				w := i*11 + tid + 1
				h := w * 7 % size
				for table[h].Cmpxchg(k, 0, w) != 0 {
					h = (h + 1) % size
				}
			}
		})
	}
}

func filesystem(n int) sim.Program {
	const blocks, inodes = 26, 32
	return func(m *sim.Machine) {
		locki, lockb := make([]sim.Mutex, inodes), make([]sim.Mutex, blocks)
		for i := range locki {
			m.Setup().MutexInit(&locki[i], "locki")
		}
		for i := range lockb {
			m.Setup().MutexInit(&lockb[i], "lockb")
		}
		inode, busy := words(m, inodes), words(m, blocks)
		tasks(m, n, func(tid int, k *sim.K) {
			i := tid % inodes
			k.MutexLock(&locki[i])
			if inode[i].Read(k) == 0 {
				for b := i * 2 % blocks; ; b = (b + 1) % blocks {
					k.MutexLock(&lockb[b])
					if busy[b].Read(k) == 0 {
						busy[b].Write(k, 1)
						inode[i].Write(k, b+1)
						k.MutexUnlock(&lockb[b])
						break
					}
					k.MutexUnlock(&lockb[b])
				}
			}
			k.MutexUnlock(&locki[i])
		})
	}
}

func fib(n int) sim.Program {
	return func(m *sim.Machine) {
		x := words(m, 2)
		for i := range 2 {
			m.Go(numbered.t[i], func(k *sim.K) {
				for range n {
					p, q := x[0].Read(k), x[1].Read(k)
					x[i].Write(k, p+q)
				}
			})
		}
		m.Go("check", func(k *sim.K) {
			x[0].Read(k)
			x[1].Read(k)
		})
	}
}

func locks(n, times int) sim.Program {
	return func(m *sim.Machine) {
		l, c := mutexes(m, times), words(m, times)
		tasks(m, n, func(_ int, k *sim.K) {
			for i := range times {
				k.MutexLock(&l[i])
				c[i].Write(k, c[i].Read(k)+1)
				k.MutexUnlock(&l[i])
			}
		})
	}
}

func dekker(m *sim.Machine) {
	x := words(m, 3)
	tasks(m, 2, func(i int, k *sim.K) {
		x[i].Write(k, 1)
		if x[1-i].Read(k) == 0 {
			x[2].Write(k, i+1)
			x[2].Read(k)
		}
	})
}

// ticketlock waits for its turn with smp_cond_load_acquire(), the loop of which
// counts for nothing.
func ticketlock(n int) sim.Program {
	return func(m *sim.Machine) {
		var next sim.AtomicInt
		x := words(m, 2)
		next.Init(m.Setup(), "next", 0)
		owner, c := &x[0], &x[1]
		tasks(m, n, func(_ int, k *sim.K) {
			ticket := int(next.FetchInc(k))
			owner.CondLoadAcquire(k, func(now int) bool { return now == ticket })
			c.Write(k, c.Read(k)+1)
			owner.Write(k, owner.Read(k)+1)
		})
	}
}

// peterson takes the loop of the lock for an assumption, as the program does that
// the others were given.
func peterson(m *sim.Machine) {
	x := words(m, 4)
	flags, turn, c := x[:2], &x[2], &x[3]
	tasks(m, 2, func(i int, k *sim.K) {
		flags[i].Write(k, 1)
		turn.Write(k, 1-i)
		k.Assume(flags[1-i].Read(k) == 0 || turn.Read(k) == i)
		c.Write(k, i+1)
		if v := c.Read(k); v != i+1 {
			k.Fail(&sim.Violation{Kind: lost, Subject: "both were inside"})
		}
		flags[i].Write(k, 0)
	})
}

// TestOptimalCounts holds the exhaustive search to the number of Mazurkiewicz
// traces, with no execution begun in vain.
func TestOptimalCounts(t *testing.T) {
	for _, test := range []peer{
		{"indexer(12)", indexer(12), 8},
		{"indexer(13)", indexer(13), 64},
		{"lastzero(5)", lastzero(5), 64},
		{"lastzero(10)", lastzero(10), 3328},
		{"readers(5)", readers(5), 32},
		{"readers(10)", readers(10), 1024},
		{"filesystem(14)", filesystem(14), 2},
		{"filesystem(16)", filesystem(16), 8},
		{"filesystem(18)", filesystem(18), 32},
		{"fib(2)", fib(2), 140},
		{"fib(3)", fib(3), 1698},
		{"counter(3x1)", counter(3, 1), 36},
		{"counter(4x1)", counter(4, 1), 576},
		{"counter(3x2)", counter(3, 2), 7134},
		{"ainc(4)", ainc(4), 24},
		{"ainc(6)", ainc(6), 720},
		{"dekker", dekker, 3},
		{"peterson", peterson, 4},
		{"ticketlock(3)", ticketlock(3), 6},
		{"ticketlock(5)", ticketlock(5), 120},
		{"sb(3)", sb(3), 7},
		{"sb(10)", sb(10), 1023},
		{"locks(3x2)", locks(3, 2), 36},
		{"locks(3x4)", locks(3, 4), 1296},
		{"locks(4x2)", locks(4, 2), 576},
	} {
		t.Run(test.name, test.count)
	}
}

// TestWorkersCountTheSame holds several workers to the same numbers of complete
// executions.
func TestWorkersCountTheSame(t *testing.T) {
	for _, test := range []peer{
		{"indexer(13)", indexer(13), 64},
		{"lastzero(8)", lastzero(8), 704},
		{"readers(8)", readers(8), 256},
		{"filesystem(17)", filesystem(17), 16},
		{"fib(3)", fib(3), 1698},
		{"counter(4x1)", counter(4, 1), 576},
		{"ainc(5)", ainc(5), 120},
		{"sb(8)", sb(8), 255},
		{"locks(3x3)", locks(3, 3), 216},
	} {
		for workers := 2; workers <= 5; workers++ {
			t.Run(fmt.Sprintf("%s by %d", test.name, workers), func(t *testing.T) { test.countBy(t, workers) })
		}
	}
}

// TestOptimalCountsLong does the same with the large sizes: go test -long
func TestOptimalCountsLong(t *testing.T) {
	if !*long {
		t.Skip("ask for the large sizes with -long")
	}
	for _, test := range []peer{
		{"indexer(15)", indexer(15), 4096},
		{"lastzero(13)", lastzero(13), 32768},
		{"readers(15)", readers(15), 32768},
		{"filesystem(22)", filesystem(22), 512},
		{"fib(4)", fib(4), 19605},
		{"fib(5)", fib(5), 218243},
		{"counter(5x1)", counter(5, 1), 14400},
		{"ainc(8)", ainc(8), 40320},
		{"sb(14)", sb(14), 16383},
		{"ticketlock(7)", ticketlock(7), 5040},
		{"locks(3x6)", locks(3, 6), 46656},
		{"locks(4x3)", locks(4, 3), 13824},
	} {
		t.Run(test.name, test.count)
	}
}

// peer is a program with its number of traces.
type peer struct {
	name    string
	program sim.Program
	want    int
}

func (p *peer) count(t *testing.T) { p.countBy(t, 1) }

func (p *peer) countBy(t *testing.T, workers int) {
	r, err := explore.Run(context.Background(), p.program, explore.Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || len(r.Findings) > 0 {
		t.Fatalf("%s: %v", r.Coverage(), r.Findings)
	}
	if r.Executions != p.want || r.Blocked != 0 && workers == 1 {
		t.Errorf("%d executions and %d blocked, want %d and 0", r.Executions, r.Blocked, p.want)
	}
}

// TestVerdictsThatOthersMiss holds the default search to the bugs on which checkers
// of this kind are compared: some of them say that there are none.
func TestVerdictsThatOthersMiss(t *testing.T) {
	for _, test := range []struct {
		name    string
		program sim.Program
		titles  []string
	}{
		{"deadlock", func(m *sim.Machine) {
			l := mutexes(m, 2)
			tasks(m, 2, func(i int, k *sim.K) {
				k.MutexLock(&l[i])
				k.MutexLock(&l[1-i])
				k.MutexUnlock(&l[1-i])
				k.MutexUnlock(&l[i])
			})
		}, []string{"possible deadlock"}},
		{"livelock", func(m *sim.Machine) {
			x := words(m, 1)
			m.Go("waiter", func(k *sim.K) {
				for x[0].Read(k) == 0 {
				}
			})
			m.Go("other", func(*sim.K) {})
		}, []string{"BUG: soft lockup"}},
		{"lostupdate", func(m *sim.Machine) {
			x := words(m, 1)
			tasks(m, 2, func(_ int, k *sim.K) { x[0].Write(k, x[0].Read(k)+1) })
			m.After(func(k *sim.K) {
				if v := x[0].Read(k); v != 2 {
					k.Fail(&sim.Violation{Kind: lost, Subject: "an update was lost"})
				}
			})
		}, []string{"lost"}},
		{"race", func(m *sim.Machine) {
			var x sim.Cell[int]
			x.Init(m.Setup(), "x")
			tasks(m, 2, func(_ int, k *sim.K) { x.Set(k, x.Get(k)+1) })
		}, []string{"KCSAN: data-race"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := explore.Run(context.Background(), test.program, explore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict() != explore.Violation {
				t.Fatalf("%s: %s", r.Verdict(), r.Coverage())
			}
			for _, want := range test.titles {
				if title := r.Findings[0].Violation.Title; !strings.HasPrefix(title, want) {
					t.Errorf("%q, want %q", title, want)
				}
			}
		})
	}
}
