package sim

import (
	"maps"
	"slices"
)

// A search that does not care in which order critical sections come that commute
// takes each of them for one step (Machine.LockAware): the lock is then free
// whenever somebody asks for it, and does not make the sections depend on each
// other. What they do does: the step has all the uses of the code between lock and
// unlock, and of the code behind up to the next step.
//
// The idea is that of LAPOR (Kokologiannakis, Raad and Vafeiadis, "Effective Lock
// Handling in Stateless Model Checking", OOPSLA 2019); the reason why it may be done
// is Lipton's ("Reduction", CACM 1975). In a section of which at most one step can
// conflict with anything that goes on at the same time, what comes before that step
// might as well come later, and what comes behind might as well come earlier. So
// each execution is equivalent to one in which nobody is interrupted in a section.
// It may be done with a lock that is a mutex or a spinlock,
//
//   - that is taken by nothing but lock and released by unlock, and that nobody
//     looks at or tries to take;
//   - in whose sections nobody asks for another, waits, or chooses a value;
//   - in each of whose sections at most one step uses, apart from plain data,
//     something that another task uses without the lock, in modes that conflict.
//
// Plain data does not count: who changes it during the section is in a data race.
// Whether that is so the machine can tell, whichever of the sections came first,
// because a lock whose sections are steps gives no order by itself: a section is
// ordered after those that it conflicts with, as only these must come before it. So
// the machine sees races that are there in another order of the sections only; who
// has asked for LockAware must look whether a machine without it sees them too, and
// do without if not.
//
// All that is learnt: every lock is taken to be fit, and the first execution that
// shows one to be unfit is given up, see Outcome.Learnt.

// section is the one under way. As nobody else goes on during it, there is one at
// a time. It lasts until the next step after the unlock.
type section struct {
	k    *K
	lock *Object // nil after the unlock
	step int     // number of the step in the section
	uses []sectionUse

	after []afterSection // by ObjID
	// What has been entered into the habits of known before.
	known  *facts
	places map[place]bool
	shapes map[uint64]bool
}

// place is where and how something other than plain data is used: by which task,
// and under which lock, 0 if it is none whose sections are steps.
type place struct {
	obj, lock ObjID
	task      TaskID
	mode      Mode
}

// sectionUse is a use in a section, in the step of that number.
type sectionUse struct {
	place
	step int
}

// afterSection is what a section learns when it uses an object that others under
// the same lock have used: the clocks of all of them, and of those that changed it.
type afterSection struct {
	lock        ObjID
	used, wrote clock
}

func (s *section) reset(known *facts) {
	s.k, s.lock, s.uses = nil, nil, s.uses[:0]
	for i := range s.after {
		a := &s.after[i]
		a.lock, a.used, a.wrote = 0, a.used[:0], a.wrote[:0]
	}
	if s.known != known {
		s.known, s.places, s.shapes = known, map[place]bool{}, map[uint64]bool{}
	}
}

// initSections says of a new lock whether its sections are steps.
func (k *K) initSections(o *Object) {
	o.loose = k.m.LockAware && !k.m.retries && !k.m.known.ordered[o.id]
	k.orderedBy(o, asLock)
}

// lockStep is the step that takes a lock when it is free.
func (k *K) lockStep(op Op, o *Object) {
	if k.inSection() {
		k.m.keepOrdered(k.m.section.lock)
	}
	if !o.loose || k.setup {
		k.StepWait(op, o, Write, free)
		return
	}
	k.Step(op, o, Add)
	if o.allow&free == 0 {
		k.m.keepOrdered(o) // its holder has ended, or is the setup
	}
}

// unlockStep is the step that makes a lock free.
func (k *K) unlockStep(op Op, o *Object) {
	s := &k.m.section
	if k.setup || s.k != k || s.lock != o {
		k.Step(op, o, Write)
		return
	}
	k.publishSection()
	k.Step(op, o, Add)
	s.lock = nil
}

// inSection says that k is between lock and unlock, and that this is one step.
func (k *K) inSection() bool { return k.m.section.lock != nil && k.m.section.k == k }

// openSection is called in the step that takes a lock, before it uses it.
func (k *K) openSection(o *Object) {
	s := &k.m.section
	s.k, s.lock, s.step, s.uses = k, o, 0, s.uses[:0]
}

