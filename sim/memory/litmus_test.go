package memory

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Locations of the programs in tests. The last ones are locks and an SRCU domain.
const (
	x = iota
	y
	z
	v
	l
	m
	s
	locations
)

var names = []string{"x", "y", "z", "v", "l", "m", "s"}

// Short forms for tasks.
func w(loc int, value int64) Task { return func(c *Core) { c.Store(Addr(loc), Const(value), Once) } }
func rel(loc int) Task            { return func(c *Core) { c.Store(Addr(loc), Const(1), Release) } }
func plainW(loc int, value int64) Task {
	return func(c *Core) { c.Store(Addr(loc), Const(value), Plain) }
}
func r(reg, loc int) Task   { return func(c *Core) { c.Set(reg, c.Load(Addr(loc), Once)) } }
func acq(reg, loc int) Task { return func(c *Core) { c.Set(reg, c.Load(Addr(loc), Acquire)) } }
func plainR(reg, loc int) Task {
	return func(c *Core) { c.Set(reg, c.Load(Addr(loc), Plain)) }
}
func f(fence Fence) Task     { return func(c *Core) { c.Fence(fence) } }
func lock(loc int) Task      { return func(c *Core) { c.Lock(Addr(loc)) } }
func unlock(loc int) Task    { return func(c *Core) { c.Unlock(Addr(loc)) } }
func rcuLock(c *Core)        { c.RCULock() }
func rcuUnlock(c *Core)      { c.RCUUnlock() }
func isLocked(reg int) Task  { return func(c *Core) { c.Set(reg, c.IsLocked(Addr(l))) } }
func syncSRCU(loc int) Task  { return func(c *Core) { c.SyncSRCU(Addr(loc)) } }
func srcu(body ...Task) Task { return srcuOn(s, body...) }
func srcuOn(loc int, body ...Task) Task {
	return func(c *Core) {
		idx := c.SRCULock(Addr(loc))
		seq(body...)(c)
		c.SRCUUnlock(Addr(loc), idx)
	}
}

func seq(parts ...Task) Task {
	return func(c *Core) {
		for _, part := range parts {
			part(c)
		}
	}
}

// inc adds one to a location.
func inc(reg, loc int, o Order) Task {
	return func(c *Core) {
		c.Set(reg, c.RMW(Addr(loc), o, func(old Value) (Value, bool) { return add(old, 1), true }))
	}
}

func xchg(reg, loc int, value int64, o Order) Task {
	return func(c *Core) {
		c.Set(reg, c.RMW(Addr(loc), o, func(Value) (Value, bool) { return Const(value), true }))
	}
}

func cmpxchg(reg, loc int, want, value int64, o Order) Task {
	return func(c *Core) {
		c.Set(reg, c.RMW(Addr(loc), o, func(old Value) (Value, bool) { return Const(value), old.Int() == want }))
	}
}

func add(a Value, n int64) Value {
	return Op(func(a, b int64) int64 { return a + b }, a, Const(n))
}

// copyTo loads a location and stores what it read, plus n, to another.
func copyTo(reg, from, to int, n int64, ra, wa Access) Task {
	return func(c *Core) {
		v := c.Load(Addr(from), ra)
		c.Set(reg, v)
		c.Store(Addr(to), add(v, n), wa)
	}
}

// when loads a location and runs body if it read something, with a control dependency.
func when(reg, loc int, a Access, body ...Task) Task {
	return func(c *Core) {
		v := c.Load(Addr(loc), a)
		c.Set(reg, v)
		before := c.Control()
		if c.If(v) {
			seq(body...)(c)
		}
		c.EndIf(before)
	}
}

// deref loads a pointer, and loads from where it points.
func deref(reg, pointer, value int) Task {
	return func(c *Core) {
		p := c.Load(Addr(pointer), Once)
		c.Set(reg, p)
		c.Set(value, c.Load(p, Once))
	}
}

func assign(pointer, to int) Task {
	return func(c *Core) { c.Store(Addr(pointer), Addr(to), Release) }
}

// verdicts of the three models, as N for never and S for sometimes, in the order SC,
// TSO, LKMM; then the number of states under LKMM.
type litmus struct {
	name     string
	tasks    []Task
	init     map[int]int64
	exists   string // what is asked of a state: 0:1=2 is register 1 of task 0, x=1 is memory
	verdicts string
	states   int // under LKMM, seen through the names in exists; 0 if not known
}

