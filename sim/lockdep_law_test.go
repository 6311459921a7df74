package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
)

// The laws of lockdep are held against a model of locks of its own, which knows
// nothing of classes and dependencies: it runs the tasks in every order and looks
// whether they come to an end.

// lockOp takes or leaves one of the locks of a model.
type lockOp struct {
	lock    int
	release bool
	read    bool
}

// lockKind is a family of locks.
type lockKind struct {
	take, leave [2]string // words of a script, by read
	readers     bool      // they can be shared
	queues      bool      // readers wait behind writers that wait
}

var (
	mutexes    = lockKind{[2]string{"m+", "m+"}, [2]string{"m-", "m-"}, false, false}
	spinlocks  = lockKind{[2]string{"s+", "s+"}, [2]string{"s-", "s-"}, false, false}
	rwlocks    = lockKind{[2]string{"w+", "r+"}, [2]string{"w-", "r-"}, true, false}
	semaphores = lockKind{[2]string{"W+", "R+"}, [2]string{"W-", "R-"}, true, true}
	percpus    = lockKind{[2]string{"PW+", "PR+"}, [2]string{"PW-", "PR-"}, true, true}
)

// lockProgram is what each task does, and the kinds of the locks.
type lockProgram struct {
	kinds []lockKind
	tasks [][]lockOp
}

func (p lockProgram) String() string {
	var tasks []string
	for _, ops := range p.tasks {
		var words []string
		for _, op := range ops {
			verb := p.kinds[op.lock].take
			if op.release {
				verb = p.kinds[op.lock].leave
			}
			words = append(words, verb[b2i(op.read)]+":"+letters[op.lock:op.lock+1])
		}
		tasks = append(tasks, strings.Join(words, " "))
	}
	return strings.Join(tasks, " | ")
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lockPrograms draws tasks that take up to three locks under each other, leave them
// in any order, and go on so.
func lockPrograms(kinds ...lockKind) *rapid.Generator[lockProgram] {
	return rapid.Custom(func(t *rapid.T) lockProgram {
		p := lockProgram{kinds: []lockKind{
			rapid.SampledFrom(kinds).Draw(t, "a"), rapid.SampledFrom(kinds).Draw(t, "b"), rapid.SampledFrom(kinds).Draw(t, "c"),
		}}
		for range rapid.IntRange(1, 3).Draw(t, "tasks") {
			var ops, held []lockOp
			for range rapid.IntRange(1, 7).Draw(t, "ops") {
				if len(held) > 0 && rapid.IntRange(0, 2).Draw(t, "leave") == 0 {
					i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
					ops = append(ops, held[i])
					held = slices.Delete(held, i, i+1)
					continue
				}
				op := lockOp{lock: rapid.IntRange(0, 2).Draw(t, "lock")}
				op.read = p.kinds[op.lock].readers && rapid.Bool().Draw(t, "read")
				ops = append(ops, op)
				op.release = true
				held = append(held, op)
			}
			p.tasks = append(p.tasks, append(ops, held...))
		}
		return p
	})
}

// lockState is a state of the model: how far each task is, who holds what and who
// waits for it, in the order of coming.
type lockState struct {
	at     []int
	writer []int // by lock, -1 if there is none
	reader []int // by lock, how many
	queue  [][]int
}

func (s lockState) clone() lockState {
	c := lockState{slices.Clone(s.at), slices.Clone(s.writer), slices.Clone(s.reader), make([][]int, len(s.queue))}
	for i := range s.queue {
		c.queue[i] = slices.Clone(s.queue[i])
	}
	return c
}

// hangs says whether the tasks can come to where somebody waits for ever. It gives
// up, and says no to ok, if there are too many states.
func (p lockProgram) hangs() (hangs, ok bool) {
	n := len(p.kinds)
	s := lockState{make([]int, len(p.tasks)), make([]int, n), make([]int, n), make([][]int, n)}
	for i := range s.writer {
		s.writer[i] = -1
	}
	seen := map[string]bool{}
	todo := []lockState{s}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		key := fmt.Sprint(s)
		if seen[key] {
			continue
		}
		seen[key] = true
		if len(seen) > 30_000 {
			return false, false
		}
		moved, left := false, false
		for t := range p.tasks {
			if s.at[t] == len(p.tasks[t]) {
				continue
			}
			left = true
			if next, ok := p.step(s, t); ok {
				moved = true
				todo = append(todo, next)
			}
		}
		if left && !moved {
			return true, true
		}
	}
	return false, true
}

