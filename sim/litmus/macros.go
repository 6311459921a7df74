package litmus

import (
	"maps"
	"slices"

	"trapline/sim/memory"
)

// macro is an operation of the kernel.
type macro struct {
	name string
	// args has a letter for each argument: o for an object, as in READ_ONCE(*x); p
	// for a pointer to one, as in smp_load_acquire(x); v for a value; r for the
	// address of a local variable.
	args string
	// void says that it has no value.
	void bool
	run  func(c *memory.Core, a *[3]memory.Value) memory.Value
}

// macros is everything that a task can call, by name: what linux-kernel.def has,
// and some of the kernel's other spellings of the same.
var macros = allMacros()

func allMacros() map[string]*macro {
	all := map[string]*macro{}
	add := func(name, args string, void bool, run func(c *memory.Core, a *[3]memory.Value) memory.Value) {
		all[name] = &macro{name, args, void, run}
	}
	value := func(name, args string, run func(c *memory.Core, a *[3]memory.Value) memory.Value) {
		add(name, args, false, run)
	}
	void := func(name, args string, run func(c *memory.Core, a *[3]memory.Value)) {
		add(name, args, true, func(c *memory.Core, a *[3]memory.Value) memory.Value {
			run(c, a)
			return memory.Value{}
		})
	}
	accesses(value, void)
	fences(void)
	locks(value, void)
	exchanges("", value)
	for _, prefix := range []string{"atomic_", "atomic_long_", "atomic64_"} {
		atomics(prefix, value, void)
		exchanges(prefix, value)
	}
	return all
}

type (
	addValue func(name, args string, run func(c *memory.Core, a *[3]memory.Value) memory.Value)
	addVoid  func(name, args string, run func(c *memory.Core, a *[3]memory.Value))
)

// accesses are marked loads and stores.
func accesses(value addValue, void addVoid) {
	load := func(mark memory.Access) func(c *memory.Core, a *[3]memory.Value) memory.Value {
		return func(c *memory.Core, a *[3]memory.Value) memory.Value { return c.Load(a[0], mark) }
	}
	store := func(mark memory.Access) func(c *memory.Core, a *[3]memory.Value) {
		return func(c *memory.Core, a *[3]memory.Value) { c.Store(a[0], a[1], mark) }
	}
	value("READ_ONCE", "o", load(memory.Once))
	void("WRITE_ONCE", "ov", store(memory.Once))
	value("rcu_dereference", "o", load(memory.Once))
	void("rcu_assign_pointer", "ov", store(memory.Release))
	value("smp_load_acquire", "p", load(memory.Acquire))
	void("smp_store_release", "pv", store(memory.Release))
	void("smp_store_mb", "ov", func(c *memory.Core, a *[3]memory.Value) {
		c.Store(a[0], a[1], memory.Once)
		c.Fence(memory.Mb)
	})
	for _, prefix := range []string{"atomic_", "atomic_long_", "atomic64_"} {
		value(prefix+"read", "p", load(memory.Once))
		void(prefix+"set", "pv", store(memory.Once))
		value(prefix+"read_acquire", "p", load(memory.Acquire))
		void(prefix+"set_release", "pv", store(memory.Release))
	}
}

func fences(void addVoid) {
	for name, f := range map[string]memory.Fence{
		"smp_mb":                         memory.Mb,
		"smp_rmb":                        memory.Rmb,
		"smp_wmb":                        memory.Wmb,
		"smp_mb__before_atomic":          memory.BeforeAtomic,
		"smp_mb__after_atomic":           memory.AfterAtomic,
		"smp_mb__after_spinlock":         memory.AfterSpinlock,
		"smp_mb__after_unlock_lock":      memory.AfterUnlockLock,
		"smp_mb__after_srcu_read_unlock": memory.AfterSRCUReadUnlock,
		"barrier":                        memory.Barrier,
		"synchronize_rcu":                memory.SyncRCU,
		"synchronize_rcu_expedited":      memory.SyncRCU,
	} {
		void(name, "", func(c *memory.Core, _ *[3]memory.Value) { c.Fence(f) })
	}
}

// locks are spin locks, and the read sides of RCU and SRCU.
func locks(value addValue, void addVoid) {
	for _, prefix := range []string{"", "raw_"} {
		void(prefix+"spin_lock", "p", func(c *memory.Core, a *[3]memory.Value) { c.Lock(a[0]) })
		void(prefix+"spin_unlock", "p", func(c *memory.Core, a *[3]memory.Value) { c.Unlock(a[0]) })
		value(prefix+"spin_trylock", "p", func(c *memory.Core, a *[3]memory.Value) memory.Value { return c.TryLock(a[0]) })
		value(prefix+"spin_is_locked", "p", func(c *memory.Core, a *[3]memory.Value) memory.Value { return c.IsLocked(a[0]) })
	}
	void("rcu_read_lock", "", func(c *memory.Core, _ *[3]memory.Value) { c.RCULock() })
	void("rcu_read_unlock", "", func(c *memory.Core, _ *[3]memory.Value) { c.RCUUnlock() })
	for _, name := range []string{"srcu_read_lock", "srcu_down_read"} {
		value(name, "p", func(c *memory.Core, a *[3]memory.Value) memory.Value { return c.SRCULock(a[0]) })
	}
	for _, name := range []string{"srcu_read_unlock", "srcu_up_read"} {
		void(name, "pv", func(c *memory.Core, a *[3]memory.Value) { c.SRCUUnlock(a[0], a[1]) })
	}
	for _, name := range []string{"synchronize_srcu", "synchronize_srcu_expedited"} {
		void(name, "p", func(c *memory.Core, a *[3]memory.Value) { c.SyncSRCU(a[0]) })
	}
}

