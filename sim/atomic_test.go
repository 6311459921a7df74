package sim_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// atomicOps are the operations on a counter, each with what it makes of the value
// old and what it returns, given the operands i and u; those that return nothing
// return 0, and those that return a truth value 1 or 0.
func atomicOps[T int32 | int64]() []struct {
	name  string
	do    func(k *sim.K, a *sim.AtomicOf[T], i, u T) T
	model func(old, i, u T) (v, result T)
} {
	type counter = sim.AtomicOf[T]
	truth := func(b bool) T {
		if b {
			return 1
		}
		return 0
	}
	try := func(f func(a *counter, k *sim.K, old *T, v T) bool) func(k *sim.K, a *counter, i, u T) T {
		return func(k *sim.K, a *counter, i, u T) T {
			ok := f(a, k, &u, i)
			return u<<1 | truth(ok)
		}
	}
	tried := func(old, i, u T) (T, T) {
		if old == u {
			return i, old<<1 | 1
		}
		return old, old << 1
	}
	compared := func(old, i, u T) (T, T) {
		if old == u {
			return i, old
		}
		return old, old
	}
	fetched := func(f func(old, i T) T) func(old, i, u T) (T, T) {
		return func(old, i, _ T) (T, T) { return f(old, i), old }
	}
	returned := func(f func(old, i T) T) func(old, i, u T) (T, T) {
		return func(old, i, _ T) (T, T) { return f(old, i), f(old, i) }
	}
	void := func(f func(old, i T) T) func(old, i, u T) (T, T) {
		return func(old, i, _ T) (T, T) { return f(old, i), 0 }
	}
	add := func(old, i T) T { return old + i }
	subtract := func(old, i T) T { return old - i }
	inc := func(old, _ T) T { return old + 1 }
	dec := func(old, _ T) T { return old - 1 }
	and := func(old, i T) T { return old & i }
	or := func(old, i T) T { return old | i }
	xor := func(old, i T) T { return old ^ i }
	andnot := func(old, i T) T { return old &^ i }
	set := func(_, i T) T { return i }
	read := func(old, _, _ T) (T, T) { return old, old }
	return []struct {
		name  string
		do    func(k *sim.K, a *counter, i, u T) T
		model func(old, i, u T) (v, result T)
	}{
		{"read", func(k *sim.K, a *counter, _, _ T) T { return a.Read(k) }, read},
		{"read_acquire", func(k *sim.K, a *counter, _, _ T) T { return a.ReadAcquire(k) }, read},
		{"set", func(k *sim.K, a *counter, i, _ T) T { a.Set(k, i); return 0 }, void(set)},
		{"set_release", func(k *sim.K, a *counter, i, _ T) T { a.SetRelease(k, i); return 0 }, void(set)},
		{"add", func(k *sim.K, a *counter, i, _ T) T { a.Add(k, i); return 0 }, void(add)},
		{"sub", func(k *sim.K, a *counter, i, _ T) T { a.Sub(k, i); return 0 }, void(subtract)},
		{"inc", func(k *sim.K, a *counter, _, _ T) T { a.Inc(k); return 0 }, void(inc)},
		{"dec", func(k *sim.K, a *counter, _, _ T) T { a.Dec(k); return 0 }, void(dec)},
		{"and", func(k *sim.K, a *counter, i, _ T) T { a.And(k, i); return 0 }, void(and)},
		{"or", func(k *sim.K, a *counter, i, _ T) T { a.Or(k, i); return 0 }, void(or)},
		{"xor", func(k *sim.K, a *counter, i, _ T) T { a.Xor(k, i); return 0 }, void(xor)},
		{"andnot", func(k *sim.K, a *counter, i, _ T) T { a.Andnot(k, i); return 0 }, void(andnot)},
		{"add_return", func(k *sim.K, a *counter, i, _ T) T { return a.AddReturn(k, i) }, returned(add)},
		{"add_return_relaxed", func(k *sim.K, a *counter, i, _ T) T { return a.AddReturnRelaxed(k, i) }, returned(add)},
		{"add_return_acquire", func(k *sim.K, a *counter, i, _ T) T { return a.AddReturnAcquire(k, i) }, returned(add)},
		{"add_return_release", func(k *sim.K, a *counter, i, _ T) T { return a.AddReturnRelease(k, i) }, returned(add)},
		{"sub_return", func(k *sim.K, a *counter, i, _ T) T { return a.SubReturn(k, i) }, returned(subtract)},
		{"sub_return_release", func(k *sim.K, a *counter, i, _ T) T { return a.SubReturnRelease(k, i) }, returned(subtract)},
		{"inc_return", func(k *sim.K, a *counter, _, _ T) T { return a.IncReturn(k) }, returned(inc)},
		{"inc_return_relaxed", func(k *sim.K, a *counter, _, _ T) T { return a.IncReturnRelaxed(k) }, returned(inc)},
		{"inc_return_acquire", func(k *sim.K, a *counter, _, _ T) T { return a.IncReturnAcquire(k) }, returned(inc)},
		{"dec_return", func(k *sim.K, a *counter, _, _ T) T { return a.DecReturn(k) }, returned(dec)},
		{"dec_return_release", func(k *sim.K, a *counter, _, _ T) T { return a.DecReturnRelease(k) }, returned(dec)},
		{"fetch_add", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAdd(k, i) }, fetched(add)},
		{"fetch_add_relaxed", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAddRelaxed(k, i) }, fetched(add)},
		{"fetch_add_acquire", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAddAcquire(k, i) }, fetched(add)},
		{"fetch_add_release", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAddRelease(k, i) }, fetched(add)},
		{"fetch_sub", func(k *sim.K, a *counter, i, _ T) T { return a.FetchSub(k, i) }, fetched(subtract)},
		{"fetch_sub_release", func(k *sim.K, a *counter, i, _ T) T { return a.FetchSubRelease(k, i) }, fetched(subtract)},
		{"fetch_inc", func(k *sim.K, a *counter, _, _ T) T { return a.FetchInc(k) }, fetched(inc)},
		{"fetch_dec", func(k *sim.K, a *counter, _, _ T) T { return a.FetchDec(k) }, fetched(dec)},
		{"fetch_and", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAnd(k, i) }, fetched(and)},
		{"fetch_or", func(k *sim.K, a *counter, i, _ T) T { return a.FetchOr(k, i) }, fetched(or)},
		{"fetch_or_relaxed", func(k *sim.K, a *counter, i, _ T) T { return a.FetchOrRelaxed(k, i) }, fetched(or)},
		{"fetch_or_acquire", func(k *sim.K, a *counter, i, _ T) T { return a.FetchOrAcquire(k, i) }, fetched(or)},
		{"fetch_xor", func(k *sim.K, a *counter, i, _ T) T { return a.FetchXor(k, i) }, fetched(xor)},
		{"fetch_andnot", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAndnot(k, i) }, fetched(andnot)},
		{"fetch_andnot_relaxed", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAndnotRelaxed(k, i) }, fetched(andnot)},
		{"fetch_andnot_release", func(k *sim.K, a *counter, i, _ T) T { return a.FetchAndnotRelease(k, i) }, fetched(andnot)},
		{"xchg", func(k *sim.K, a *counter, i, _ T) T { return a.Xchg(k, i) }, fetched(set)},
		{"xchg_relaxed", func(k *sim.K, a *counter, i, _ T) T { return a.XchgRelaxed(k, i) }, fetched(set)},
		{"xchg_acquire", func(k *sim.K, a *counter, i, _ T) T { return a.XchgAcquire(k, i) }, fetched(set)},
		{"xchg_release", func(k *sim.K, a *counter, i, _ T) T { return a.XchgRelease(k, i) }, fetched(set)},
		{"cmpxchg", func(k *sim.K, a *counter, i, u T) T { return a.Cmpxchg(k, u, i) }, compared},
		{"cmpxchg_relaxed", func(k *sim.K, a *counter, i, u T) T { return a.CmpxchgRelaxed(k, u, i) }, compared},
		{"cmpxchg_acquire", func(k *sim.K, a *counter, i, u T) T { return a.CmpxchgAcquire(k, u, i) }, compared},
		{"cmpxchg_release", func(k *sim.K, a *counter, i, u T) T { return a.CmpxchgRelease(k, u, i) }, compared},
		{"try_cmpxchg", try((*counter).TryCmpxchg), tried},
		{"try_cmpxchg_relaxed", try((*counter).TryCmpxchgRelaxed), tried},
		{"try_cmpxchg_acquire", try((*counter).TryCmpxchgAcquire), tried},
		{"try_cmpxchg_release", try((*counter).TryCmpxchgRelease), tried},
		{"inc_not_zero", func(k *sim.K, a *counter, _, _ T) T { return truth(a.IncNotZero(k)) }, func(old, _, _ T) (T, T) {
			if old == 0 {
				return 0, 0
			}
			return old + 1, 1
		}},
		{"add_unless", func(k *sim.K, a *counter, i, u T) T { return truth(a.AddUnless(k, i, u)) }, func(old, i, u T) (T, T) {
			if old == u {
				return old, 0
			}
			return old + i, 1
		}},
		{"fetch_add_unless", func(k *sim.K, a *counter, i, u T) T { return a.FetchAddUnless(k, i, u) }, func(old, i, u T) (T, T) {
			if old == u {
				return old, old
			}
			return old + i, old
		}},
		{"dec_if_positive", func(k *sim.K, a *counter, _, _ T) T { return a.DecIfPositive(k) }, func(old, _, _ T) (T, T) {
			if old-1 < 0 {
				return old, old - 1
			}
			return old - 1, old - 1
		}},
		{"add_negative", func(k *sim.K, a *counter, i, _ T) T { return truth(a.AddNegative(k, i)) }, func(old, i, _ T) (T, T) {
			return old + i, truth(old+i < 0)
		}},
		{"sub_and_test", func(k *sim.K, a *counter, i, _ T) T { return truth(a.SubAndTest(k, i)) }, func(old, i, _ T) (T, T) {
			return old - i, truth(old-i == 0)
		}},
		{"dec_and_test", func(k *sim.K, a *counter, _, _ T) T { return truth(a.DecAndTest(k)) }, func(old, _, _ T) (T, T) {
			return old - 1, truth(old-1 == 0)
		}},
		{"inc_and_test", func(k *sim.K, a *counter, _, _ T) T { return truth(a.IncAndTest(k)) }, func(old, _, _ T) (T, T) {
			return old + 1, truth(old+1 == 0)
		}},
	}
}

