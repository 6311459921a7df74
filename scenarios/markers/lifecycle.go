package markers

import (
	"fmt"

	"trapline/markers"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// lifeVerb is a verb of the language of markers. A place is one of two probes of the task.
type lifeVerb struct {
	lifecycle.Verb
	do func(l *life, k *sim.K, task, place int)
}

var lifeVerbs = []lifeVerb{
	{lifecycle.Verb{Name: "register", Places: 2}, (*life).register},
	{lifecycle.Verb{Name: "unregister", Places: 2}, (*life).unregister},
	{lifecycle.Verb{Name: "retire", Places: 2}, (*life).retire},
	{lifecycle.Verb{Name: "hit", Places: 1}, (*life).hit},
}

// Language is what drawn programs do to a kernel with one marker.
var Language = func() *lifecycle.Language {
	l := &lifecycle.Language{
		Knobs: []lifecycle.Knob{
			{Name: "same-function", Values: 2},   // the probes of a task have one function
			{Name: "preemptible-rcu", Values: 2}, // readers of RCU can be preempted
			{Name: "no-memory", Values: 2},       // allocations may fail
		},
		Tasks: 4, Operations: 6,
	}
	for _, v := range lifeVerbs {
		l.Verbs = append(l.Verbs, v.Verb)
	}
	return l
}()

// Subjects are the designs with what drawn programs do to them.
func Subjects() []*lifecycle.Subject {
	var all []*lifecycle.Subject
	for _, d := range markers.Designs() {
		all = append(all, &lifecycle.Subject{Design: &d.Design, Language: Language, Run: func(p *lifecycle.Program, _ *vm.Image) sim.Program {
			return func(m *sim.Machine) {
				m.AllocMayFail = p.Knob("no-memory") > 0
				live(newWorld(m, d, p.Knob("preemptible-rcu") > 0), p)
			}
		}})
	}
	return all
}

// life is the world of a drawn program.
type life struct {
	*World
	marker *Marker
	owned  [][2]*Probe // by task
	gone   [][2]bool   // the data of the probe are freed
}

// live builds the world of a program and starts its tasks.
func live(w *World, p *lifecycle.Program) {
	l := &life{World: w, marker: w.Marker("event")}
	l.owned, l.gone = make([][2]*Probe, len(p.Tasks)), make([][2]bool, len(p.Tasks))
	for i, ops := range p.Tasks {
		name := func(place int) string { return fmt.Sprintf("p%d%d", i, place) }
		first := l.Probe(l.marker, name(0))
		l.owned[i] = [2]*Probe{first, nil}
		if p.Knob("same-function") > 0 {
			l.owned[i][1] = l.ProbeWith(l.marker, name(1), first.Func)
		} else {
			l.owned[i][1] = l.Probe(l.marker, name(1))
		}
		l.Go(fmt.Sprint("t", i), func(k *sim.K) {
			for _, op := range ops {
				lifeVerbs[op.Verb].do(l, k, i, op.Place)
			}
		})
	}
}

// register fails if the design has no place for another one, or no memory.
func (l *life) register(k *sim.K, task, place int) {
	if p := l.owned[task][place]; !p.active && !l.gone[task][place] {
		_ = l.Register(k, p)
	}
}

func (l *life) unregister(k *sim.K, task, place int) { l.Unregister(k, l.owned[task][place]) }

// retire has the probe go for good.
func (l *life) retire(k *sim.K, task, place int) {
	p := l.owned[task][place]
	l.gone[task][place] = l.gone[task][place] || p.active
	l.Retire(k, p)
}

func (l *life) hit(k *sim.K, _, _ int) { l.TraceEvent(k, l.marker) }