var (
	mp    = "1:0=1 1:1=0"
	sbRes = "0:0=0 1:0=0"
	lbRes = "0:0=1 1:0=1"
)

// The first tests are those of the kernel's tools/memory-model/litmus-tests and
// Documentation/litmus-tests, written anew from their names and comments.
var litmusTests = []litmus{
	{"CoRR+poonceonce+Once", []Task{w(x, 1), seq(r(0, x), r(1, x))}, nil, mp, "NNN", 3},
	{"CoRW+poonceonce+Once", []Task{seq(r(0, x), w(x, 1)), w(x, 2)}, nil, "x=2 0:0=2", "NNN", 3},
	{"CoWR+poonceonce+Once", []Task{seq(w(x, 1), r(0, x)), w(x, 2)}, nil, "x=1 0:0=2", "NNN", 3},
	{"CoWW+poonceonce", []Task{seq(w(x, 1), w(x, 2))}, nil, "x=1", "NNN", 1},
	{"IRIW+fencembonceonces+OnceOnce", []Task{w(x, 1), seq(r(0, x), f(Mb), r(1, y)), w(y, 1), seq(r(0, y), f(Mb), r(1, x))}, nil, "1:0=1 1:1=0 3:0=1 3:1=0", "NNN", 15},
	{"IRIW+poonceonces+OnceOnce", []Task{w(x, 1), seq(r(0, x), r(1, y)), w(y, 1), seq(r(0, y), r(1, x))}, nil, "1:0=1 1:1=0 3:0=1 3:1=0", "NNS", 16},
	{"ISA2+pooncelock+pooncelock+pombonce", []Task{seq(lock(l), w(x, 1), w(y, 1), unlock(l)), seq(lock(l), r(0, y), w(z, 1), unlock(l)), seq(r(0, z), f(Mb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNN", 7},
	{"ISA2+poonceonces", []Task{seq(w(x, 1), w(y, 1)), seq(r(0, y), w(z, 1)), seq(r(0, z), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNS", 8},
	{"ISA2+pooncerelease+poacquirerelease+poacquireonce", []Task{seq(w(x, 1), rel(y)), seq(acq(0, y), rel(z)), seq(acq(0, z), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNN", 7},
	{"LB+fencembonceonce+ctrlonceonce", []Task{when(0, x, Once, w(y, 1)), seq(r(0, y), f(Mb), w(x, 1))}, nil, lbRes, "NNN", 2},
	{"LB+poacquireonce+pooncerelease", []Task{seq(r(0, x), rel(y)), seq(acq(0, y), w(x, 1))}, nil, lbRes, "NNN", 3},
	{"LB+poonceonces", []Task{seq(r(0, x), w(y, 1)), seq(r(0, y), w(x, 1))}, nil, lbRes, "NNS", 4},
	{"LB+unlocklockonceonce+poacquireonce", []Task{seq(lock(l), r(0, x), unlock(l), lock(m), w(y, 1), unlock(m)), seq(acq(0, y), w(x, 1))}, nil, lbRes, "NNN", 3},
	{"MP+fencewmbonceonce+fencermbonceonce", []Task{seq(w(x, 1), f(Wmb), w(y, 1)), seq(r(0, y), f(Rmb), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+onceassign+derefonce", []Task{seq(w(x, 1), assign(y, x)), seq(rcuLock, deref(0, y, 1), rcuUnlock)}, map[int]int64{y: Addr(z).Int()}, fmt.Sprintf("1:0=%d 1:1=0", Addr(x).Int()), "NNN", 2},
	{"MP+polockmbonce+poacquiresilsil", []Task{seq(lock(l), f(AfterSpinlock), w(x, 1), unlock(l)), seq(acq(0, x), isLocked(1), isLocked(2))}, nil, "1:0=1 1:1=0 1:2=1", "NNN", 7},
	{"MP+polockonce+poacquiresilsil", []Task{seq(lock(l), w(x, 1), unlock(l)), seq(acq(0, x), isLocked(1), isLocked(2))}, nil, "1:0=1 1:1=0 1:2=1", "NNS", 8},
	{"MP+polocks", []Task{seq(w(x, 1), lock(l), w(y, 1), unlock(l)), seq(lock(l), r(0, y), unlock(l), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+poonceonces", []Task{seq(w(x, 1), w(y, 1)), seq(r(0, y), r(1, x))}, nil, mp, "NNS", 4},
	{"MP+pooncerelease+poacquireonce", []Task{seq(w(x, 1), rel(y)), seq(acq(0, y), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+porevlocks", []Task{seq(lock(l), w(x, 1), unlock(l), w(y, 1)), seq(r(0, y), lock(l), r(1, x), unlock(l))}, nil, mp, "NNN", 3},
	{"MP+unlocklockonceonce+fencermbonceonce", []Task{seq(lock(l), w(x, 1), unlock(l), lock(m), w(y, 1), unlock(m)), seq(r(0, y), f(Rmb), r(1, x))}, nil, mp, "NNN", 3},
	{"R+fencembonceonces", []Task{seq(w(x, 1), f(Mb), w(y, 1)), seq(w(y, 2), f(Mb), r(0, x))}, nil, "y=2 1:0=0", "NNN", 3},
	{"R+poonceonces", []Task{seq(w(x, 1), w(y, 1)), seq(w(y, 2), r(0, x))}, nil, "y=2 1:0=0", "NSS", 4},
	{"S+fencewmbonceonce+poacquireonce", []Task{seq(w(x, 2), f(Wmb), w(y, 1)), seq(acq(0, y), w(x, 1))}, nil, "x=2 1:0=1", "NNN", 3},
	{"S+poonceonces", []Task{seq(w(x, 2), w(y, 1)), seq(r(0, y), w(x, 1))}, nil, "x=2 1:0=1", "NNS", 4},
	{"SB+fencembonceonces", []Task{seq(w(x, 1), f(Mb), r(0, y)), seq(w(y, 1), f(Mb), r(0, x))}, nil, sbRes, "NNN", 3},
	{"SB+poonceonces", []Task{seq(w(x, 1), r(0, y)), seq(w(y, 1), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+rfionceonce-poonceonces", []Task{seq(w(x, 1), r(0, x), r(1, y)), seq(w(y, 1), r(0, y), r(1, x))}, nil, "0:0=1 1:0=1 0:1=0 1:1=0", "NSS", 4},
	{"WRC+poonceonces+Once", []Task{w(x, 1), seq(r(0, x), w(y, 1)), seq(r(0, y), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNS", 8},
	{"WRC+pooncerelease+fencermbonceonce+Once", []Task{w(x, 1), seq(r(0, x), rel(y)), seq(r(0, y), f(Rmb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNN", 7},
	{"Z6.0+pooncelock+pooncelock+pombonce", []Task{seq(lock(l), w(x, 1), w(y, 1), unlock(l)), seq(lock(l), r(0, y), w(z, 1), unlock(l)), seq(w(z, 2), f(Mb), r(0, x))}, nil, "1:0=1 z=2 2:0=0", "NNS", 8},
	{"Z6.0+pooncelock+pooncelock-mb+pombonce", []Task{seq(lock(l), w(x, 1), w(y, 1), unlock(l)), seq(lock(l), f(AfterSpinlock), r(0, y), w(z, 1), unlock(l)), seq(w(z, 2), f(Mb), r(0, x))}, nil, "1:0=1 z=2 2:0=0", "NNN", 7},
	{"Z6.0+pooncerelease+poacquirerelease+fencembonceonce", []Task{seq(w(x, 1), rel(y)), seq(acq(0, y), rel(z)), seq(w(z, 2), f(Mb), r(0, x))}, nil, "1:0=1 z=2 2:0=0", "NNS", 8},
	{"dep+plain", []Task{seq(copyTo(0, x, z, 0, Once, Plain), copyTo(1, z, v, 0, Plain, Plain), when(2, v, Plain, w(y, 1))), copyTo(0, y, x, 0, Acquire, Release)}, nil, "x=1 y=1", "NNN", 1},

	{"Atomic-RMW+mb__after_atomic-is-stronger-than-acquire", []Task{seq(r(0, x), f(Rmb), r(1, y)), seq(inc(0, y, Void), f(AfterAtomic), w(x, 1))}, nil, "0:0=1 0:1=0", "NNN", 3},
	{"Atomic-RMW-ops-are-atomic-WRT-atomic_set", []Task{func(c *Core) {
		c.RMW(Addr(x), Full, func(old Value) (Value, bool) { return add(old, 1), old.Int() != 0 })
	}, w(x, 0)}, map[int]int64{x: 1}, "x=2", "NNN", 1},
	{"DCL-broken", []Task{doubleChecked(Once, Once), doubleChecked(Once, Once)}, nil, "0:2=0", "NNS", 0},
	{"DCL-fixed", []Task{doubleChecked(Acquire, Release), doubleChecked(Acquire, Release)}, nil, "0:2=0", "NNN", 0},
	{"RCU+sync+free", []Task{seq(rcuLock, deref(0, y, 1), rcuUnlock), seq(assign(y, z), f(SyncRCU), w(x, 0))}, map[int]int64{x: 1, z: 1, y: Addr(x).Int()}, fmt.Sprintf("0:0=%d 0:1=0", Addr(x).Int()), "NNN", 2},
	{"RCU+sync+read", []Task{seq(rcuLock, r(0, x), r(1, y), rcuUnlock), seq(w(x, 1), f(SyncRCU), w(y, 1))}, nil, "0:0=0 0:1=1", "NNN", 3},
	{"cmpxchg-fail-ordered-1", []Task{seq(w(x, 1), cmpxchg(1, z, 1, 0, Full), f(AfterAtomic), r(0, y)), seq(w(y, 1), cmpxchg(1, z, 1, 0, Full), f(AfterAtomic), r(0, x))}, nil, sbRes, "NNN", 3},
	{"cmpxchg-fail-ordered-2", []Task{seq(w(x, 1), cmpxchg(0, y, 0, 1, Full)), seq(cmpxchg(0, y, 0, 1, Full), f(AfterAtomic), r(1, x))}, nil, "0:0=0 1:0=1 1:1=0", "NNN", 3},
	{"cmpxchg-fail-unordered-1", []Task{seq(w(x, 1), cmpxchg(1, z, 1, 0, Full), r(0, y)), seq(w(y, 1), cmpxchg(1, z, 1, 0, Full), r(0, x))}, nil, sbRes, "NNS", 4},
	{"cmpxchg-fail-unordered-2", []Task{seq(w(x, 1), cmpxchg(0, y, 0, 1, Full)), seq(cmpxchg(0, y, 0, 1, Full), r(1, x))}, nil, "0:0=0 1:0=1 1:1=0", "NNS", 4},
}

func doubleChecked(ra, wa Access) Task {
	return func(c *Core) {
		flag := c.Load(Addr(x), ra)
		c.Set(0, flag)
		if flag.Int() == 0 {
			c.If(flag)
			c.Lock(Addr(l))
			again := c.Load(Addr(x), Once)
			c.Set(1, again)
			if again.Int() == 0 {
				c.Store(Addr(y), Const(1), Once)
				c.Store(Addr(x), Const(1), wa)
			}
			c.Unlock(Addr(l))
		}
		c.Set(2, c.Load(Addr(y), Once))
	}
}

// seen looks at a state through the names in a condition: it returns what they are,
// and whether the condition holds.
func seen(state *State, exists string) (string, bool) {
	holds := true
	var all []string
	for _, term := range strings.Fields(exists) {
		name, want, _ := strings.Cut(term, "=")
		var got int64
		if task, reg, ok := strings.Cut(name, ":"); ok {
			t, _ := strconv.Atoi(task)
			n, _ := strconv.Atoi(reg)
			if n < len(state.Regs[t]) {
				got = state.Regs[t][n]
			}
		} else {
			for loc, other := range names {
				if name == other {
					got = state.Mem[loc]
				}
			}
		}
		all = append(all, strconv.FormatInt(got, 10))
		holds = holds && all[len(all)-1] == want
	}
	return strings.Join(all, " "), holds
}

// profiles are the models as the verdicts list them.
var profiles = []Options{{Model: SC}, {Model: TSO}, {Model: LKMM, LoadBuffering: true}}

func TestLitmus(t *testing.T) { litmusVerdicts(t, litmusTests) }

func litmusVerdicts(t *testing.T, tests []litmus) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := Program{Tasks: test.tasks, Init: test.init, Locations: locations}
			for i, o := range profiles {
				verdict := byte('N')
				states := map[string]bool{}
				cover, err := Explore(p, o, func(state *State) {
					values, holds := seen(state, test.exists)
					states[values] = true
					if holds {
						verdict = 'S'
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if verdict != test.verdicts[i] {
					t.Errorf("%v says %c, want %c: %v, %+v", o.Model, verdict, test.verdicts[i], states, cover)
				}
				if o.Model == LKMM && test.states != 0 && len(states) != test.states {
					t.Errorf("%d states, want %d: %v", len(states), test.states, states)
				}
			}
		})
	}
}
