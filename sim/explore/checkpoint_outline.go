package explore

import "errors"

// savedOutline is an outline: the executions, of each place when it was come to, the
// size of the first branch, how many came after it, and when the last one was turned
// into; and of each class of sizes its number, the later branches, and the sums of the
// sizes of first and of later branches.
type savedOutline struct {
	Executions int          `json:"executions"`
	Places     [][4]int     `json:"places"`
	Sizes      [][4]float64 `json:"sizes"`
}

// save notes what has been seen of the tree.
func (o *outline) save() *savedOutline {
	s := &savedOutline{Executions: o.executions, Places: [][4]int{}, Sizes: [][4]float64{}}
	for _, p := range o.places {
		s.Places = append(s.Places, [4]int{p.begun, p.first, p.later, p.turned})
	}
	for i, c := range o.sizes {
		if c.branches > 0 {
			s.Sizes = append(s.Sizes, [4]float64{float64(i), c.branches, c.first, c.later})
		}
	}
	return s
}

// resume goes on with what was seen, if that is known.
func (o *outline) resume(s *savedOutline) {
	*o = outline{}
	if s == nil {
		return
	}
	o.executions = s.Executions
	for _, p := range s.Places {
		o.places = append(o.places, outlined{begun: p[0], first: p[1], later: p[2], turned: p[3]})
	}
	for _, c := range s.Sizes {
		o.sizes[int(c[0])] = sizeClass{branches: c[1], first: c[2], later: c[3]}
	}
}

// mostSaved is more executions than there can have been.
const mostSaved = 1 << 53

// check refuses what cannot have been seen by a search that is at so many places.
func (s *savedOutline) check(places int) error {
	if s == nil {
		return nil
	}
	err := errors.New("the search has not come to where it was")
	if !below(s.Executions, mostSaved) || len(s.Places) != places {
		return err
	}
	for _, p := range s.Places {
		first, turned := p[1] > 0 && p[1] <= p[3]-p[0] && p[3] <= s.Executions, below(p[2]-1, mostSaved)
		if !below(p[0], s.Executions+1) || turned != first || !turned && p != [4]int{p[0]} {
			return err
		}
	}
	for _, c := range s.Sizes {
		if !below(int(c[0]), len(outline{}.sizes)) || c[1] < 1 || min(c[2], c[3]) < c[1] || max(c[2], c[3]) > mostSaved {
			return err
		}
	}
	return nil
}
