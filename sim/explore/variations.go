package explore

import (
	"slices"
	"sync"
	"sync/atomic"

	"trapline/sim"
)

// variations remembers what each step uses beyond what is known of it before it
// is taken. That may be something else in another place of an execution; the
// searches depend on knowing all that it may be. A step is taken to use whatever it
// was ever seen to use. If it turns out to use something else as well, the search
// begins anew: whoever was wrong to take two steps for independent of each other has
// visited an execution that shows it. All workers of a search share one.
type variations struct {
	// some are the kinds of steps that use more than is known, varying those of
	// which the same step has been seen to use something else, and wild those that
	// have done so too often to count on anything.
	some, varying, wild growing[sim.Op]
	// joint are objects additions to which are taken to conflict, see byLast.
	joint growing[sim.ObjID]
	grown atomic.Bool // there is something new
	// unsure says that some step does not use all of what it is taken to use.
	unsure atomic.Bool
	exact  exact

	mu    sync.Mutex
	extra map[stepKey][]touch // all that it was seen to use
	// trusted are steps that were taken to use nothing more before they were seen.
	trusted map[stepKey]bool
	growths map[sim.Op]int
	surveys uint64 // executions that were only drawn to learn from
}

// surveyed is how many executions are drawn to see what steps may use besides,
// before a search begins anew.
const surveyed = 64

// survey draws executions and learns what their steps use: what the search would
// come upon late, it then knows from the beginning. They are not counted.
func (s *search) survey(v *variations) error {
	p, m := pos{}, s.machine
	for range surveyed {
		p.begin(v.surveys)
		v.surveys++
		if m.Run(s.program, sim.StrategyFunc(p.Choose)).Learnt { // the lesson is the schedule
			s.learning = append(s.learning, lesson{schedule: m.Schedule(), aware: m.LockAware})
			return errLearnt
		}
		o := order{variations: v, fatal: -1}
		o.follow(m)
	}
	return nil
}

// mostGrowths is how often a kind of step may turn out to use something else before
// nothing is expected of it any more. Each time the search begins anew.
const mostGrowths = 8

// stepKey says which step of a task it is.
type stepKey struct {
	task   sim.TaskID
	number int32
	choice int16
	op     sim.Op
	obj    sim.ObjID
}

func newVariations() *variations {
	v := &variations{extra: map[stepKey][]touch{}, trusted: map[stepKey]bool{}, growths: map[sim.Op]int{}}
	v.exact.seen = map[uint64]outcome{}
	return v
}

// learn takes in what a step uses. The first known of the uses were known.
func (v *variations) learn(key stepKey, known int, uses []sim.Access) {
	if !v.unsure.Load() && (len(uses) > known || slices.ContainsFunc(uses, func(u sim.Access) bool { return u.Follows })) {
		v.unsure.Store(true)
	}
	uses = v.beside(uses[known:])
	if len(uses) == 0 && !v.some.has(key.op) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.some.add(key.op)
	before, seen := v.extra[key]
	all := before
	for _, u := range uses {
		if t := (touch{u.Obj, u.Mode}); !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	more := len(all) > len(before)
	if more || !seen {
		v.extra[key] = all
	}
	switch {
	case !seen:
		more = more && v.trusted[key]
	case !v.varying.has(key.op):
		more = more || !covers(uses, before)
	}
	if !more || v.wild.has(key.op) {
		return
	}
	v.varies(key.op, v.growths[key.op]+1)
	v.grown.Store(true)
}

// beside leaves out of some uses those that a step makes as the last of those who add
// to an object. Whether it does is known, see byLast.
func (v *variations) beside(uses []sim.Access) []sim.Access {
	apart := func(u sim.Access) bool { return u.Last && !v.joint.has(u.Obj) }
	if !slices.ContainsFunc(uses, apart) {
		return uses
	}
	var left []sim.Access
	last := false
	for _, u := range uses {
		if u.Last {
			last = apart(u)
		}
		if !last || !u.Last && !u.ByLast {
			left = append(left, u)
		}
	}
	return left
}

// join makes additions to an object conflict.
func (v *variations) join(o sim.ObjID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.joint.add(o)
	v.grown.Store(true)
}

// varies notes how often a kind of steps has turned out to use something else.
func (v *variations) varies(op sim.Op, growths int) {
	v.varying.add(op)
	v.growths[op] = growths
	if growths > mostGrowths {
		v.wild.add(op)
	}
}

// covers says whether uses has all of some.
func covers(uses []sim.Access, some []touch) bool {
	for _, t := range some {
		if !slices.ContainsFunc(uses, func(u sim.Access) bool { return u.Obj == t.obj && u.Mode == t.mode }) {
			return false
		}
	}
	return true
}

// expect returns what a step may use beyond what is known. It returns false if that
// may be anything.
func (v *variations) expect(key stepKey) ([]touch, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, seen := v.extra[key]
	return all, seen && !v.wild.has(key.op)
}

// trust notes that a step is taken to use nothing more than what is known.
func (v *variations) trust(key stepKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trusted[key] = true
}

// growing is a set that grows. Reading it needs no lock.
type growing[T sim.Op | sim.ObjID] struct{ set atomic.Pointer[[]bool] }

func (s *growing[T]) has(x T) bool {
	set := s.set.Load()
	return set != nil && int(x) < len(*set) && (*set)[x]
}

// all calls f with each member, in their order.
func (s *growing[T]) all(f func(T)) {
	if set := s.set.Load(); set != nil {
		for x, in := range *set {
			if in {
				f(T(x))
			}
		}
	}
}

// add needs the lock of whoever has the set.
func (s *growing[T]) add(x T) {
	if s.has(x) {
		return
	}
	var set []bool
	if old := s.set.Load(); old != nil {
		set = slices.Clone(*old)
	}
	for int(x) >= len(set) {
		set = append(set, false)
	}
	set[x] = true
	s.set.Store(&set)
}
