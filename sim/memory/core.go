package memory

import "fmt"

// Task is one task of a program: a function of the values that its loads return.
// It is run again and again from the start, and left in the middle of a verb when
// a value is not known yet, so it must be deterministic, share no Go memory with
// other tasks, and not recover from panics.
type Task func(c *Core)

// Core is the handle through which a task reaches memory.
type Core struct {
	tree   *tree
	slot   **node  // where the next operation belongs
	values []int64 // what the loads return
	read   int     // how many of them have been used
	loads  [maxEvents]origin

	fences   fences
	events   int    // so far
	ctrl     uint64 // the loads on which what runs now depends
	rcu      []int  // the events of the sections that are open
	verbs    int
	before   int // events before the last smp_mb__before_atomic
	lastRMW  int // events up to the last RMW
	lastLock int // events up to the last lock taken
	lastSRCU int // events up to the last srcu_read_unlock
	regs     []int64
	regDeps  []uint64 // the loads on which they depend
}

// stopped unwinds a task that has reached a load whose value is not known yet.
type stopped struct{}

// Load reads the location at addr.
func (c *Core) Load(addr Value, a Access) Value {
	n := c.enter(opLoad, addr)
	n.access = a
	return c.readValue(n)
}

// Store writes v to the location at addr.
func (c *Core) Store(addr, v Value, a Access) {
	n := c.enter(opStore, addr)
	n.access, n.value, n.data, n.from = a, v.n, v.deps, c.origins(v)
	c.leave(n, 1)
}

// RMW reads the location at addr and replaces the value with what f makes of it, in
// one. If f returns false, as in a cmpxchg that fails, it only reads, and orders
// nothing outside of TSO. It returns the value read.
func (c *Core) RMW(addr Value, o Order, f func(old Value) (Value, bool)) Value {
	n := c.enter(opRMW, addr)
	n.order = o
	n.fences.mb = max(n.fences.mb, uint8(c.before))
	e, old := c.branch(n)
	v, writes := f(old)
	e.writes, e.new, e.data, e.from = writes, v.n, v.deps, c.origins(v)
	e.r, e.w = n.fences, n.fences
	size := 1
	if writes {
		size = 2
		if o == Full {
			e.r.mb, e.w.mb = uint8(n.first), uint8(n.first)
		}
	}
	c.fences = n.fences
	c.events += size
	if writes && o == Full {
		c.fences.mb = uint8(c.events)
	}
	c.fences.tso = uint8(c.events)
	c.lastRMW = c.events
	return old
}

// Fence executes a barrier.
func (c *Core) Fence(f Fence) {
	c.insert()
	c.fence(f)
}

// fence notes how far a barrier reaches.
func (c *Core) fence(f Fence) {
	here := uint8(c.events)
	switch f {
	case Mb:
		c.fences.mb, c.fences.tso = here, here
	case Wmb:
		c.fences.wmb = here
	case Rmb:
		c.fences.rmb = here
	case BeforeAtomic:
		c.before = c.events
	case AfterAtomic:
		c.fences.mb = max(c.fences.mb, uint8(c.lastRMW))
	case AfterSpinlock:
		c.fences.mb = max(c.fences.mb, uint8(c.lastLock))
	case AfterUnlockLock:
		c.fences.unlockLock = here
	case AfterSRCUReadUnlock:
		c.fences.mb = max(c.fences.mb, uint8(c.lastSRCU))
		c.fences.tso = here
	case SyncRCU:
		c.sync(opSyncRCU, Addr(0))
	}
}

// If records a control dependency of all that follows on v, and returns v != 0. The
// model knows control dependencies only inside of the arms of an if: take
// Control before and hand it to EndIf after the last arm.
func (c *Core) If(v Value) bool {
	c.ctrl |= v.deps
	return v.n != 0
}

// Control is the set of loads on which the code that runs now depends by control.
type Control struct{ deps uint64 }

// Control returns the control dependencies now, for EndIf.
func (c *Core) Control() Control { return Control{c.ctrl} }

// EndIf ends the arms of an if: what follows depends by control on what it did when
// Control was called.
func (c *Core) EndIf(before Control) { c.ctrl = before.deps }

// Lock takes a spin lock. It waits while another task holds it.
func (c *Core) Lock(addr Value) {
	n := c.enter(opLock, addr)
	c.leave(n, 2)
	c.locked()
}

// Unlock releases a spin lock.
func (c *Core) Unlock(addr Value) {
	n := c.enter(opUnlock, addr)
	c.leave(n, 1)
}

// TryLock takes a spin lock if it is seen free. The result, 1 or 0, depends on the
// load of the lock.
func (c *Core) TryLock(addr Value) Value {
	n := c.enter(opTryLock, addr)
	e, got := c.branch(n)
	e.writes = got.n != 0
	e.r, e.w = n.fences, n.fences
	c.events++
	if e.writes {
		c.events++
		c.locked()
	}
	return got
}