// Every operation does what it does in C, also where the type overflows, and
// goes by its name there.
func TestAtomicArithmetic(t *testing.T) {
	t.Run("atomic_t", func(t *testing.T) { wantArithmetic[int32](t, "atomic_", math.MinInt32, math.MaxInt32) })
	t.Run("atomic_long_t", func(t *testing.T) { wantArithmetic[int64](t, "atomic_long_", math.MinInt64, math.MaxInt64) })
}

func wantArithmetic[T int32 | int64](t *testing.T, prefix string, lowest, highest T) {
	values := rapid.OneOf(rapid.SampledFrom([]T{0, 1, -1, 2, lowest, highest}), rapid.Custom(func(t *rapid.T) T {
		return T(rapid.Int64().Draw(t, "any"))
	}))
	for _, op := range atomicOps[T]() {
		t.Run(op.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				old, i, u := values.Draw(t, "old"), values.Draw(t, "i"), values.Draw(t, "u")
				if rapid.Bool().Draw(t, "equal") {
					u = old
				}
				var a sim.AtomicOf[T]
				var got T
				m := sim.NewMachine()
				defer m.Close()
				m.Record(func(m *sim.Machine) {
					a.Init(m.Setup(), "a", old)
					m.Go("t", func(k *sim.K) { got = op.do(k, &a, i, u) })
				}, sim.Undisturbed)
				v, result := op.model(old, i, u)
				if a.Peek() != v || got != result {
					t.Errorf("of %d with %d and %d: is %d and returned %d, want %d and %d", old, i, u, a.Peek(), got, v, result)
				}
				if r := m.Records(); len(r) != 1 || r[0].Text != prefix+op.name+"(&a)" {
					t.Errorf("the steps are %v", r)
				}
			})
		})
	}
}

