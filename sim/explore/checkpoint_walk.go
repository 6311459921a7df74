package explore

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"trapline/sim"
)

// savedWalk is where a search with a bound is.
type savedWalk struct {
	Bound   int      `json:"bound"`
	Path    [][3]int `json:"path"` // taken, options, and marks
	Refused bool     `json:"refused"`
	// Seen are the states, 16 bytes each: the hash, the task, and the preemptions
	// that were left.
	Seen []byte `json:"seen"`
	// Of a shard: the depth of the division, the leaves that are numbered, and the
	// states above them.
	Depth  int    `json:"depth,omitempty"`
	Leaves int    `json:"leaves,omitempty"`
	Above  []byte `json:"above,omitempty"`
}

const (
	branchRunning = 1 << iota
	branchTask
	seenSize = 16
)

// save notes where a search with a bound is.
func (w *boundedWalk) save(c *checkpoint) {
	s := &savedWalk{Bound: w.bound, Refused: w.refused, Path: [][3]int{}}
	c.Walk, c.Outline = s, w.outline.save()
	for _, b := range w.path {
		marks := 0
		if b.running {
			marks |= branchRunning
		}
		if b.choosesTask {
			marks |= branchTask
		}
		s.Path = append(s.Path, [3]int{b.taken, b.options, marks})
	}
	s.Seen = saveSeen(w.seen)
	if w.crown.depth >= 0 {
		s.Depth, s.Leaves, s.Above = w.crown.depth, w.crown.numbered(), saveSeen(w.above)
	}
}

func saveSeen(seen map[stateKey]int) []byte {
	saved := make([]byte, 0, seenSize*len(seen))
	for _, k := range slices.SortedFunc(maps.Keys(seen), func(a, b stateKey) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.running, b.running))
	}) {
		saved = binary.LittleEndian.AppendUint64(saved, k.hash)
		saved = binary.LittleEndian.AppendUint32(saved, uint32(k.running))
		saved = binary.LittleEndian.AppendUint32(saved, uint32(seen[k]))
	}
	return saved
}

// resume goes on where the search was, if it was saved.
func (w *boundedWalk) resume(s *search) {
	if s.resumed == nil {
		return
	}
	saved := s.resumed.Walk
	w.outline.resume(s.resumed.Outline)
	s.resumed = nil
	w.refused = saved.Refused
	for _, b := range saved.Path {
		w.path = append(w.path, branch{taken: b[0], options: b[1], running: b[2]&branchRunning != 0, choosesTask: b[2]&branchTask != 0})
	}
	w.crown.leaves = saved.Leaves
	readSeen(saved.Seen, w.seen)
	if w.above != nil {
		readSeen(saved.Above, w.above)
	}
}

func readSeen(saved []byte, seen map[stateKey]int) {
	for x := saved; len(x) > 0; x = x[seenSize:] {
		key := stateKey{hash: binary.LittleEndian.Uint64(x), running: sim.TaskID(binary.LittleEndian.Uint32(x[8:]))}
		seen[key] = int(binary.LittleEndian.Uint32(x[12:]))
	}
}
