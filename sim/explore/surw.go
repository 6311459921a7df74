package explore

import (
	"slices"

	"trapline/sim"
)

// surw is the selectively uniform random walk (Zhao, Wolff, Mathur and
// Roychoudhury, "Selectively Uniform Concurrency Testing", ASPLOS 2025). Of each
// execution some steps are of interest, and every order of those is to be equally
// likely: the task that takes the next one is drawn with the number of those that
// it, and the tasks that it is still to spawn, have left as its weight. The others
// wait before theirs. All other steps are a uniform walk.
//
// The steps of interest are those that use an object over which tasks conflict:
// any such object in every other execution, and in the rest one that is drawn. How
// many of them a task takes is the most of an execution of the profile; where that
// is exact and nothing blocks, so is the uniformity. Uses that turn out only as a
// step is taken do not count. Values of choices are drawn uniformly.
type surw struct {
	draw
	profile []profileStep // until it ends
	parents []sim.TaskID  // by TaskID
	// selections are the sets of objects that make a step interesting: the
	// first has all, the others one each.
	selections []selection

	// Of this execution.
	selected *selection
	intended sim.TaskID   // takes the next step of interest, 0 if it is to be drawn
	seen     []sim.TaskID // the tasks that could go on at some time
	total    int          // of their weights
	tasks    []surwTask   // by TaskID
	options  []int
	uses     []sim.Access
}

// profileStep is a step of the profile with what was known of it.
type profileStep struct {
	run  int
	task sim.TaskID
	uses []sim.Access
}

// selection is a set of objects with the number of steps of each task that use
// one of them, those of the tasks that it spawns included.
type selection struct {
	objects []bool  // by ObjID
	weights []int32 // by TaskID
}

func (s *selection) has(o sim.ObjID) bool { return int(o) < len(s.objects) && s.objects[o] }

func (s *selection) interesting(uses []sim.Access) bool {
	for i := range uses {
		if s.has(uses[i].Obj) {
			return true
		}
	}
	return false
}

// surwTask is what is known of a task in this execution.
type surwTask struct {
	seen bool
	left int32 // steps of interest, by the estimate
	// weight is what it is drawn by, 0 before it is seen.
	weight int32
	// interesting says whether the pending step is one, if that is known.
	known, interesting bool
}

func (s *surw) learn(m *sim.Machine) {
	run := 0
	if n := len(s.profile); n > 0 {
		run = s.profile[n-1].run + 1
	}
	events := m.Events()
	for i := range events {
		e := &events[i]
		s.profile = append(s.profile, profileStep{run, e.Task, slices.Clone(m.Accesses(e)[:e.Known])})
	}
	for t := len(s.parents); t < m.Tasks(); t++ {
		s.parents = append(s.parents, m.Parent(sim.TaskID(t)))
	}
}

// learnt makes the selections.
func (s *surw) learnt() {
	whole := selection{}
	var shared []sim.ObjID // in the order of their first use, which every shard sees
	for i := range s.profile {
		for _, a := range s.profile[i].uses {
			if !slices.Contains(shared, a.Obj) && s.conflicts(a.Obj) {
				shared = append(shared, a.Obj)
				whole.add(a.Obj)
			}
		}
	}
	s.selections = append(s.selections, whole)
	for _, o := range shared {
		one := selection{}
		one.add(o)
		s.selections = append(s.selections, one)
	}
	for i := range s.selections {
		s.count(&s.selections[i])
	}
	s.profile = nil
}

func (s *selection) add(o sim.ObjID) {
	s.objects = append(s.objects, make([]bool, max(0, int(o)+1-len(s.objects)))...)
	s.objects[o] = true
}

// conflicts says whether different tasks use an object in ways that conflict.
func (s *surw) conflicts(o sim.ObjID) bool {
	type user struct {
		task sim.TaskID
		mode sim.Mode
	}
	var users []user
	for i := range s.profile {
		for _, a := range s.profile[i].uses {
			u := user{s.profile[i].task, a.Mode}
			if a.Obj != o || slices.Contains(users, u) {
				continue
			}
			for _, v := range users {
				if v.task != u.task && v.mode.Conflicts(u.mode) {
					return true
				}
			}
			users = append(users, u)
		}
	}
	return false
}