// counters is a program of n tasks that do something with one atomic_t.
func counters(n int, do func(k *sim.K, a *sim.AtomicInt), observe func(v int32)) sim.Program {
	return func(m *sim.Machine) {
		a := new(sim.AtomicInt)
		a.Init(m.Setup(), "a", 0)
		for i := range n {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { do(k, a) })
		}
		m.After(func(*sim.K) { observe(a.Peek()) })
	}
}

// commuting is the option CommuteRMW.
func commuting(m *sim.Machine) { m.CommuteRMW = true }

// The order of additions is explored, unless the machine is told that nobody sees
// it. Those that return something are always in some order, as are operations
// that do not commute with additions.
func TestAtomicExecutions(t *testing.T) {
	inc := func(k *sim.K, a *sim.AtomicInt) { a.Inc(k) }
	for _, test := range []struct {
		name       string
		n          int
		setup      func(*sim.Machine)
		do         func(k *sim.K, a *sim.AtomicInt)
		executions int
		ends       []int32
	}{
		{"inc", 2, nil, inc, 2, []int32{2}},
		{"inc", 4, nil, inc, 24, []int32{4}},
		{"inc that commutes", 4, commuting, inc, 1, []int32{4}},
		{"inc that commutes", 8, commuting, inc, 1, []int32{8}},
		{"inc and dec that commute", 3, commuting, func(k *sim.K, a *sim.AtomicInt) { a.Inc(k); a.Dec(k); a.Sub(k, 2) }, 1, []int32{-6}},
		{"inc_return", 4, commuting, func(k *sim.K, a *sim.AtomicInt) { a.IncReturn(k) }, 24, []int32{4}},
		{"or", 4, commuting, func(k *sim.K, a *sim.AtomicInt) { a.Or(k, 4) }, 24, []int32{4}},
		{"read and set", 2, commuting, func(k *sim.K, a *sim.AtomicInt) { a.Set(k, a.Read(k)+1) }, 4, []int32{1, 2}},
		{"inc and read", 2, commuting, func(k *sim.K, a *sim.AtomicInt) { a.Inc(k); a.Read(k) }, 3, []int32{2}},
	} {
		t.Run(fmt.Sprint(test.n, test.name), func(t *testing.T) {
			var ends []int32
			p := counters(test.n, test.do, func(v int32) { ends = append(ends, v) })
			r, err := explore.Run(context.Background(), p, explore.Options{Setup: test.setup, SelfCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(ends)
			if ends = slices.Compact(ends); !slices.Equal(ends, test.ends) || r.Verdict() != explore.Clean {
				t.Errorf("the end states are %v, want %v; %s", ends, test.ends, r.Verdict())
			}
			if r.Executions != test.executions || r.Blocked != 0 {
				t.Errorf("%s, want %d executions", r.Coverage(), test.executions)
			}
		})
	}
}

// A schedule says the same with and without CommuteRMW: the steps are the same,
// and so is the trace hash.
func TestCommutingLeavesTheHash(t *testing.T) {
	p := counters(3, func(k *sim.K, a *sim.AtomicInt) { a.Inc(k); a.Add(k, 2); a.Read(k) }, func(int32) {})
	rapid.Check(t, func(t *rapid.T) {
		picks := rapid.SliceOf(rapid.IntRange(0, 2)).Draw(t, "picks")
		var hashes [2]uint64
		for i, setup := range []func(*sim.Machine){func(*sim.Machine) {}, commuting} {
			m := sim.NewMachine()
			setup(m)
			hashes[i] = m.Run(p, sim.Picks(picks)).Hash
			m.Close()
		}
		if hashes[0] != hashes[1] {
			t.Errorf("the hashes are %x", hashes)
		}
	})
}

// What an atomic operation publishes orders plain data, with and without
// CommuteRMW: a reader of the counter knows what those did who added to it.
func TestAtomicsOrderData(t *testing.T) {
	for _, test := range []struct {
		name  string
		want  sim.Kind
		tasks [2]func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int])
	}{
		{"dec_and_test after the use", sim.Kind{}, [2]func(*sim.K, *sim.AtomicInt, *sim.Cell[int]){
			func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int]) { data.Set(k, 1); a.Inc(k) },
			func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int]) {
				if a.Read(k) == 1 {
					data.Set(k, 2)
				}
			},
		}},
		{"the use after the inc", sim.DataRace, [2]func(*sim.K, *sim.AtomicInt, *sim.Cell[int]){
			func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int]) { a.Inc(k); data.Set(k, 1) },
			func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int]) {
				if a.Read(k) == 1 {
					data.Set(k, 2)
				}
			},
		}},
		{"two that add", sim.DataRace, [2]func(*sim.K, *sim.AtomicInt, *sim.Cell[int]){
			func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int]) { data.Set(k, 1); a.Inc(k) },
			func(k *sim.K, a *sim.AtomicInt, data *sim.Cell[int]) { a.Inc(k); data.Set(k, 2) },
		}},
	} {
		for _, setup := range []func(*sim.Machine){nil, commuting} {
			r, err := explore.Run(context.Background(), func(m *sim.Machine) {
				var a sim.AtomicInt
				var data sim.Cell[int]
				a.Init(m.Setup(), "a", 0)
				data.Init(m.Setup(), "data")
				for i, f := range test.tasks {
					m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, &a, &data) })
				}
			}, explore.Options{Setup: setup, SelfCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			var kinds []sim.Kind
			for _, f := range r.Findings {
				kinds = append(kinds, f.Violation.Kind)
			}
			if len(kinds) > 1 || (len(kinds) == 1) != (test.want != sim.Kind{}) || len(kinds) == 1 && kinds[0] != test.want {
				t.Errorf("%s (commuting: %t): %v, want %q", test.name, setup != nil, kinds, test.want.Name)
			}
		}
	}
}