// order is what the ending of a name says.
type order struct {
	suffix string
	order  memory.Order
}

var orders = []order{
	{"", memory.Full}, {"_relaxed", memory.Relaxed}, {"_acquire", memory.AcquireRMW}, {"_release", memory.ReleaseRMW},
}

// exchanges are xchg and cmpxchg. Atomics have them under names of their own.
func exchanges(prefix string, value addValue) {
	for _, o := range orders {
		value(prefix+"xchg"+o.suffix, "pv", func(c *memory.Core, a *[3]memory.Value) memory.Value {
			return c.RMW(a[0], o.order, func(memory.Value) (memory.Value, bool) { return a[1], true })
		})
		compare := func(c *memory.Core, a *[3]memory.Value) memory.Value {
			defer decidedBy(c, a[1])()
			return c.RMW(a[0], o.order, func(old memory.Value) (memory.Value, bool) {
				return a[2], old.Int() == a[1].Int()
			})
		}
		value(prefix+"cmpxchg"+o.suffix, "pvv", compare)
		value(prefix+"try_cmpxchg"+o.suffix, "prv", compare)
	}
}

// decidedBy makes the store of an operation depend by control on a value that it
// compares with, until the operation ends.
func decidedBy(c *memory.Core, v memory.Value) func() {
	before := c.Control()
	c.If(v)
	return func() { c.EndIf(before) }
}

// atomics are the operations on atomic_t that compute.
func atomics(prefix string, value addValue, void addVoid) {
	for _, op := range []struct {
		name    string
		f       func(a, b int64) int64
		one     bool // inc and dec: no operand
		returns bool // there is an _return form
	}{
		{"add", plus, false, true}, {"sub", minus, false, true}, {"inc", plus, true, true}, {"dec", minus, true, true},
		{"and", and, false, false}, {"or", or, false, false}, {"xor", xor, false, false}, {"andnot", andnot, false, false},
	} {
		args := "vp"
		if op.one {
			args = "p"
		}
		change := func(c *memory.Core, a *[3]memory.Value, o memory.Order) (old, operand memory.Value) {
			address := a[1]
			operand = a[0]
			if op.one {
				address, operand = a[0], memory.Const(1)
			}
			old = c.RMW(address, o, func(old memory.Value) (memory.Value, bool) {
				return memory.Op(op.f, old, operand), true
			})
			return old, operand
		}
		changed := func(o memory.Order) func(c *memory.Core, a *[3]memory.Value) memory.Value {
			return func(c *memory.Core, a *[3]memory.Value) memory.Value {
				old, operand := change(c, a, o)
				return memory.Op(op.f, old, operand)
			}
		}
		void(prefix+op.name, args, func(c *memory.Core, a *[3]memory.Value) { change(c, a, memory.Void) })
		for _, o := range orders {
			value(prefix+"fetch_"+op.name+o.suffix, args, func(c *memory.Core, a *[3]memory.Value) memory.Value {
				old, _ := change(c, a, o.order)
				return old
			})
			if op.returns {
				value(prefix+op.name+"_return"+o.suffix, args, changed(o.order))
			}
			if op.name == "add" {
				value(prefix+"add_negative"+o.suffix, args, test(changed(o.order), less))
			}
		}
		if op.name != "add" && op.returns {
			value(prefix+op.name+"_and_test", args, test(changed(memory.Full), equal))
		}
	}
	unless := func(c *memory.Core, address, operand, limit memory.Value) memory.Value {
		defer decidedBy(c, limit)()
		return c.RMW(address, memory.Full, func(old memory.Value) (memory.Value, bool) {
			return memory.Op(plus, old, operand), old.Int() != limit.Int()
		})
	}
	value(prefix+"add_unless", "pvv", func(c *memory.Core, a *[3]memory.Value) memory.Value {
		return memory.Op(unequal, unless(c, a[0], a[1], a[2]), a[2])
	})
	value(prefix+"fetch_add_unless", "pvv", func(c *memory.Core, a *[3]memory.Value) memory.Value {
		return unless(c, a[0], a[1], a[2])
	})
	value(prefix+"inc_not_zero", "p", func(c *memory.Core, a *[3]memory.Value) memory.Value {
		return memory.Op(unequal, unless(c, a[0], memory.Const(1), memory.Const(0)), memory.Const(0))
	})
}

// test compares what an operation returns with 0.
func test(run func(c *memory.Core, a *[3]memory.Value) memory.Value, compare func(a, b int64) int64) func(c *memory.Core, a *[3]memory.Value) memory.Value {
	return func(c *memory.Core, a *[3]memory.Value) memory.Value {
		return memory.Op(compare, run(c, a), memory.Const(0))
	}
}

// macroNames are the names of macros, sorted.
var macroNames = slices.Sorted(maps.Keys(macros))
