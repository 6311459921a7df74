package explore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"trapline/sim"
)

// savedStates is where a search by states is.
type savedStates struct {
	Done bool `json:"done,omitempty"`
	// Of a shard: the depth of the division, and the leaves that are numbered.
	Depth  int           `json:"depth,omitempty"`
	Leaves int           `json:"leaves,omitempty"`
	Steps  []savedFuture `json:"steps"`
	Path   []savedPlace  `json:"path"`
	// Sets are the sets of steps that follow, and Entries the states that were seen,
	// in the form of packer.
	Sets    []byte `json:"sets"`
	Entries []byte `json:"entries"`
}

// savedFuture is a step that was seen: its task, what it uses (objects, modes and
// needs), the locks, and whether it broke a rule.
type savedFuture struct {
	Task  int      `json:"task"`
	Uses  [][3]int `json:"uses,omitempty"`
	Locks []int    `json:"locks,omitempty"`
	Fatal bool     `json:"fatal,omitempty"`
}

// savedPlace is a place of the path.
type savedPlace struct {
	Entry  int      `json:"entry"`
	Tasks  [][3]int `json:"tasks"` // with their marks and steps
	At     int      `json:"at"`
	Asleep [][2]int `json:"asleep,omitempty"`
	Choice [2]int   `json:"choice"` // of how many
	Future []byte   `json:"future"`
	Lowest int      `json:"lowest"`
	Full   bool     `json:"full,omitempty"`
	Cycle  bool     `json:"cycle,omitempty"`
}

const (
	entryAbove = 1 << iota
	entryCounts
)

// packer appends numbers, small ones in few bytes.
type packer []byte

func (p *packer) number(n int)  { *p = binary.AppendVarint(*p, int64(n)) }
func (p *packer) word(w uint64) { *p = binary.LittleEndian.AppendUint64(*p, w) }

func (p *packer) set(s set) {
	n := 0
	for range s.all() {
		n++
	}
	p.number(n)
	last := 0
	for i := range s.all() {
		p.number(i - last)
		last = i
	}
}

// unpacker reads what a packer has written.
type unpacker struct {
	from []byte
	err  error
}

var errPacked = errors.New("the states are cut off, or make no sense")

// number reads a number from 0 or -1, as least says, up to below the limit.
func (u *unpacker) number(least, limit int) int {
	n, size := binary.Varint(u.from)
	if size <= 0 || n < int64(least) || n >= int64(limit) {
		u.from, u.err = nil, errPacked
		return least
	}
	u.from = u.from[size:]
	return int(n)
}

func (u *unpacker) word() uint64 {
	if len(u.from) < 8 {
		u.from, u.err = nil, errPacked
		return 0
	}
	w := binary.LittleEndian.Uint64(u.from)
	u.from = u.from[8:]
	return w
}

// set reads a set of numbers below the limit.
func (u *unpacker) set(limit int) set {
	var s set
	n := 0
	for range u.number(0, limit+1) {
		n += u.number(0, limit-n)
		s = s.with(n)
	}
	return s
}

// save notes where the search is.
func (w *stateSearch) save(c *checkpoint) {
	s := &savedStates{Done: w.done, Steps: []savedFuture{}, Path: []savedPlace{}}
	c.States, c.Outline = s, w.outline.save()
	if w.crown.depth >= 0 {
		s.Depth, s.Leaves = w.crown.depth, w.crown.numbered()
	}
	for i := range w.futures.steps {
		f := &w.futures.steps[i]
		saved := savedFuture{Task: int(f.task), Fatal: f.fatal}
		for _, a := range f.uses {
			saved.Uses = append(saved.Uses, [3]int{int(a.Obj), int(a.Mode), int(a.Need)})
		}
		for _, l := range f.locks {
			saved.Locks = append(saved.Locks, int(l))
		}
		s.Steps = append(s.Steps, saved)
	}
	for i := range w.path {
		x := &w.path[i]
		saved := savedPlace{
			Entry: int(x.entry), At: x.at, Choice: [2]int{int(x.choice), int(x.choices)}, Lowest: int(x.lowest), Full: x.full, Cycle: x.cycle,
		}
		for n, t := range x.tasks {
			saved.Tasks = append(saved.Tasks, [3]int{int(t), int(x.marks[n]), x.steps[n]})
		}
		for _, a := range x.asleep {
			saved.Asleep = append(saved.Asleep, [2]int{int(a.task), a.step})
		}
		(*packer)(&saved.Future).set(x.future)
		s.Path = append(s.Path, saved)
	}
	for _, all := range w.futures.sets {
		(*packer)(&s.Sets).set(all)
	}
	p := (*packer)(&s.Entries)
	for i := range w.entries {
		e := &w.entries[i]
		p.word(e.key)
		marks := 0
		if e.above {
			marks |= entryAbove
		}
		if e.counts {
			marks |= entryCounts
		}
		p.number(marks)
		p.set(e.asleep)
		p.number(i - int(e.root))
		p.number(int(e.future))
		p.number(i - int(e.parent))
		p.number(int(e.task))
		p.number(int(e.choice))
	}
}

