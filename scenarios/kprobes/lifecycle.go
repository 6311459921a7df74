package kprobes

import (
	"fmt"

	"trapline/probes/kprobes"
	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/vm"
)

// lifeVerb is a verb of the language of kprobes. A place is one of the probed
// instructions.
type lifeVerb struct {
	lifecycle.Verb
	do func(l *life, k *sim.K, task, place int)
}

var lifeVerbs = []lifeVerb{
	{lifecycle.Verb{Name: "register", Places: len(lifePlaces)}, (*life).register},
	{lifecycle.Verb{Name: "unregister", Places: len(lifePlaces)}, (*life).unregister},
	{lifecycle.Verb{Name: "execute", Places: len(lifePlaces)}, (*life).execute},
	{lifecycle.Verb{Name: "disable", Places: len(lifePlaces)}, (*life).disable},
	{lifecycle.Verb{Name: "enable", Places: len(lifePlaces)}, (*life).enable},
	{lifecycle.Verb{Name: "rmmod", Places: 1}, (*life).rmmod},
}

// lifePlaces are the instructions that are probed. The third one can be called by
// handlers, the fourth becomes a jump and the fifth a call of ftrace, if the design
// knows of that. The last one lies in a module, if the design knows of modules.
var lifePlaces = [...]kprobes.Addr{doFork, doExit, handlerText, vfsRead, schedule, moduleText}

// Language is what drawn programs do to a kernel that is probed.
var Language = func() *lifecycle.Language {
	l := &lifecycle.Language{
		Knobs: []lifecycle.Knob{
			{Name: "late", Values: 2},            // CPUs see changes of the text late
			{Name: "registered", Values: 3},      // probes at the first place that were there before
			{Name: "post-handlers", Values: 2},   // probes have one
			{Name: "calling", Values: 2},         // handlers call what can be probed
			{Name: "interrupts-on", Values: 2},   // exceptions leave interrupts on
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
	for _, d := range kprobes.Designs() {
		all = append(all, &lifecycle.Subject{Design: &d.Design, Language: Language, Run: func(p *lifecycle.Program, _ *vm.Image) sim.Program {
			return func(m *sim.Machine) {
				s := Scenario{RCU: sim.ClassicRCU}
				if p.Knob("preemptible-rcu") > 0 {
					s.RCU = sim.PreemptRCU
				}
				m.RCU, m.AllocMayFail = s.rcu(d), p.Knob("no-memory") > 0
				// Designs that know nothing of it miss probes at once, and break
				// few other rules.
				late := p.Knob("late") > 0 && d.OneRCU
				live(newWorld(m, d, late, !late), p)
			}
		}})
	}
	return all
}

// life is the world of a drawn program. A probe is registered once and then freed, so
// each registration of the program has a probe of its own.
type life struct {
	*World
	mod    *sim.Module                 // nil if the design knows of none
	fresh  [][len(lifePlaces)][]*Probe // by task: not registered yet
	active [][len(lifePlaces)][]*Probe // by task: registered, the last one last
}

// live builds the world of a program and starts its tasks.
func live(w *World, p *lifecycle.Program) {
	l := &life{World: w}
	if _, ok := w.Scheme.(kprobes.AddressChecker); ok {
		l.mod = w.LoadModule()
	}
	l.InterruptsOn = p.Knob("interrupts-on") > 0
	l.fresh = make([][len(lifePlaces)][]*Probe, len(p.Tasks))
	l.active = make([][len(lifePlaces)][]*Probe, len(p.Tasks))
	for range p.Knob("registered") {
		probe := l.probe(p, 0, 0)
		if l.Register(l.K, probe) != nil {
			continue
		}
		l.active[0][0] = append(l.active[0][0], probe)
	}
	for i, ops := range p.Tasks {
		for _, op := range ops {
			if p.Language.Verbs[op.Verb].Name == "register" {
				l.fresh[i][op.Place] = append(l.fresh[i][op.Place], l.probe(p, i, op.Place))
			}
		}
		l.Go(fmt.Sprint("t", i), func(k *sim.K) {
			for _, op := range ops {
				lifeVerbs[op.Verb].do(l, k, i, op.Place)
			}
		})
	}
}

// probe makes a probe of a task.
func (l *life) probe(p *lifecycle.Program, task, place int) *Probe {
	probe := l.Probe(fmt.Sprintf("p%d of t%d", len(l.probes), task), lifePlaces[place])
	if p.Knob("post-handlers") > 0 {
		probe.WithPostHandler()
	}
	if p.Knob("calling") > 0 && lifePlaces[place] != handlerText {
		probe.Calling(func(k *sim.K) { l.Execute(k, handlerText) })
	}
	return probe
}

// absent says that the place is in a module that there is not.
func (l *life) absent(place int) bool { return lifePlaces[place] == moduleText && l.mod == nil }

// register fails if there is no memory, or no module any more.
func (l *life) register(k *sim.K, task, place int) {
	if l.absent(place) {
		return
	}
	fresh := &l.fresh[task][place]
	p := (*fresh)[0]
	*fresh = (*fresh)[1:]
	if l.Register(k, p) == nil {
		l.active[task][place] = append(l.active[task][place], p)
	}
}

// unregister takes the oldest probe of the task away, if it has one.
func (l *life) unregister(k *sim.K, task, place int) {
	if active := &l.active[task][place]; len(*active) > 0 {
		p := (*active)[0]
		*active = (*active)[1:]
		l.Unregister(k, p)
	}
}

// disable switches a probe of the task off that is on, if the design knows of that.
func (l *life) disable(k *sim.K, task, place int) { l.toggle(k, task, place, true, l.Disable) }

// enable switches one on that is off.
func (l *life) enable(k *sim.K, task, place int) { l.toggle(k, task, place, false, l.Enable) }

func (l *life) toggle(k *sim.K, task, place int, on bool, toggle func(k *sim.K, p *Probe)) {
	if _, ok := l.Scheme.(kprobes.Switch); !ok || lifePlaces[place] == moduleText {
		return // the text of a module may be gone
	}
	for _, p := range l.active[task][place] {
		if p.active == on {
			toggle(k, p)
			return
		}
	}
}

// execute runs what is probed, but nothing of a module, which may be gone.
func (l *life) execute(k *sim.K, _, place int) {
	if lifePlaces[place] != moduleText {
		l.Execute(k, lifePlaces[place])
	}
}

// rmmod takes the module away, with the probes that are in it.
func (l *life) rmmod(k *sim.K, _, _ int) {
	if l.mod != nil {
		_ = k.DeleteModule(l.mod)
	}
}