// locked notes that a lock was taken.
func (c *Core) locked() {
	c.lastLock = c.events
	c.fences.tso = uint8(c.events)
}

// IsLocked reports whether a spin lock is seen taken, as 1 or 0.
func (c *Core) IsLocked(addr Value) Value { return c.readValue(c.enter(opIsLocked, addr)) }

// RCULock is rcu_read_lock. It nests.
func (c *Core) RCULock() {
	n := c.enter(opRCULock, Addr(0))
	c.rcu = append(c.rcu, n.first)
	c.leave(n, 1)
}

// RCUUnlock is rcu_read_unlock.
func (c *Core) RCUUnlock() {
	n := c.enter(opRCUUnlock, Addr(0))
	n.partner = -1
	if last := len(c.rcu) - 1; last >= 0 {
		n.partner = c.rcu[last]
		c.rcu = c.rcu[:last]
	}
	c.leave(n, 1)
}

// SRCULock is srcu_read_lock or srcu_down_read on the domain at addr. Its value is
// to be handed to SRCUUnlock, by this task or by another one.
func (c *Core) SRCULock(addr Value) Value { return c.readValue(c.enter(opSRCULock, addr)) }

// SRCUUnlock is srcu_read_unlock or srcu_up_read on the domain at addr.
func (c *Core) SRCUUnlock(addr, idx Value) {
	n := c.enter(opSRCUUnlock, addr)
	n.value, n.data = idx.n, idx.deps
	c.leave(n, 1)
	c.lastSRCU = c.events
}

// SyncSRCU is synchronize_srcu on the domain at addr.
func (c *Core) SyncSRCU(addr Value) {
	c.insert()
	c.sync(opSyncSRCU, addr)
}

// sync waits for a grace period.
func (c *Core) sync(o op, addr Value) {
	n := c.operation(o, addr)
	n.fences.gp, n.fences.tso = uint8(n.first), uint8(n.first)
	c.leave(n, 1)
	c.fences.gp, c.fences.tso = uint8(n.first), uint8(c.events)
}

// Set records the value of a register for the final state. Registers are numbered
// by the task from 0.
func (c *Core) Set(reg int, v Value) {
	for len(c.regs) <= reg {
		c.regs, c.regDeps = append(c.regs, 0), append(c.regDeps, 0)
	}
	c.regs[reg], c.regDeps[reg] = v.n, v.deps
}

// readValue is the rest of an operation that only reads.
func (c *Core) readValue(n *node) Value {
	e, v := c.branch(n)
	e.r = n.fences
	c.events++
	return v
}

// insert executes the barrier that Explain tries before this verb, if there is one.
func (c *Core) insert() {
	for _, extra := range c.tree.extra {
		if extra.verb == c.verbs {
			c.fence(extra.fence)
		}
	}
	c.verbs++
}

// enter begins an operation: it returns its node, made when it is reached for the
// first time.
func (c *Core) enter(o op, addr Value) *node {
	c.insert()
	return c.operation(o, addr)
}

func (c *Core) operation(o op, addr Value) *node {
	loc, ok := Loc(addr.n)
	switch {
	case !ok || loc >= c.tree.locations:
		c.fail(fmt.Sprintf("address %d is not that of a location", addr.n))
	case c.events+2 > maxEvents:
		c.fail(fmt.Sprintf("more than %d events in a task", maxEvents))
	}
	n := c.node()
	if n.op != opEnd && (n.op != o || n.loc != loc) {
		c.fail("the task does not do the same when its loads return the same")
	}
	n.op, n.loc, n.addr, n.ctrl = o, loc, addr.deps, c.ctrl
	n.fences, n.first, n.verb = c.fences, c.events, c.verbs-1
	return n
}

// node returns the node at which the task stands.
func (c *Core) node() *node {
	if *c.slot == nil {
		*c.slot = c.tree.grow(c.values[:c.read])
	}
	return *c.slot
}

// leave goes on after an operation that does not branch.
func (c *Core) leave(n *node, size int) {
	c.events += size
	c.slot = &n.next
}

// branch goes on after an operation that read a value, or stops the task where no
// more values are known.
func (c *Core) branch(n *node) (*edge, Value) {
	if c.read == len(c.values) {
		panic(stopped{})
	}
	v := c.values[c.read]
	c.read++
	e := n.edge(v)
	if e == nil {
		n.edges = append(n.edges, edge{value: v})
		e = &n.edges[len(n.edges)-1]
	}
	c.slot = &e.next
	c.loads[n.first] = origin{n.loc, v}
	return e, Value{v, 1 << n.first}
}

// origins are the loads that a value depends on.
func (c *Core) origins(v Value) []origin {
	var all []origin
	for deps := set(v.deps); deps != 0; {
		all = append(all, c.loads[deps.take()])
	}
	return all
}

// fail ends the task with an error, which counts if an execution gets there.
func (c *Core) fail(message string) {
	n := c.node()
	n.op, n.message = opError, message
	panic(stopped{})
}