// stayInSection says whether the step about to be taken belongs to the section under
// way. If not, that is over.
func (m *Machine) stayInSection() bool {
	s := &m.section
	if s.lock != nil {
		s.step++
		return true
	}
	if lock := m.closeSection(); lock != 0 {
		m.learn(ordering(lock))
	}
	return false
}

// mustNotWait gives up a section in which the pending step of k has no place.
func (k *K) mustNotWait() {
	if p := &k.pending; p.wait != 0 || p.cpu != 0 || p.choices != 0 {
		k.m.keepOrdered(k.m.section.lock)
	}
}

// keepOrdered gives the execution up: from now on the sections of the lock are no
// steps.
func (m *Machine) keepOrdered(lock *Object) { m.learn(ordering(lock.id)) }

func ordering(lock ObjID) func(f *facts) {
	return func(f *facts) {
		f.ordered = maps.Clone(f.ordered)
		if f.ordered == nil {
			f.ordered = map[ObjID]bool{}
		}
		f.ordered[lock] = true
		f.habits = &habits{}
	}
}

// usesInSection notes that the step being taken uses o.
func (m *Machine) usesInSection(o *Object, mode Mode) {
	m.learnFromSections(o, mode)
	if o.life != nil {
		m.notePlace(o.life.o.id, Read)
	}
	if !o.loose {
		m.notePlace(o.id, mode)
	} else if mode != Add {
		m.keepOrdered(o)
	}
}

// usesPlain does so for plain data.
func (m *Machine) usesPlain(o *Object, mode Mode) {
	m.learnFromSections(o, mode)
	if o.life != nil {
		m.notePlace(o.life.o.id, Read)
	}
}

func (m *Machine) notePlace(o ObjID, mode Mode) {
	s := &m.section
	p := place{obj: o, task: m.events[len(m.events)-1].Task, mode: mode}
	if s.lock != nil {
		p.lock = s.lock.id
	}
	if s.k != nil {
		s.uses = append(s.uses, sectionUse{p, s.step})
	}
	if lock := m.placeIsUsed(p); lock != 0 {
		m.learn(ordering(lock))
	}
}

// placeIsUsed returns a lock that turns out to be unfit, or 0.
func (m *Machine) placeIsUsed(p place) ObjID {
	s := &m.section
	if s.places[p] {
		return 0
	}
	s.places[p] = true
	return m.ids.enterPlace(m.known.habits, p)
}

// closeSection ends the section under way, if there is one, and returns its lock if
// that turns out to be unfit, or 0.
func (m *Machine) closeSection() ObjID {
	s := &m.section
	if s.k == nil {
		return 0
	}
	s.k, s.lock = nil, nil
	if len(s.uses) == 0 || s.uses[0].step == s.uses[len(s.uses)-1].step {
		return 0
	}
	h := uint64(0)
	for _, u := range s.uses {
		h = mix(mix(h, uint64(u.obj)<<32|uint64(u.lock)), uint64(u.step)<<40|uint64(u.mode)<<32|uint64(u.task))
	}
	if s.shapes[h] {
		return 0
	}
	s.shapes[h] = true
	return m.ids.enterShape(m.known.habits, slices.Clone(s.uses))
}

// closeSections is called at the end of an execution. What tasks were about to do
// counts as well.
func (m *Machine) closeSections() {
	if !m.LockAware || m.outcome.Learnt {
		return
	}
	lock := m.closeSection()
	for _, k := range m.live {
		if o := k.pending.obj; k.asks && o != nil && !o.loose {
			lock = max(lock, m.placeIsUsed(place{obj: o.id, task: k.id, mode: k.pending.mode}))
			if o.life != nil {
				lock = max(lock, m.placeIsUsed(place{obj: o.life.o.id, task: k.id, mode: Read}))
			}
		}
	}
	if lock != 0 {
		m.startOver(ordering(lock))
	}
}

// publishSection lets later sections that conflict with the one under way come
// after it.
func (k *K) publishSection() {
	m := k.m
	lock := m.section.lock.id
	for _, a := range m.accesses[m.events[len(m.events)-1].first:] {
		if a.Obj == lock {
			continue
		}
		for len(m.section.after) <= int(a.Obj) {
			m.section.after = append(m.section.after, afterSection{})
		}
		s := &m.section.after[a.Obj]
		if s.lock != lock {
			s.lock, s.used, s.wrote = lock, s.used[:0], s.wrote[:0]
		}
		s.used = s.used.join(k.clock)
		if a.Mode != Read {
			s.wrote = s.wrote.join(k.clock)
		}
	}
}

