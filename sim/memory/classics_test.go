package memory

import "testing"

var ring3 = "0:0=0 1:0=0 2:0=0"

// classics are tests of this package's own, from the published explanation of the
// model: one for each rule, with a neighbour that lacks what the rule needs.
var classics = []litmus{
	// Message passing with dependencies on the side of the reader.
	{"MP+wmb+po", []Task{seq(w(x, 1), f(Wmb), w(y, 1)), seq(r(0, y), r(1, x))}, nil, mp, "NNS", 4},
	{"MP+po+rmb", []Task{seq(w(x, 1), w(y, 1)), seq(r(0, y), f(Rmb), r(1, x))}, nil, mp, "NNS", 4},
	{"MP+wmb+ctrl", []Task{seq(w(x, 1), f(Wmb), w(y, 1)), when(0, y, Once, r(1, x))}, nil, mp, "NNS", 3},
	{"MP+mb+acq", []Task{seq(w(x, 1), f(Mb), w(y, 1)), seq(acq(0, y), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+wmb+addr", []Task{seq(w(x, 1), f(Wmb), w(y, 1)), seq(func(c *Core) {
		v := c.Load(Addr(y), Once)
		c.Set(0, v)
		zero := Op(func(a, b int64) int64 { return a ^ b }, v, v)
		c.Set(1, c.Load(Op(func(a, b int64) int64 { return a + b }, Addr(x), zero), Once))
	})}, nil, mp, "NNN", 3},
	{"MP+barrier+barrier", []Task{seq(w(x, 1), f(Barrier), w(y, 1)), seq(r(0, y), f(Barrier), r(1, x))}, nil, mp, "NNS", 4},
	{"MP+xchgs", []Task{seq(w(x, 1), xchg(0, v, 1, Full), w(y, 1)), seq(r(0, y), xchg(2, z, 1, Full), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+xchgs_relaxed", []Task{seq(w(x, 1), xchg(0, v, 1, Relaxed), w(y, 1)), seq(r(0, y), xchg(2, z, 1, Relaxed), r(1, x))}, nil, mp, "NNS", 4},
	{"MP+xchg_release+xchg_acquire", []Task{seq(w(x, 1), xchg(0, y, 1, ReleaseRMW)), seq(xchg(0, y, 2, AcquireRMW), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+xchg_acquire+xchg_release", []Task{seq(w(x, 1), xchg(0, y, 1, AcquireRMW)), seq(xchg(0, y, 2, ReleaseRMW), r(1, x))}, nil, mp, "NNS", 4},
	{"MP+before_atomic+after_atomic", []Task{seq(w(x, 1), f(BeforeAtomic), inc(0, y, Void)), seq(inc(0, y, Relaxed), f(AfterAtomic), r(1, x))}, nil, mp, "NNN", 3},
	{"MP+after_atomic+before_atomic", []Task{seq(w(x, 1), f(AfterAtomic), inc(0, y, Void)), seq(inc(0, y, Relaxed), f(BeforeAtomic), r(1, x))}, nil, mp, "NNS", 4},
	// Store buffering.
	{"SB+mb+po", []Task{seq(w(x, 1), f(Mb), r(0, y)), seq(w(y, 1), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+wmb+rmb", []Task{seq(w(x, 1), f(Wmb), r(0, y)), seq(w(y, 1), f(Rmb), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+rel+acq", []Task{seq(rel(x), acq(0, y)), seq(rel(y), acq(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+xchgs", []Task{seq(xchg(1, x, 1, Full), r(0, y)), seq(xchg(1, y, 1, Full), r(0, x))}, nil, sbRes, "NNN", 3},
	{"SB+xchgs_relaxed", []Task{seq(xchg(1, x, 1, Relaxed), r(0, y)), seq(xchg(1, y, 1, Relaxed), r(0, x))}, nil, sbRes, "NNS", 4},
	{"SB+atomic_incs", []Task{seq(inc(1, x, Void), r(0, y)), seq(inc(1, y, Void), r(0, x))}, nil, sbRes, "NNS", 4},
	{"SB+atomic_incs+after_atomic", []Task{seq(inc(1, x, Void), f(AfterAtomic), r(0, y)), seq(inc(1, y, Void), f(AfterAtomic), r(0, x))}, nil, sbRes, "NNN", 3},
	{"SB+after_srcu_read_unlock", []Task{seq(w(x, 1), f(AfterSRCUReadUnlock), r(0, y)), seq(w(y, 1), f(AfterSRCUReadUnlock), r(0, x))}, nil, sbRes, "NNS", 4},
	{"SB+synchronize_rcus", []Task{seq(w(x, 1), f(SyncRCU), r(0, y)), seq(w(y, 1), f(SyncRCU), r(0, x))}, nil, sbRes, "NNN", 3},
	{"SB+locks", []Task{seq(lock(l), w(x, 1), unlock(l), r(0, y)), seq(lock(m), w(y, 1), unlock(m), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+after_spinlock", []Task{seq(w(x, 1), lock(l), f(AfterSpinlock), r(0, y), unlock(l)), seq(w(y, 1), lock(m), f(AfterSpinlock), r(0, x), unlock(m))}, nil, sbRes, "NNN", 3},
	{"SB+lock", []Task{seq(w(x, 1), lock(l), r(0, y), unlock(l)), seq(w(y, 1), lock(m), r(0, x), unlock(m))}, nil, sbRes, "NNS", 4},
	// Load buffering.
	{"LB+mb+po", []Task{seq(r(0, x), f(Mb), w(y, 1)), seq(r(0, y), w(x, 1))}, nil, lbRes, "NNS", 4},
	{"LB+data+data", []Task{copyTo(0, x, y, 1, Once, Once), copyTo(0, y, x, 1, Once, Once)}, nil, "0:0=1 1:0=2", "NNN", 3},
	{"LB+data+po", []Task{copyTo(0, x, y, 0, Once, Once), seq(r(0, y), w(x, 1))}, nil, lbRes, "NNS", 0},
	{"LB+ctrls", []Task{when(0, x, Once, w(y, 1)), when(0, y, Once, w(x, 1))}, nil, lbRes, "NNN", 1},
	{"LB+ctrl+po", []Task{when(0, x, Once, w(y, 1)), seq(r(0, y), w(x, 1))}, nil, lbRes, "NNS", 0},
	{"LB+after-if", []Task{seq(when(0, x, Once), w(y, 1)), seq(r(0, y), f(Mb), w(x, 1))}, nil, lbRes, "NNS", 4},
	{"LB+rels", []Task{seq(r(0, x), rel(y)), seq(r(0, y), rel(x))}, nil, lbRes, "NNN", 3},
	{"LB+xchgs_relaxed", []Task{seq(r(0, x), xchg(1, y, 1, Relaxed)), seq(r(0, y), xchg(1, x, 1, Relaxed))}, nil, lbRes, "NNS", 4},
	{"LB+incs", []Task{seq(inc(0, x, Relaxed), w(y, 1)), seq(r(0, y), w(x, 5))}, nil, "0:0=5 1:0=1", "NNS", 0},
	{"3.LB+data+po+po", []Task{copyTo(0, x, y, 0, Once, Once), seq(r(0, y), w(z, 1)), seq(r(0, z), w(x, 1))}, nil, "0:0=1 1:0=1 2:0=1", "NNS", 0},
	// Stores against stores.
	{"2+2W", []Task{seq(w(x, 1), w(y, 2)), seq(w(y, 1), w(x, 2))}, nil, "x=1 y=1", "NNS", 4},
	{"2+2W+wmbs", []Task{seq(w(x, 1), f(Wmb), w(y, 2)), seq(w(y, 1), f(Wmb), w(x, 2))}, nil, "x=1 y=1", "NNS", 4},
	{"2+2W+mbs", []Task{seq(w(x, 1), f(Mb), w(y, 2)), seq(w(y, 1), f(Mb), w(x, 2))}, nil, "x=1 y=1", "NNN", 3},
	{"R+wmb+mb", []Task{seq(w(x, 1), f(Wmb), w(y, 1)), seq(w(y, 2), f(Mb), r(0, x))}, nil, "y=2 1:0=0", "NNS", 4},
	{"S+wmb+data", []Task{seq(w(x, 2), f(Wmb), w(y, 1)), copyTo(0, y, x, 0, Once, Once)}, nil, "x=2 1:0=1", "NNN", 0},
	{"S+wmb+ctrl", []Task{seq(w(x, 2), f(Wmb), w(y, 1)), when(0, y, Once, w(x, 1))}, nil, "x=2 1:0=1", "NNN", 0},
	{"S+rel+po", []Task{seq(w(x, 2), rel(y)), seq(r(0, y), w(x, 1))}, nil, "x=2 1:0=1", "NNS", 4},
	// Stores that reach some CPUs before others.
	{"WRC+data+addr", []Task{w(x, 1), copyTo(0, x, y, 0, Once, Once), seq(r(0, y), f(Rmb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNS", 0},
	{"WRC+mb+rmb", []Task{w(x, 1), seq(r(0, x), f(Mb), w(y, 1)), seq(r(0, y), f(Rmb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNN", 7},
	{"WRC+wmb+rmb", []Task{w(x, 1), seq(r(0, x), f(Wmb), w(y, 1)), seq(r(0, y), f(Rmb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNS", 8},
	{"IRIW+acqs", []Task{w(x, 1), seq(acq(0, x), r(1, y)), w(y, 1), seq(acq(0, y), r(1, x))}, nil, "1:0=1 1:1=0 3:0=1 3:1=0", "NNS", 16},
	{"IRIW+acqs+acqs", []Task{w(x, 1), seq(acq(0, x), acq(1, y)), w(y, 1), seq(acq(0, y), acq(1, x))}, nil, "1:0=1 1:1=0 3:0=1 3:1=0", "NNS", 16},
	{"RWC+mbs", []Task{w(x, 1), seq(r(0, x), f(Mb), r(1, y)), seq(w(y, 1), f(Mb), r(0, x))}, nil, "1:0=1 1:1=0 2:0=0", "NNN", 7},
	{"RWC+acq+mb", []Task{w(x, 1), seq(acq(0, x), r(1, y)), seq(w(y, 1), f(Mb), r(0, x))}, nil, "1:0=1 1:1=0 2:0=0", "NNS", 8},
	{"W+RWC+rel+acq+mb", []Task{seq(w(x, 1), rel(y)), seq(acq(0, y), r(1, z)), seq(w(z, 1), f(Mb), r(0, x))}, nil, "1:0=1 1:1=0 2:0=0", "NNS", 8},
	{"ISA2+wmb+data+rmb", []Task{seq(w(x, 1), f(Wmb), w(y, 1)), copyTo(0, y, z, 0, Once, Once), seq(r(0, z), f(Rmb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNS", 0},
	{"ISA2+rel+mb+rmb", []Task{seq(w(x, 1), rel(y)), seq(r(0, y), f(Mb), w(z, 1)), seq(r(0, z), f(Rmb), r(1, x))}, nil, "1:0=1 2:0=1 2:1=0", "NNN", 7},
	// Release sequences.
	{"MP+rel+rmw+acq", []Task{seq(w(x, 1), rel(y)), inc(0, y, Relaxed), seq(acq(0, y), r(1, x))}, nil, "1:0=1 2:0=2 2:1=0", "NNN", 0},
	{"MP+rel+store+acq", []Task{seq(w(x, 1), rel(y)), seq(r(0, y), w(y, 2)), seq(acq(0, y), r(1, x))}, nil, "1:0=1 2:0=2 2:1=0", "NNS", 0},
	// Locks.
	{"lock-excludes", []Task{seq(lock(l), inc2(0, x), unlock(l)), seq(lock(l), inc2(0, x), unlock(l))}, nil, "x=1", "NNN", 1},
	{"trylock-excludes", []Task{tryInc, tryInc}, nil, "0:0=1 1:0=1 x=1", "NNN", 0},
	{"trylock-fails", []Task{tryInc, tryInc}, nil, "0:0=1 1:0=0 x=1", "SSS", 0},
	{"Z6.0+lock+after_unlock_lock+mb", []Task{seq(lock(l), w(x, 1), w(y, 1), unlock(l)), seq(lock(l), f(AfterUnlockLock), r(0, y), w(z, 1), unlock(l)), seq(w(z, 2), f(Mb), r(0, x))}, nil, "1:0=1 z=2 2:0=0", "NNN", 7},
	{"self-deadlock", []Task{seq(lock(l), lock(l))}, nil, "x=0", "NNN", 0},
	{"ABBA", []Task{seq(lock(l), lock(m), w(x, 1), unlock(m), unlock(l)), seq(lock(m), lock(l), w(x, 2), unlock(l), unlock(m))}, nil, "x=1", "SSS", 2},
	// Grace periods.
	{"SB+rcu+sync", []Task{seq(rcuLock, w(x, 1), r(0, y), rcuUnlock), seq(w(y, 1), f(SyncRCU), r(0, x))}, nil, sbRes, "NNN", 3},
	{"SB+rcu+mb", []Task{seq(rcuLock, w(x, 1), r(0, y), rcuUnlock), seq(w(y, 1), f(Mb), r(0, x))}, nil, sbRes, "NSS", 4},
	{"3.SB+rcu+rcu+sync", []Task{seq(rcuLock, w(x, 1), r(0, y), rcuUnlock), seq(rcuLock, w(y, 1), r(0, z), rcuUnlock), seq(w(z, 1), f(SyncRCU), r(0, x))}, nil, ring3, "NSS", 8},
	{"3.SB+rcu+rcu+sync-sync", []Task{seq(rcuLock, w(x, 1), r(0, y), rcuUnlock), seq(rcuLock, w(y, 1), r(0, z), rcuUnlock), seq(w(z, 1), f(SyncRCU), f(SyncRCU), r(0, x))}, nil, ring3, "NNN", 7},
	{"3.SB+rcu+sync+sync", []Task{seq(rcuLock, w(x, 1), r(0, y), rcuUnlock), seq(w(y, 1), f(SyncRCU), r(0, z)), seq(w(z, 1), f(SyncRCU), r(0, x))}, nil, ring3, "NNN", 7},
	{"LB+rcu+sync", []Task{seq(rcuLock, r(0, x), w(y, 1), rcuUnlock), seq(r(0, y), f(SyncRCU), w(x, 1))}, nil, lbRes, "NNN", 3},
	{"RCU-nested", []Task{seq(rcuLock, r(0, x), rcuLock, rcuUnlock, r(1, y), rcuUnlock), seq(w(x, 1), f(SyncRCU), w(y, 1))}, nil, "0:0=0 0:1=1", "NNN", 3},
	{"RCU-two-sections", []Task{seq(rcuLock, r(0, x), rcuUnlock, rcuLock, r(1, y), rcuUnlock), seq(w(x, 1), f(SyncRCU), w(y, 1))}, nil, "0:0=0 0:1=1", "SSS", 4},
	{"SB+srcu+sync", []Task{srcu(w(x, 1), r(0, y)), seq(w(y, 1), syncSRCU(s), r(0, x))}, nil, sbRes, "NNN", 3},
	{"SB+srcu+sync-other-domain", []Task{srcu(w(x, 1), r(0, y)), seq(w(y, 1), syncSRCU(v), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+rcu+sync_srcu", []Task{seq(rcuLock, w(x, 1), r(0, y), rcuUnlock), seq(w(y, 1), syncSRCU(s), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SB+srcu+sync_rcu", []Task{srcu(w(x, 1), r(0, y)), seq(w(y, 1), f(SyncRCU), r(0, x))}, nil, sbRes, "NSS", 4},
	{"SRCU-passed-on", []Task{func(c *Core) {
		idx := c.SRCULock(Addr(s))
		c.Store(Addr(z), idx, Once)
		r(0, x)(c)
		c.Store(Addr(v), Const(1), Release)
	}, func(c *Core) {
		acq(0, v)(c)
		r(1, y)(c)
		c.SRCUUnlock(Addr(s), c.Load(Addr(z), Once))
	}, seq(w(x, 1), syncSRCU(s), w(y, 1))}, nil, "0:0=0 1:0=1 1:1=1", "NNN", 0},
}

func inc2(reg, loc int) Task {
	return func(c *Core) {
		v := c.Load(Addr(loc), Plain)
		c.Set(reg, v)
		c.Store(Addr(loc), add(v, 1), Plain)
	}
}

func tryInc(c *Core) {
	got := c.TryLock(Addr(l))
	c.Set(0, got)
	if c.If(got) {
		inc2(1, x)(c)
		c.Unlock(Addr(l))
	}
}

func TestClassics(t *testing.T) { litmusVerdicts(t, classics) }

// races are programs of plain accesses, and whether the model flags a data race.
var races = []struct {
	name  string
	tasks []Task
	race  bool
}{
	{"two stores", []Task{plainW(x, 1), plainW(x, 2)}, true},
	{"two counters", []Task{seq(plainW(x, 1), plainR(0, x)), seq(plainW(y, 1), plainR(0, y))}, false},
	{"two loads", []Task{plainR(0, x), plainR(0, x)}, false},
	{"plain store, marked load", []Task{plainW(x, 1), r(0, x)}, true},
	{"marked store, marked load", []Task{w(x, 1), r(0, x)}, false},
	{"under a lock", []Task{seq(lock(l), plainW(x, 1), unlock(l)), seq(lock(l), plainR(0, x), unlock(l))}, false},
	{"under two locks", []Task{seq(lock(l), plainW(x, 1), unlock(l)), seq(lock(m), plainR(0, x), unlock(m))}, true},
	{"published", []Task{seq(plainW(x, 1), rel(y)), when(0, y, Acquire, plainR(1, x))}, false},
	{"published with barriers", []Task{seq(plainW(x, 1), f(Wmb), w(y, 1)), when(0, y, Once, f(Rmb), plainR(1, x))}, false},
	{"published without", []Task{seq(plainW(x, 1), w(y, 1)), when(0, y, Acquire, plainR(1, x))}, true},
	{"read after a branch only", []Task{seq(plainW(x, 1), rel(y)), when(0, y, Once, plainR(1, x))}, true},
	{"written after a branch", []Task{seq(plainR(0, x), rel(y)), when(0, y, Once, plainW(x, 1))}, true},
	{"written after a branch and an acquire", []Task{seq(plainR(0, x), rel(y)), when(0, y, Acquire, plainW(x, 1))}, false},
	{"written on both sides of grace periods", []Task{seq(plainW(x, 1), f(SyncRCU), r(0, y)), func(c *Core) {
		w(y, 1)(c)
		c.Fence(SyncRCU)
		plainR(0, x)(c)
	}}, true},
	{"written without a branch", []Task{seq(plainR(0, x), rel(y)), seq(acq(0, y), plainW(x, 1))}, true},
	{"read under RCU", []Task{seq(rcuLock, plainR(0, x), rcuUnlock), seq(f(SyncRCU), plainW(x, 1))}, true},
	{"freed after a grace period", []Task{seq(rcuLock, func(c *Core) {
		p := c.Load(Addr(y), Once)
		if c.If(p) {
			plainR(0, x)(c)
		}
	}, rcuUnlock), seq(w(y, 0), f(SyncRCU), plainW(x, 2))}, false},
}

func TestRaces(t *testing.T) {
	for _, test := range races {
		t.Run(test.name, func(t *testing.T) {
			p := Program{Tasks: test.tasks, Locations: locations}
			if test.name == "freed after a grace period" {
				p.Init = map[int]int64{y: 1}
			}
			race := false
			cover, err := Explore(p, Options{Model: LKMM, LoadBuffering: true}, func(s *State) { race = race || s.Race })
			if err != nil || cover.Executions == 0 {
				t.Fatal(cover, err)
			}
			if race != test.race {
				t.Errorf("race %v, want %v", race, test.race)
			}
		})
	}
}
