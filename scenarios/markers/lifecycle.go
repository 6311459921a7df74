package markers

import (
	"fmt"

	"trapline/markers"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// lifeVerb is a verb of the language of markers. A place is one of two probes of the task,
// or one of two markers.
type lifeVerb struct {
	lifecycle.Verb
	do func(l *life, k *sim.K, task, place int)
}

var lifeVerbs = []lifeVerb{
	{lifecycle.Verb{Name: "register", Places: 2}, (*life).register},
	{lifecycle.Verb{Name: "unregister", Places: 2}, (*life).unregister},
	{lifecycle.Verb{Name: "retire", Places: 2}, (*life).retire},
	{lifecycle.Verb{Name: "hit", Places: 2}, (*life).hit},
	{lifecycle.Verb{Name: "load", Places: 1}, (*life).load},
	{lifecycle.Verb{Name: "unload", Places: 1}, (*life).unload},
}

// Language is what drawn programs do to a kernel with a marker, and a module with another
// one of the same name.
var Language = func() *lifecycle.Language {
	l := &lifecycle.Language{
		Knobs: []lifecycle.Knob{
			{Name: "before", Values: 4},          // probes that are connected when it begins
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
	owned [][2]*Probe // by task
	gone  [][2]bool   // the data of the probe are freed

	marker *Marker
	inside *Marker // the one in the module
	module *sim.Module
	using  sim.Mutex // of the module: who loads, unloads or runs it holds this
}

// live builds the world of a program and starts its tasks.
func live(w *World, p *lifecycle.Program) {
	l := &life{World: w, marker: w.Marker("event")}
	l.K.MutexInit(&l.using, "driver")
	l.module = &sim.Module{Grace: func(k *sim.K) { k.SynchronizeSched() }}
	l.inside = w.MarkerIn(l.module, "event")
	l.owned, l.gone = make([][2]*Probe, len(p.Tasks)), make([][2]bool, len(p.Tasks))
	before := p.Knob("before")
	for i, ops := range p.Tasks {
		f := l.NewFunc(fmt.Sprint("f", i))
		for place := range l.owned[i] {
			name := fmt.Sprintf("p%d%d", i, place)
			probe := l.Probe(l.marker, name)
			if p.Knob("same-function") > 0 {
				probe.Func = f
			}
			probe.Prio = place
			l.owned[i][place] = probe
			if before > 0 {
				_ = l.Register(l.K, probe) // there may be one already, and no place for two
				before--
			}
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

// hit runs through one of the two markers.
func (l *life) hit(k *sim.K, _, place int) {
	if place == 0 {
		l.TraceEvent(k, l.marker)
		return
	}
	k.MutexLock(&l.using)
	defer k.MutexUnlock(&l.using)
	if l.inside.present {
		l.TraceEvent(k, l.inside)
	}
}

func (l *life) load(k *sim.K, _, _ int) {
	k.MutexLock(&l.using)
	defer k.MutexUnlock(&l.using)
	if !l.inside.present {
		_ = k.LoadModule(&l.Modules, l.module, "driver", nil, nil) // there may be no memory
	}
}

func (l *life) unload(k *sim.K, _, _ int) {
	k.MutexLock(&l.using)
	defer k.MutexUnlock(&l.using)
	if l.inside.present {
		must(k, k.DeleteModule(l.module))
	}
}