// step is the next step of a task, unless it waits in a queue.
func (p lockProgram) step(s lockState, t int) (lockState, bool) {
	op := p.tasks[t][s.at[t]]
	l := op.lock
	if slices.Contains(s.queue[l], t) {
		return s, false
	}
	s = s.clone()
	switch {
	case op.release && op.read:
		s.reader[l]--
	case op.release:
		s.writer[l] = -1
	default:
		s.queue[l] = append(s.queue[l], t)
		p.serve(&s, l)
		return s, true
	}
	s.at[t]++
	p.serve(&s, l)
	return s, true
}

// serve lets in who can get in. Where nobody queues all orders of coming are tried,
// and so the first in the queue that can is as good as any.
func (p lockProgram) serve(s *lockState, l int) {
	for i := 0; i < len(s.queue[l]); {
		t := s.queue[l][i]
		read := p.tasks[t][s.at[t]].read
		if s.writer[l] >= 0 || !read && s.reader[l] > 0 {
			if p.kinds[l].queues {
				return
			}
			i++
			continue
		}
		if read {
			s.reader[l]++
		} else {
			s.writer[l] = t
		}
		s.at[t]++
		s.queue[l] = slices.Delete(s.queue[l], i, i+1)
		i = 0
	}
}

// pairs is the program in which each task takes only two locks, one under the
// other as somebody does in p; with a writer of each semaphore, as there may always
// be one. Everything that lockdep knows of p is in these pairs.
func (p lockProgram) pairs() lockProgram {
	pairs := lockProgram{kinds: p.kinds}
	var seen [][2]lockOp
	for _, ops := range p.tasks {
		var held []lockOp
		for _, op := range ops {
			if op.release {
				i := slices.IndexFunc(held, func(h lockOp) bool { return h.lock == op.lock && h.read == op.read })
				held = slices.Delete(held, i, i+1)
				continue
			}
			inside := func(h lockOp) bool {
				return h.lock == op.lock && h.read && op.read && !p.kinds[op.lock].queues
			}
			if !slices.ContainsFunc(held, inside) {
				for _, h := range held {
					if pair := [2]lockOp{h, op}; !slices.Contains(seen, pair) {
						seen = append(seen, pair)
						pairs.tasks = append(pairs.tasks, []lockOp{h, op, op.leave(), h.leave()})
					}
				}
			}
			held = append(held, op)
		}
	}
	for l, kind := range p.kinds {
		if kind.queues {
			op := lockOp{lock: l}
			pairs.tasks = append(pairs.tasks, []lockOp{op, op.leave()})
		}
	}
	return pairs
}

func (op lockOp) leave() lockOp {
	op.release = true
	return op
}

// flavours are the kinds of locks that can be taken under each other.
var flavours = map[string][]lockKind{
	"sleeping": {mutexes, semaphores, percpus},
	"spinning": {spinlocks, rwlocks},
	"mutexes":  {mutexes},
	"rwlocks":  {rwlocks},
}

// Where tasks can hang, lockdep says so in an execution in which they do not, in
// which they run one after the other.
func TestLockdepFindsWhatCanHang(t *testing.T) {
	for name, kinds := range flavours {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := lockPrograms(kinds...).Draw(t, "program")
				hangs, ok := p.hangs()
				v := sequential(p)
				if ok && hangs && v == nil {
					t.Errorf("%s: can hang, and lockdep is silent", p)
				}
			})
		})
	}
}

// Lockdep speaks if and only if tasks that take the same pairs of locks can hang.
func TestLockdepSpeaksOfWhatCanHang(t *testing.T) {
	for name, kinds := range flavours {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := lockPrograms(kinds...).Draw(t, "program")
				pairs := p.pairs()
				hangs, ok := pairs.hangs()
				if v := sequential(p); ok && hangs != (v != nil) {
					t.Errorf("%s: %v, and it can hang: %t\nthe pairs are %s", p, v, hangs, pairs)
				}
			})
		})
	}
}

// sequential is what lockdep says of a program whose tasks run one after the
// other.
func sequential(p lockProgram) *sim.Violation {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Run(script(p.String()), sim.Undisturbed)
	if v := o.Violation; v != nil && v.Kind != sim.LockOrder && v.Kind != sim.Recursive {
		panic(v)
	}
	return o.Violation
}