// count counts the steps of interest of each task.
func (s *surw) count(sel *selection) {
	sel.weights = make([]int32, len(s.parents))
	count, run := make([]int32, len(s.parents)), 0
	for i := range s.profile {
		p := &s.profile[i]
		if p.run != run {
			clear(count)
			run = p.run
		}
		if sel.interesting(p.uses) {
			count[p.task]++
			sel.weights[p.task] = max(sel.weights[p.task], count[p.task])
		}
	}
	for t := len(s.parents) - 1; t > 0; t-- { // children come after their parents
		sel.weights[s.parents[t]] += sel.weights[t]
	}
}

func (s *surw) begin(i uint64) {
	s.start(i)
	s.intended, s.total = 0, 0
	s.seen = s.seen[:0]
	clear(s.tasks)
	s.selected = &s.selections[0]
	if len(s.selections) > 1 && s.below(2) == 1 {
		s.selected = &s.selections[1+s.below(len(s.selections)-1)]
	}
	for t, n := range s.selected.weights {
		s.task(sim.TaskID(t)).left = n
	}
}

// Restart draws the same execution again.
func (s *surw) Restart() { s.begin(s.index) }

func (s *surw) task(t sim.TaskID) *surwTask {
	for int(t) >= len(s.tasks) {
		s.tasks = append(s.tasks, surwTask{})
	}
	return &s.tasks[t]
}

// Choose draws among the steps of no interest and the one of the intended task.
func (s *surw) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		return s.below(p.N)
	}
	for len(s.tasks) < m.Tasks() {
		s.tasks = append(s.tasks, surwTask{})
	}
	s.options = s.options[:0]
	for i, id := range p.Tasks {
		t := &s.tasks[id]
		if !t.known {
			s.look(m, id, t)
		}
		if !t.interesting {
			s.options = append(s.options, i)
		}
	}
	i := 0
	if p.N > 1 { // or whoever is intended, there is nothing to draw
		if len(s.options) < p.N {
			s.admit(p.Tasks)
		}
		i = s.options[0]
		if len(s.options) > 1 {
			i = s.options[s.below(len(s.options))]
		}
	}
	t := &s.tasks[p.Tasks[i]]
	t.known = false // the next step is another one
	if t.interesting {
		t.interesting = false
		t.left--
		s.weigh(t)
		s.intended = 0
	}
	return i
}

// look finds out whether the pending step of a task is of interest. A task that is new
// takes its steps out of the weight of the one that has spawned it.
func (s *surw) look(m *sim.Machine, id sim.TaskID, t *surwTask) {
	t.known = true
	if o := m.PendingOnly(id); o != 0 {
		t.interesting = s.selected.has(o)
	} else {
		s.uses = m.Pending(id, s.uses[:0])
		t.interesting = s.selected.interesting(s.uses)
	}
	if !t.seen {
		t.seen = true
		s.seen = append(s.seen, id)
		if parent := m.Parent(id); parent != 0 {
			s.tasks[parent].left -= t.left
			s.weigh(&s.tasks[parent])
		}
	} else if !t.interesting {
		return // its weight has been set
	}
	s.weigh(t)
}

// weigh sets the weight of a task that has been seen: the steps of interest that it
// has left. One that is about to take such a step has one at least.
func (s *surw) weigh(t *surwTask) {
	least := int32(0)
	if t.interesting {
		least = 1
	}
	w := max(t.left, least)
	if t.seen {
		s.total += int(w - t.weight)
		t.weight = w
	}
}

// admit adds the step of the intended task to the options, if it is of interest
// and can be taken. If there would be no option, another task is drawn among
// those that can go on.
func (s *surw) admit(tasks []sim.TaskID) {
	if s.intended == 0 && s.total > 0 {
		s.intended = s.weighted(s.seen, s.total)
	}
	i := slices.Index(tasks, s.intended)
	if i < 0 && len(s.options) == 0 {
		total := 0
		for _, t := range tasks {
			total += int(s.tasks[t].weight)
		}
		s.intended = s.weighted(tasks, total) // all are about to take a step of interest
		i = slices.Index(tasks, s.intended)
	}
	if i >= 0 && s.tasks[s.intended].interesting {
		s.options = append(s.options, i)
	}
}

// weighted draws a task by its weight.
func (s *surw) weighted(tasks []sim.TaskID, total int) sim.TaskID {
	x := s.below(total)
	for _, t := range tasks {
		if x -= int(s.tasks[t].weight); x < 0 {
			return t
		}
	}
	panic("explore: the weights have changed")
}
