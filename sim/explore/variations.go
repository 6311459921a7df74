package explore

import (
	"slices"
	"sync"
	"sync/atomic"

	"trapline/sim"
)

// variations remembers what each step uses beyond what is known of it before it
// is taken. That may be something else in another place of an execution; the
// searches depend on not having taken it to be the same. All workers of a search
// share one.
type variations struct {
	// some are the kinds of steps that use more than is known, varying those of
	// which the same step has been seen to use something else; grown says that
	// there is a new one.
	some, varying opSet
	grown         atomic.Bool

	mu    sync.Mutex
	extra map[stepKey][]sim.Access
}

// stepKey says which step of a task it is.
type stepKey struct {
	task   sim.TaskID
	number int32
	op     sim.Op
	obj    sim.ObjID
}

func newVariations() *variations { return &variations{extra: map[stepKey][]sim.Access{}} }

// learn compares what a step uses with what it used before. The first known of
// the uses were known.
func (v *variations) learn(key stepKey, known int, uses []sim.Access) {
	if len(uses) == known && !v.some.has(key.op) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.some.add(key.op)
	before, seen := v.extra[key]
	if !seen {
		v.extra[key] = slices.Clone(uses[known:])
		return
	}
	same := slices.EqualFunc(before, uses[known:], func(a, b sim.Access) bool { return a.Obj == b.Obj && a.Mode == b.Mode })
	if !same && !v.varying.has(key.op) {
		v.varying.add(key.op)
		v.grown.Store(true)
	}
}

// opSet is a set of kinds of steps that grows. Reading it needs no lock.
type opSet struct{ set atomic.Pointer[[]bool] }

func (s *opSet) has(op sim.Op) bool {
	set := s.set.Load()
	return set != nil && int(op) < len(*set) && (*set)[op]
}

// add needs the lock of whoever has the set.
func (s *opSet) add(op sim.Op) {
	if s.has(op) {
		return
	}
	var set []bool
	if old := s.set.Load(); old != nil {
		set = slices.Clone(*old)
	}
	for int(op) >= len(set) {
		set = append(set, false)
	}
	set[op] = true
	s.set.Store(&set)
}
