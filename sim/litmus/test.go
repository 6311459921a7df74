package litmus

import "trapline/sim/memory"

// Test is a litmus test that has been read.
type Test struct {
	// Name is the name in the file's first line.
	Name string
	// Warnings are what is allowed but was hardly meant, with file, line and column.
	Warnings []string

	scanner   *scanner // for the places of mistakes that only a run shows
	globals   globals
	processes []*process
	condition condition
	filter    prop // nil if there is none
	shown     []shown
	pending   []pending // of registers, while the file is read
	verdicts  []expectation
}

// process is one task of a test.
type process struct {
	at        int
	registers map[string]int // by name: parameters, variables, and what is assigned
	names     []string       // of registers
	initial   []initial
	assigned  []bool        // whether anything gives the register a value
	observed  []observation // the registers whose final values are wanted
	body      stmt
}

// initial is the first value of a register.
type initial struct {
	register int
	value    int64
}

// register returns the number of the register with a name.
func (p *process) register(name string) int {
	if r, ok := p.registers[name]; ok {
		return r
	}
	r := len(p.names)
	p.registers[name] = r
	p.names = append(p.names, name)
	p.assigned = append(p.assigned, false)
	return r
}

// global is a shared variable: one location, or several for an array.
type global struct {
	name  string
	first int // location
	size  int
	array bool
}

// globals are the shared variables of a test.
type globals struct {
	list      []global
	byName    map[string]int
	locations int
	init      map[int]int64
}

// find returns the variable with a name, which it makes if there is none.
func (g *globals) find(name string) *global {
	if i, ok := g.byName[name]; ok {
		return &g.list[i]
	}
	return g.add(name, 1, false)
}

// add makes a variable.
func (g *globals) add(name string, size int, array bool) *global {
	g.byName[name] = len(g.list)
	g.list = append(g.list, global{name, g.locations, size, array})
	g.locations += size
	return &g.list[len(g.list)-1]
}

// location returns the location whose address a number is.
func (g *globals) location(n int64) (int, bool) {
	l, ok := memory.Loc(n)
	return l, ok && l < g.locations
}

// at returns the variable that a location belongs to.
func (g *globals) at(location int) *global {
	for i := range g.list {
		if v := &g.list[i]; location >= v.first && location < v.first+v.size {
			return v
		}
	}
	panic("litmus: a location of no variable")
}

// stmt is a statement of C.
type stmt any

type (
	// block is a sequence.
	block struct{ list []stmt }
	// choice is an if.
	choice struct {
		cond      expr
		then, alt stmt // alt is nil if there is no else
	}
	// loop is a while.
	loop struct {
		cond expr
		body stmt
	}
	// assign gives a register a value.
	assign struct {
		register int
		value    expr
	}
	// store is a plain store.
	store struct {
		at             int
		address, value expr
	}
	// evaluate is an expression for its effect.
	evaluate struct{ value expr }
)

// expr is an expression of C.
type expr any

type (
	constant struct{ value int64 }
	register struct{ register int }
	// binary is an operator with two operands; those with one are expressed by it.
	binary struct {
		at   int
		op   string
		x, y expr
	}
	// load is a plain load.
	load struct {
		at      int
		address expr
	}
	// ternary is c ? x : y.
	ternary struct{ cond, x, y expr }
	// call is an operation of macros.go.
	call struct {
		at       int
		macro    *macro
		args     []expr // addresses and values, as the macro says
		register int    // that a try_cmpxchg leaves what it saw in
	}
)
