package memory

// op is what a task does at a node of its tree.
type op uint8

const (
	opEnd op = iota
	opError
	opLoad
	opStore
	opRMW
	opLock
	opUnlock
	opTryLock
	opIsLocked
	opRCULock
	opRCUUnlock
	opSyncRCU
	opSRCULock
	opSRCUUnlock
	opSyncSRCU
)

// branches reports whether the task goes on differently for different stores that
// the operation reads from.
func (o op) branches() bool {
	switch o {
	case opLoad, opRMW, opTryLock, opIsLocked, opSRCULock:
		return true
	}
	return false
}

// reads reports whether the operation has to read from some store.
func (o op) reads() bool { return o == opLock || o.branches() }

// fences says how far back barriers reach from an event: each field is a number of
// events of the task, counted from its start, that lie before the last barrier of
// the kind. A barrier orders a prefix, so nothing more need be known of it.
type fences struct {
	mb, rmb, wmb uint8
	gp           uint8 // before the last synchronize_rcu or synchronize_srcu
	unlockLock   uint8 // before the last smp_mb__after_unlock_lock
	tso          uint8 // before the last barrier of x86, or up to the last locked operation
}

// node is one operation of a task with all that led to it: the values that the loads
// before it returned. The nodes of a task form a tree, for a task is a function of
// these values, and the tree is all that exploration needs to know of the task.
type node struct {
	op     op
	access Access
	order  Order
	loc    int
	first  int // the place of its first event in the task
	verb   int // which verb of the task it is
	fences fences
	// The loads on which address, value and execution depend.
	addr, data, ctrl uint64
	value            int64  // what a store writes
	partner          int    // of rcu_read_unlock: the event of its rcu_read_lock, or -1
	message          string // of an error
	regs             []int64
	regDeps          []uint64 // the loads on which the registers depend

	next  *node  // unless the operation branches
	edges []edge // if it does

	from []origin // the loads on which the value of a store depends
	path []int64  // the values read before it
	rank int      // see table

	// What the task may still do from here on, this operation included, as sets of
	// locations.
	stores, unlocks uint64
	stored          map[int][]prediction
	unlocked        map[int]uint64
}

// edge leads on from an operation that read a value.
type edge struct {
	value  int64
	writes bool   // an RMW succeeded
	new    int64  // and wrote this
	data   uint64 // which depends on these loads
	from   []origin
	rank   int    // see table
	r, w   fences // of its two events
	next   *node
}

// origin is a load whose value flowed into a store.
type origin struct {
	loc   int
	value int64
}

// edge returns the edge for a value, or nil if there is none yet.
func (n *node) edge(v int64) *edge {
	for i := range n.edges {
		if n.edges[i].value == v {
			return &n.edges[i]
		}
	}
	return nil
}

// storesBefore is like stores, but up to where the task takes a lock.
func (n *node) storesBefore(lock int) uint64 {
	if n == nil || n.stores == 0 {
		return 0
	}
	if all, ok := n.unlocked[lock]; ok {
		return all
	}
	var all uint64
	takes := n.loc == lock && (n.op == opLock || n.op == opTryLock)
	switch {
	case n.stores == ^uint64(0):
		all = n.stores
	case n.op == opLock && takes:
	case n.op == opStore, n.op == opSRCUUnlock, n.op == opLock, n.op == opUnlock:
		all = 1<<n.loc | n.next.storesBefore(lock)
	default:
		all = n.next.storesBefore(lock)
		for _, e := range n.edges {
			if e.writes && takes {
				continue
			}
			if e.writes {
				all |= 1 << n.loc
			}
			all |= e.next.storesBefore(lock)
		}
	}
	if n.unlocked == nil {
		n.unlocked = map[int]uint64{}
	}
	n.unlocked[lock] = all
	return all
}
