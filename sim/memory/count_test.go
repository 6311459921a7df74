package memory

import (
	"flag"
	"testing"
)

var long = flag.Bool("long", false, "count the long programs too")

// counted is a program with known numbers of executions: for those of the field's
// tools under SC and TSO, and for the kernel's model. A number of 0 is not known.
type counted struct {
	name          string
	program       Program
	sc, tso, lkmm int
	long          bool
	blocked       int // dead ends: a load waited for a store that another task then did not do
}

func tasks(n int, task func(i int) Task) Program {
	p := Program{Locations: maxLocations}
	for i := range n {
		p.Tasks = append(p.Tasks, task(i))
	}
	return p
}

func ringProgram(n int, fences ...Task) Program {
	return tasks(n, func(i int) Task {
		return seq(w(i, 1), seq(fences...), r(0, (i+1)%n))
	})
}

func counter(n, each int) Program {
	return tasks(n, func(int) Task {
		return func(c *Core) {
			for range each {
				copyTo(0, x, x, 1, Once, Once)(c)
			}
		}
	})
}

// lockers take several locks in turn, each for its own counter.
func lockers(n, locks int) Program {
	return tasks(n, func(int) Task {
		return func(c *Core) {
			for i := range locks {
				seq(lock(2*i), inc2(0, 2*i+1), unlock(2*i))(c)
			}
		}
	})
}

var dekker = tasks(2, func(i int) Task {
	return func(c *Core) {
		c.Store(Addr(i), Const(1), Once)
		if c.Load(Addr(1-i), Once).Int() == 0 {
			c.Store(Addr(2), Const(int64(i+1)), Once)
			c.Load(Addr(2), Once)
		}
	}
})

// chain passes a message along n tasks.
func chain(n int) Program {
	return tasks(n, func(i int) Task {
		switch i {
		case 0:
			return seq(w(n, 1), rel(0))
		case n - 1:
			return seq(acq(0, n-2), r(1, n))
		}
		return seq(acq(0, i-1), rel(i))
	})
}

func readersAndUpdater(n int) Program {
	return tasks(n+1, func(i int) Task {
		if i == 0 {
			return seq(w(x, 1), f(SyncRCU), w(y, 1))
		}
		return seq(rcuLock, r(0, x), r(1, y), rcuUnlock)
	})
}

func writerAndReaders(n, stores int) Program {
	return tasks(n+1, func(i int) Task {
		if i > 0 {
			return r(0, x)
		}
		return func(c *Core) {
			for value := range stores {
				w(x, int64(value+1))(c)
			}
		}
	})
}

// lastzero is the program of the DPOR literature: n writers that each add one to what
// the one before stored, and a reader that looks for the last zero.
func lastzero(n int) Program {
	return tasks(n+1, func(i int) Task {
		if i > 0 {
			return copyTo(0, i-1, i, 1, Once, Once)
		}
		return func(c *Core) {
			for at := n; c.Load(Addr(at), Once).Int() != 0; at-- {
			}
		}
	})
}

var counts = []counted{
	{"SB, 6", ringProgram(6), 63, 64, 64, false, 0},
	{"SB+mb, 6", ringProgram(6, f(Mb)), 63, 63, 63, false, 0},
	{"SB, 3", ringProgram(3), 7, 8, 8, false, 0},
	{"SB, 10", ringProgram(10), 1023, 1024, 1024, false, 0},
	{"SB, 14", ringProgram(14), 16383, 16384, 16384, true, 0},
	{"dekker", dekker, 3, 7, 0, false, 1},
	{"lastzero 5", lastzero(5), 64, 64, 96, false, 0},
	{"x = x + 1, 3", counter(3, 1), 36, 36, 36, false, 0},
	{"x = x + 1, 5", counter(5, 1), 14400, 14400, 14400, true, 0},
	{"x = x + 1, 3 times 2", counter(3, 2), 7134, 7134, 7134, false, 0},
	{"atomic_inc, 5", tasks(5, func(int) Task { return inc(0, x, Void) }), 120, 120, 120, false, 0},
	{"spin_lock; x++; unlock, 4", lockers(4, 1), 24, 24, 24, false, 0},
	{"spin_lock; x++; unlock, 5", lockers(5, 1), 120, 120, 120, false, 0},
	{"locks, 3 times 2", lockers(3, 2), 36, 36, 36, false, 0},
	{"locks, 3 times 4", lockers(3, 4), 1296, 1296, 1296, true, 0},
	{"release/acquire chain, 7", chain(7), 127, 127, 127, false, 0},
	{"1 updater, 5 RCU readers", readersAndUpdater(5), 243, 243, 243, false, 0},
	{"1 writer, 5 readers", writerAndReaders(5, 5), 7776, 7776, 7776, true, 0},
	{"1 writer, 15 readers", writerAndReaders(15, 1), 32768, 32768, 32768, true, 0},
}

// TestCounts holds the numbers of executions to those of other tools.
func TestCounts(t *testing.T) {
	for _, test := range counts {
		for i, want := range []int{test.sc, test.tso, test.lkmm} {
			if want == 0 || test.long && !*long {
				continue
			}
			cover, err := Explore(test.program, Options{Model: Model(i)}, nil)
			if err != nil || !cover.Complete || cover.Executions != want || cover.Blocked != test.blocked {
				t.Errorf("%s under %v: %+v, %v; want %d executions, %d blocked", test.name, Model(i), cover, err, want, test.blocked)
			}
		}
	}
}

func BenchmarkExplore(b *testing.B) {
	for _, test := range counts {
		for _, o := range []Options{{Model: SC}, {Model: TSO}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
			name := test.name + "/" + o.Model.String()
			if o.LoadBuffering {
				name += "+lb"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				var cover Coverage
				for b.Loop() {
					cover, _ = Explore(test.program, o, nil)
				}
				b.ReportMetric(float64(cover.Executions), "execs")
				b.ReportMetric(float64(cover.Blocked), "blocked")
			})
		}
	}
}

// BenchmarkLitmus explores all litmus tests of this package under the three models.
func BenchmarkLitmus(b *testing.B) {
	all := append(append([]litmus(nil), litmusTests...), classics...)
	for b.Loop() {
		for _, test := range all {
			for _, o := range profiles {
				_, _ = Explore(Program{Tasks: test.tasks, Init: test.init, Locations: locations}, o, nil)
			}
		}
	}
	b.ReportMetric(float64(len(all)), "tests")
}