// resume goes on where the search was. It returns an error if it cannot have been
// there.
func (w *stateSearch) resume(s *savedStates, names *sim.Names) error {
	w.crown.leaves = s.Leaves
	for i, saved := range s.Steps {
		f := future{task: sim.TaskID(saved.Task), fatal: saved.Fatal}
		known := below(saved.Task, len(names.Tasks))
		for _, u := range saved.Uses {
			known = known && below(u[0], len(names.Objects)) && below(u[1], int(sim.Add)+1) && below(u[2], math.MaxUint16+1)
			f.uses = append(f.uses, sim.Access{Obj: sim.ObjID(u[0]), Mode: sim.Mode(u[1]), Need: sim.Wait(u[2])})
		}
		for _, l := range saved.Locks {
			known = known && below(l, len(names.Objects))
			f.locks = append(f.locks, sim.ObjID(l))
		}
		if !known || w.futures.number(&f) != i {
			return fmt.Errorf("there is no step %v", saved)
		}
	}
	steps := len(s.Steps)
	u := unpacker{from: s.Sets}
	for i := 0; len(u.from) > 0; i++ {
		if w.futures.keep(u.set(steps)) != int32(i) {
			return errPacked
		}
	}
	for n := range s.Path {
		x, err := s.Path[n].place(n, names, steps)
		if err != nil {
			return err
		}
		w.path = append(w.path, x)
	}
	if err := w.resumeEntries(s.Entries, names); err != nil || u.err != nil {
		return cmp.Or(err, u.err)
	}
	for n := range w.path {
		e := int(w.path[n].entry)
		if e >= len(w.entries) || w.entries[e].open >= 0 || n > 0 && int(w.path[n-1].entry) >= e {
			return fmt.Errorf("there is no place %d", n)
		}
		w.entries[e].open = int32(n)
	}
	for i := range w.entries {
		if e := &w.entries[i]; e.open < 0 && int(e.root) == i && int(e.future) >= len(w.futures.sets) {
			return errPacked
		}
	}
	w.resumes = len(w.path) > 0
	return nil
}

// resumeEntries reads the states that were seen, of which none is on the path so far.
func (w *stateSearch) resumeEntries(from []byte, names *sim.Names) error {
	u := unpacker{from: from}
	for i := 0; len(u.from) > 0; i++ {
		e := entry{key: u.word(), next: -1, open: -1}
		seen := w.seen
		marks := u.number(0, 2*entryCounts)
		e.above, e.counts = marks&entryAbove != 0, marks&entryCounts != 0
		if e.above {
			seen = w.above
		}
		e.asleep = u.set(len(names.Tasks))
		e.root = int32(i - u.number(0, i+1))
		e.future = int32(u.number(0, len(w.futures.sets)+1))
		e.parent = int32(i - u.number(1, i+2))
		e.task, e.choice = sim.TaskID(u.number(0, len(names.Tasks))), int16(u.number(0, math.MaxInt16+1))
		if last, ok := seen[e.key]; ok {
			e.next = last
		}
		seen[e.key] = int32(i)
		w.entries = append(w.entries, e)
	}
	return u.err
}

// place is the n-th place of the path that was saved.
func (s *savedPlace) place(n int, names *sim.Names, steps int) (place, error) {
	u := unpacker{from: s.Future}
	x := place{
		entry: int32(s.Entry), at: s.At, choice: int16(s.Choice[0]), choices: int16(s.Choice[1]), future: u.set(steps),
		lowest: int32(s.Lowest), full: s.Full, cycle: s.Cycle,
	}
	known := u.err == nil && below(s.Entry, math.MaxInt32) && below(s.At, len(s.Tasks)) && below(s.Lowest, n+1) &&
		below(s.Choice[1], math.MaxInt16+1) && below(s.Choice[0], max(s.Choice[1], 1))
	for _, t := range s.Tasks {
		known = known && t[0] > 0 && below(t[0], len(names.Tasks)) && below(t[1], int(slept)+1) && below(t[2]+1, steps+1)
		x.tasks, x.marks, x.steps = append(x.tasks, sim.TaskID(t[0])), append(x.marks, mark(t[1])), append(x.steps, t[2])
	}
	for _, a := range s.Asleep {
		known = known && below(a[0], len(names.Tasks)) && below(a[1], steps)
		x.asleep = append(x.asleep, sleeper{sim.TaskID(a[0]), a[1]})
	}
	if !known {
		return x, fmt.Errorf("there is no place %d", n)
	}
	return x, nil
}

// check refuses what no such search can have saved, as far as that can be seen without
// one; resume refuses the rest.
func (s *savedStates) check() error {
	if min(s.Depth, s.Leaves) < 0 || s.Done && len(s.Path) > 0 {
		return errPacked
	}
	return nil
}
