package sim

import (
	"maps"
	"math"
	"sync"
	"sync/atomic"
)

// ids gives out the numbers of tasks and objects. The n-th task that a task
// spawns, and the n-th object that it makes, has one number on all machines that
// share an ids, so that what one of them has found out about its steps means the
// same on another. They share what they have learnt
// of the program, too. It is the only part of a machine that several goroutines
// use: a machine asks it once for each task and object, and remembers the answer.
type ids struct {
	mu             sync.Mutex
	tasks, objects []made
	task, object   map[made]int32

	// known is replaced as a whole when one of the machines learns something.
	known atomic.Pointer[facts]
}

// made says who made a task or an object, and which one of them it is.
type made struct {
	by TaskID
	n  int32
}

func newIDs() *ids {
	s := &ids{
		tasks: make([]made, 1), objects: make([]made, 1), // the setup, and no object
		task: map[made]int32{}, object: map[made]int32{},
	}
	s.known.Store(&facts{habits: &habits{}})
	return s
}

// facts is what machines have learnt of their program: what they do not watch
// until they know that it matters.
type facts struct {
	// awaited are the words whose value somebody waits for.
	awaited map[ObjID]bool
	// loops says of the places where a task has gone round a loop without
	// looking at anything new whether it would do so for ever.
	loops map[uint64]verdict
	// trials are those that concern more than one execution.
	trials map[uint64]bool
	// polled says that somebody asks how far grace periods are.
	polled bool
	// ordered are the locks whose sections are not taken for one step, habits
	// what is known of the sections of the others, see Machine.LockAware.
	ordered map[ObjID]bool
	habits  *habits
	// steps are the reasons for which the steps are not those that there would
	// be. A schedule names them, so that its steps can be counted by a machine
	// that has yet to learn of them.
	steps reasons
}

// reasons is a set of reasons to take other steps: with tasksWork tasks end with a
// step, as they may be given work by others, with tasksSpin a task is blocked that
// goes round a loop, with tasksRetry also if it changes something, and with the others the regions of code that a flavour of RCU
// waits for begin and end with a step.
type reasons uint16

const (
	tasksWork reasons = 1 << iota
	tasksSpin
	tasksRetry
	firstOfRegions
)

// stepsOf is the reason for which the regions of f have steps.
func stepsOf(f flavour) reasons { return firstOfRegions << f }

func (r reasons) has(s reasons) bool { return r&s != 0 }

// reasonNames are the names of the reasons in a schedule.
var reasonNames = append([]string{"task_work", "spin", "retry"}, flavourNames[:]...)

// learn adds to the facts.
func (s *ids) learn(add func(*facts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.known.Load()
	f := *old
	f.awaited, f.loops, f.trials = map[ObjID]bool{}, map[uint64]verdict{}, map[uint64]bool{}
	maps.Copy(f.awaited, old.awaited)
	maps.Copy(f.loops, old.loops)
	maps.Copy(f.trials, old.trials)
	add(&f)
	s.known.Store(&f)
}

// Known is how many things the machine and its siblings have learnt of their
// program that concern all of its executions, see [Outcome.Learnt].
func (m *Machine) Known() int {
	f := m.ids.known.Load()
	n := len(f.awaited) + len(f.trials) + flag(f.polled)
	for i := range reasonNames {
		n += flag(f.steps.has(1 << i))
	}
	return n
}

// enterPlace is [habits.enterPlace], one machine at a time.
func (s *ids) enterPlace(h *habits, p place) ObjID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.enterPlace(p)
}

// enterShape is [habits.enterShape], one machine at a time.
func (s *ids) enterShape(h *habits, uses []sectionUse) ObjID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.enterShape(uses)
}

func (s *ids) ofTask(by TaskID, n int) TaskID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return TaskID(number(&s.tasks, s.task, made{by, int32(n)}))
}

func (s *ids) ofObject(by TaskID, n int) ObjID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ObjID(number(&s.objects, s.object, made{by, int32(n)}))
}

func number(list *[]made, index map[made]int32, m made) int32 {
	id, ok := index[m]
	if !ok {
		id = int32(len(*list))
		*list = append(*list, m)
		index[m] = id
	}
	return id
}

// Names is the meaning of the numbers that a machine and its siblings have given
// out: for each task and each object who made it and which one it was. It is for
// files that outlive the process.
type Names struct {
	Tasks   [][2]int `json:"tasks"`
	Objects [][2]int `json:"objects"`
}

// Names returns the meaning of the numbers given out so far.
func (m *Machine) Names() Names {
	m.ids.mu.Lock()
	defer m.ids.mu.Unlock()
	return Names{pairs(m.ids.tasks), pairs(m.ids.objects)}
}

func pairs(list []made) [][2]int {
	p := make([][2]int, len(list))
	for i, m := range list {
		p[i] = [2]int{int(m.by), int(m.n)}
	}
	return p
}

// Adopt has the machine, which has not run yet, give out the same numbers as the
// one whose names these are. It returns false if they are not such names.
func (m *Machine) Adopt(n Names) bool {
	s := newIDs()
	for i, p := range n.Tasks {
		if i > 0 && p[0] >= i {
			return false // its parent came later
		}
	}
	ok := adopt(&s.tasks, s.task, n.Tasks, len(n.Tasks)) && adopt(&s.objects, s.object, n.Objects, len(n.Tasks))
	if ok {
		m.ids = s
		for len(m.tasks) < len(n.Tasks) {
			m.tasks = append(m.tasks, nil)
		}
	}
	return ok
}

// adopt gives out the numbers of pairs again, the first of which stands for none.
func adopt(list *[]made, index map[made]int32, pairs [][2]int, tasks int) bool {
	for i, p := range pairs {
		by, n := p[0], p[1]
		switch {
		case i == 0:
		case by < 0 || by >= tasks || n < -math.MaxInt8 || n > math.MaxInt32:
			return false
		case number(list, index, made{TaskID(by), int32(n)}) != int32(i):
			return false // a name twice
		}
	}
	return true
}
