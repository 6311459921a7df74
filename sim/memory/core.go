package memory

// Task is one task of a program: a function of the values that its loads return.
// It is run again and again from the start, and left in the middle of a verb when
// a value is not known yet, so it must be deterministic, share no Go memory with
// other tasks, and not recover from panics.
type Task func(c *Core)

// Core is the handle through which a task reaches memory.
type Core struct {
	ctrl uint64
}

// Load reads the location at addr.
func (c *Core) Load(addr Value, a Access) Value { return Value{} }

// Store writes v to the location at addr.
func (c *Core) Store(addr, v Value, a Access) {}

// RMW reads the location at addr and replaces the value with what f makes of it, in
// one. If f returns false, as in a cmpxchg that fails, it only reads, and orders
// nothing outside of TSO. It returns the value read.
func (c *Core) RMW(addr Value, o Order, f func(old Value) (Value, bool)) Value { return Value{} }

// Fence executes a barrier.
func (c *Core) Fence(f Fence) {}

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
func (c *Core) Lock(addr Value) {}

// Unlock releases a spin lock.
func (c *Core) Unlock(addr Value) {}

// TryLock takes a spin lock if it is seen free. The result, 1 or 0, depends on the
// load of the lock.
func (c *Core) TryLock(addr Value) Value { return Value{} }

// IsLocked reports whether a spin lock is seen taken, as 1 or 0.
func (c *Core) IsLocked(addr Value) Value { return Value{} }

// RCULock is rcu_read_lock. It nests.
func (c *Core) RCULock() {}

// RCUUnlock is rcu_read_unlock.
func (c *Core) RCUUnlock() {}

// SRCULock is srcu_read_lock or srcu_down_read on the domain at addr. Its value is
// to be handed to SRCUUnlock, by this task or by another one.
func (c *Core) SRCULock(addr Value) Value { return Value{} }

// SRCUUnlock is srcu_read_unlock or srcu_up_read on the domain at addr.
func (c *Core) SRCUUnlock(addr, idx Value) {}

// SyncSRCU is synchronize_srcu on the domain at addr.
func (c *Core) SyncSRCU(addr Value) {}

// Set records the value of a register for the final state. Registers are numbered
// by the task from 0.
func (c *Core) Set(reg int, v Value) {}
