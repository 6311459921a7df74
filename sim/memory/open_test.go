package memory

import "testing"

// TestOpenValues has two tasks copy each other's word with plain accesses. Whatever
// first values there are, one graph has a value that comes from itself, and it is
// reported once.
func TestOpenValues(t *testing.T) {
	copies := func(from, to int) Task {
		return func(c *Core) {
			v := c.Load(Addr(from), Plain)
			c.Store(Addr(to), v, Plain)
			c.Set(0, v)
		}
	}
	for _, init := range []map[int]int64{{}, {0: 1}, {0: 1, 1: 2}} {
		p := Program{Tasks: []Task{copies(0, 1), copies(1, 0)}, Init: init, Locations: 2}
		for _, o := range []Options{{Model: SC}, {Model: TSO}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
			open, closed := 0, 0
			cover, err := Explore(p, o, func(s *State) {
				switch all := s.OpenReg(0, 0); {
				case all != s.OpenReg(1, 0) || all != s.OpenMem(0) || all != s.OpenMem(1):
					t.Errorf("%+v, %v: not all or none is open", o, init)
				case all:
					open++
				default:
					closed++
				}
			})
			want := 0
			if o.LoadBuffering {
				want = 1
			}
			if err != nil || open != want || closed != 3 || cover.Executions != want+3 {
				t.Errorf("%+v, %v: %d open, %d other executions, %+v, %v; want %d and 3", o, init, open, closed, cover, err, want)
			}
		}
	}
}

// TestGuesses hides the dependency of a store on a load behind a branch. The value that
// goes round is found if it is guessed; guesses that nobody computes do no harm.
func TestGuesses(t *testing.T) {
	p := Program{Locations: 2, Tasks: []Task{
		func(c *Core) {
			v := Const(9)
			before := c.Control()
			if c.If(Op(func(a, _ int64) int64 { return 1 - min(a*a, 1) }, c.Load(Addr(0), Once), Value{})) {
				v = Const(0)
			}
			c.EndIf(before)
			c.Store(Addr(1), v, Once)
		},
		func(c *Core) {
			v := c.Load(Addr(1), Once)
			c.Store(Addr(0), v, Once)
			c.Set(0, v)
		},
	}}
	for _, test := range []struct {
		guesses []int64
		found   bool
	}{{nil, false}, {[]int64{9}, true}, {[]int64{0, 5, 9, -1}, true}} {
		p.Guesses = test.guesses
		for _, o := range []Options{{Model: SC}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
			found := 0
			cover, err := Explore(p, o, func(s *State) {
				if s.Regs[1][0] == 9 && !s.OpenReg(1, 0) {
					found++
				}
			})
			if err != nil || !cover.Complete || (found == 1) != (test.found && o.LoadBuffering) {
				t.Errorf("%v, %+v: 9 came out %d times, %+v, %v", test.guesses, o, found, cover, err)
			}
		}
	}
}
