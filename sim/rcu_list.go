package sim

import "iter"

// RCUHList is a list whose readers need no lock: struct hlist_head with the verbs
// of include/linux/rculist.h. Each load and each store of a pointer to the next
// node is a step, so readers run beside an updater. Updaters keep each other out
// with a lock of their own, which the race detector holds them to.
type RCUHList[T any] struct{ first RCUPointer[RCUHNode[T]] }

// RCUHNode is struct hlist_node. It lies in the object that it puts on a list.
type RCUHNode[T any] struct {
	next  RCUPointer[RCUHNode[T]]
	pprev Cell[*RCUPointer[RCUHNode[T]]] // what points here; nil on no list
	entry *T
}

// Init is INIT_HLIST_HEAD(), with a name for traces.
func (l *RCUHList[T]) Init(k *K, name string) { l.first.Init(k, name+".first", nil) }

// Init is INIT_HLIST_NODE() for the node of entry, with a name for traces.
func (n *RCUHNode[T]) Init(k *K, name string, entry *T) {
	n.next.Init(k, name+".next", nil)
	n.pprev.Init(k, name+".pprev")
	n.entry = entry
}

// In places the node inside an allocation.
func (n *RCUHNode[T]) In(life *Life) {
	n.next.In(life)
	n.pprev.In(life)
}

// AddHead is hlist_add_head_rcu().
func (l *RCUHList[T]) AddHead(k *K, n *RCUHNode[T]) {
	first := l.first.load(k, opRCUAccess)
	n.next.Assign(k, first)
	n.pprev.Set(k, &l.first)
	l.first.Assign(k, n)
	if first != nil {
		first.pprev.Set(k, &n.next)
	}
}

// AddTail is hlist_add_tail_rcu().
func (l *RCUHList[T]) AddTail(k *K, n *RCUHNode[T]) {
	at := &l.first
	for next := at.load(k, opRCUAccess); next != nil; next = at.load(k, opRCUAccess) {
		at = &next.next
	}
	n.next.Assign(k, nil)
	n.pprev.Set(k, at)
	at.Assign(k, n)
}

// Del is hlist_del_rcu(): readers that are at the node find their way on, so it may
// be freed only after a grace period.
func (l *RCUHList[T]) Del(k *K, n *RCUHNode[T]) {
	at := n.listed(k)
	next := n.next.load(k, opRCUAccess)
	at.Assign(k, next)
	if next != nil {
		next.pprev.Set(k, at)
	}
	n.pprev.Set(k, nil)
}

// Replace is hlist_replace_rcu(): every reader finds either old or n.
func (l *RCUHList[T]) Replace(k *K, old, n *RCUHNode[T]) {
	at := old.listed(k)
	next := old.next.load(k, opRCUAccess)
	n.next.Assign(k, next)
	n.pprev.Set(k, at)
	at.Assign(k, n)
	if next != nil {
		next.pprev.Set(k, &n.next)
	}
	old.pprev.Set(k, nil)
}

// listed is what points to a node; the kernel would have followed a poisoned
// pointer if it is on no list.
func (n *RCUHNode[T]) listed(k *K) *RCUPointer[RCUHNode[T]] {
	at := n.pprev.Get(k)
	if at == nil {
		k.Fail(&Violation{Kind: Oops, Subject: n.next.o.name + " is on no list"})
	}
	return at
}

// Empty is hlist_empty().
func (l *RCUHList[T]) Empty(k *K) bool { return l.first.Access(k) == nil }

// All is hlist_for_each_entry_rcu(): the entries one after another, for a reader of
// any kind that a spinlock can be, and where the condition holds.
func (l *RCUHList[T]) All(k *K, condition bool) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		if !condition && !k.RCUReadLockAnyHeld() && !k.setup && !k.m.aborting {
			k.suspicious("RCU-list traversed in non-reader section!")
		}
		for n := l.first.load(k, opRCUDerefRaw); n != nil && yield(n.entry); {
			n = n.next.load(k, opRCUDerefRaw)
		}
	}
}