func TestAtomicInFreedObject(t *testing.T) {
	p := func(m *sim.Machine) {
		var life sim.Life
		var a sim.AtomicInt
		m.Setup().Born(&life, "object")
		a.Init(m.Setup(), "refs", 1)
		a.In(&life)
		m.Go("put", func(k *sim.K) { a.Dec(k); k.Kfree(&life) })
		m.Go("get", func(k *sim.K) { a.Inc(k) })
	}
	r := search(t, p)
	if len(r.Findings) != 1 || r.Findings[0].Violation.Kind != sim.UseAfterFree {
		t.Errorf("found %v", r.Findings)
	}
}

// The setup's operations take effect at once.
func TestAtomicInSetup(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	m.Run(func(m *sim.Machine) {
		var a sim.AtomicInt
		k := m.Setup()
		a.Init(k, "a", 1)
		a.Inc(k)
		if got := a.FetchAdd(k, 3); got != 2 || a.Peek() != 5 {
			t.Errorf("returned %d and is %d", got, a.Peek())
		}
	}, sim.Undisturbed)
}

func TestBarriersAreRemarks(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Record(program([]task{func(k *sim.K, w *world) {
		w.x.StoreRelease(k, 1)
		k.SmpMb()
		k.SmpRmb()
		k.SmpWmb()
		k.SmpMbBeforeAtomic()
		w.x.LoadAcquire(k)
		k.SmpMbAfterAtomic()
		k.Barrier()
		w.y.SmpStoreMb(k, 1)
	}}, nil), sim.Undisturbed)
	var got strings.Builder
	for _, r := range m.Records() {
		fmt.Fprintf(&got, "%d %s%s %s\n", r.Step, r.Remark, r.Text, r.Note)
	}
	want := `1 smp_store_release(&x) <- 1
1 smp_mb() 
1 smp_rmb() 
1 smp_wmb() 
1 smp_mb__before_atomic() 
2 smp_load_acquire(&x) = 1
2 smp_mb__after_atomic() 
2 barrier() 
3 smp_store_mb(y) <- 1
`
	if got.String() != want || o.Steps != 3 {
		t.Errorf("%d steps:\n%s\nwant 3:\n%s", o.Steps, got.String(), want)
	}
}