// learnFromSections orders the section under way, which uses o, after those before
// it that conflict with it.
func (m *Machine) learnFromSections(o *Object, mode Mode) {
	s := &m.section
	if s.lock == nil || int(o.id) >= len(s.after) || s.after[o.id].lock != s.lock.id {
		return
	}
	if mode == Read {
		s.k.clock = s.k.clock.join(s.after[o.id].wrote)
	} else {
		s.k.clock = s.k.clock.join(s.after[o.id].used)
	}
}

// habits is what is known of the sections of a program.
type habits struct {
	places map[ObjID][]place
	shapes [][]sectionUse
}

// Habits is what the machine and its siblings know of the critical sections of their
// program, see Machine.LockAware. It is for files that outlive the process, as
// [Names] are.
type Habits struct {
	// Places are objects that are used, each with the lock whose section that is in, 0
	// for none, the task, and the mode.
	Places [][4]int `json:"places,omitempty"`
	// Sections are the uses in sections: places with the numbers of the steps.
	Sections [][][5]int `json:"sections,omitempty"`
}

// Habits returns what is known so far.
func (m *Machine) Habits() Habits {
	m.ids.mu.Lock()
	defer m.ids.mu.Unlock()
	var all Habits
	h := m.ids.known.Load().habits
	of := func(p place) [4]int { return [4]int{int(p.obj), int(p.lock), int(p.task), int(p.mode)} }
	for _, o := range slices.Sorted(maps.Keys(h.places)) {
		for _, p := range h.places[o] {
			all.Places = append(all.Places, of(p))
		}
	}
	for _, s := range h.shapes {
		var uses [][5]int
		for _, u := range s {
			p := of(u.place)
			uses = append(uses, [5]int{p[0], p[1], p[2], p[3], u.step})
		}
		all.Sections = append(all.Sections, uses)
	}
	return all
}

// AdoptHabits has the machine know what the one knew whose habits these are. Its
// numbers must have been adopted before.
func (m *Machine) AdoptHabits(all Habits) {
	h := &habits{places: map[ObjID][]place{}}
	of := func(p []int) place {
		return place{obj: ObjID(p[0]), lock: ObjID(p[1]), task: TaskID(p[2]), mode: Mode(p[3])}
	}
	for _, p := range all.Places {
		h.places[ObjID(p[0])] = append(h.places[ObjID(p[0])], of(p[:]))
	}
	for _, s := range all.Sections {
		var uses []sectionUse
		for _, u := range s {
			uses = append(uses, sectionUse{of(u[:4]), u[4]})
		}
		h.shapes = append(h.shapes, uses)
	}
	m.ids.learn(func(f *facts) { f.habits = h })
}

// enterPlace returns the lock of a section that the place makes unfit to be a step,
// or 0.
func (h *habits) enterPlace(p place) ObjID {
	if slices.Contains(h.places[p.obj], p) {
		return 0
	}
	if h.places == nil {
		h.places = map[ObjID][]place{}
	}
	h.places[p.obj] = append(h.places[p.obj], p)
	for _, s := range h.shapes {
		if slices.ContainsFunc(s, func(u sectionUse) bool { return u.obj == p.obj }) && h.unfit(s) {
			return s[0].lock
		}
	}
	return 0
}

// enterShape does so for what was used in a section.
func (h *habits) enterShape(uses []sectionUse) ObjID {
	h.shapes = append(h.shapes, uses)
	if h.unfit(uses) {
		return uses[0].lock
	}
	return 0
}

// unfit says whether more than one step of a section can conflict with what goes on
// at the same time.
func (h *habits) unfit(uses []sectionUse) bool {
	first := -1
	for _, u := range uses {
		if h.exposed(u.place) {
			if first >= 0 && u.step != first {
				return true
			}
			first = u.step
		}
	}
	return false
}

// exposed says whether a use conflicts with one of another task that the lock does
// not keep out.
func (h *habits) exposed(p place) bool {
	return slices.ContainsFunc(h.places[p.obj], func(q place) bool {
		return q.task != p.task && q.mode.Conflicts(p.mode) && (p.lock == 0 || q.lock != p.lock)
	})
}
