package main

import (
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/vm"
)

// catalogue is all that the commands know of scenarios and designs, so that
// tests can put another one in its place.
type catalogue struct {
	scenarios []scenario // by name
	designs   []design   // by name
	featured  string     // the pair whose failure is shown with the table
	// open returns all pairs, by name, with the text of a program: of the one
	// that is built in if both arguments are empty.
	open func(elf, symbol string) (program, []*pair, error)
	// subjects returns the designs that drawn programs can be run on, with the same
	// text.
	subjects func(elf, symbol string) ([]*subject, error)
}

// subject is a design that drawn programs can be run on, with the text that they probe.
type subject struct {
	*lifecycle.Subject
	image *vm.Image
}

// scenario is a question.
type scenario struct{ name, asks, from, story string }

// design is something to ask it of.
type design struct {
	name, title, from string
	order             []string
	fails             []known
}

// known is a failure that the catalogue knows of.
type known struct {
	scenario, title, why string
	only                 string // with what it is seen, if not always
}

// program is the file whose text is probed.
type program struct {
	elf, symbol string
	offset      int64
	builtin     bool
}

// pair is a question asked of a design, on the text of a program.
type pair struct {
	scenario, design string
	program          sim.Program
	// known are the failures claimed, for some programs or memory models at least.
	known []known
	// model is the memory model that the question is about, or that the user wants.
	model memory.Model
	// held says whether what was found is what is claimed.
	held func(r *explore.Result) error
}

func (p *pair) name() string { return p.scenario + "/" + p.design }

// why explains a title that the catalogue knows.
func (p *pair) why(title string) (string, bool) {
	for _, k := range p.known {
		if k.title == title {
			return k.why, true
		}
	}
	return "", false
}
