package kprobes

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/probes"
	"trapline/probes/kprobes"
	"trapline/sim"
	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }

// operation is one call of a drawn program, at one of the places.
type operation struct {
	verb  string
	place int
}

func (o operation) String() string { return fmt.Sprintf("%s(%s)", o.verb, placeNames[o.place]) }

// places are where probes are put: the handlers of those at the first one run into
// those at the second, and where there are jumps the third becomes one.
var (
	places     = []kprobes.Addr{doFork, handlerText, vfsRead, moduleText}
	placeNames = []string{"do_fork", "notify", "vfs_read", "module"}
)

// program is what each task does, and the schedule: before which step which other task
// gets a turn.
type program struct {
	tasks    [][]operation
	schedule []preemption
}

type preemption struct{ step, task int }

func (p program) String() string {
	var b strings.Builder
	for i, t := range p.tasks {
		fmt.Fprintf(&b, "t%d: %v\n", i, t)
	}
	fmt.Fprintf(&b, "schedule: %v", p.schedule)
	return b.String()
}

// programs draws programs of two or three tasks, of what the design can be asked.
func programs(d *kprobes.Design) *rapid.Generator[program] {
	verbs := []string{"register", "register", "unregister", "execute", "execute"}
	if d.Has&kprobes.Switching != 0 {
		verbs = append(verbs, "disable", "enable")
	}
	last := 1
	if d.Has&kprobes.Jumps != 0 {
		last = 2
	}
	if d.Has&kprobes.Addresses != 0 {
		last = 3
		verbs = append(verbs, "rmmod")
	}
	op := rapid.Custom(func(t *rapid.T) operation {
		return operation{rapid.SampledFrom(verbs).Draw(t, "verb"), rapid.IntRange(0, last).Draw(t, "place")}
	})
	preempt := rapid.Custom(func(t *rapid.T) preemption {
		return preemption{rapid.IntRange(0, 25).Draw(t, "after"), rapid.IntRange(1, 3).Draw(t, "task")}
	})
	return rapid.Custom(func(t *rapid.T) program {
		p := program{
			tasks:    rapid.SliceOfN(rapid.SliceOfN(op, 1, 6), 2, 3).Draw(t, "tasks"),
			schedule: rapid.SliceOfN(preempt, 0, 8).Draw(t, "schedule"),
		}
		for i := range p.schedule[min(1, len(p.schedule)):] {
			p.schedule[i+1].step += p.schedule[i].step
		}
		return p
	})
}

func (p *program) strategy() sim.Strategy {
	next := 0
	return sim.StrategyFunc(func(_ *sim.Machine, at *sim.Point) int {
		if next == len(p.schedule) || at.Step < p.schedule[next].step || at.N == 1 {
			return 0
		}
		next++
		return p.schedule[next-1].task % at.N
	})
}

// run runs the program with the design and returns what is wrong, or nil.
func (p *program) run(d *kprobes.Design) error {
	m := sim.NewMachine()
	defer m.Close()
	if d.OneRCU {
		m.RCU = sim.ConsolidatedNonPreemptRCU
	} else {
		m.RCU = sim.ClassicRCU
	}
	// A machine that learns something gives the execution up: the next one counts.
	for range 5 {
		o := m.Record(func(m *sim.Machine) { p.setup(newWorld(m, d, d.OneRCU, false)) }, p.strategy())
		switch {
		case o.Learnt:
			continue
		case o.Violation != nil:
			return o.Violation
		case o.Cut:
			return fmt.Errorf("more than %d steps", m.MaxSteps)
		}
		return nil
	}
	return errors.New("the machine learns for ever")
}

// lives is the world of a drawn program.
type lives struct {
	*World
	mod *sim.Module
	// spare are the probes that a task has yet to register at a place, current the
	// one that it has registered.
	spare   [][4][]*Probe
	current [][4]*Probe
}

func (p *program) setup(world *World) {
	w := &lives{World: world, spare: make([][4][]*Probe, len(p.tasks)), current: make([][4]*Probe, len(p.tasks))}
	if _, ok := w.Scheme.(kprobes.AddressChecker); ok {
		w.mod = w.LoadModule()
	}
	for i, ops := range p.tasks {
		for _, op := range ops {
			if op.verb == "register" {
				probe := w.Probe(fmt.Sprintf("probe of t%d in %s", i, placeNames[op.place]), places[op.place])
				if op.place == 0 {
					probe.WithPostHandler().Calling(func(k *sim.K) { w.Execute(k, handlerText) })
				}
				w.spare[i][op.place] = append(w.spare[i][op.place], probe)
			}
		}
		w.Go(fmt.Sprint("t", i), func(k *sim.K) {
			for _, op := range ops {
				w.do(k, i, op)
			}
		})
	}
}

func (w *lives) do(k *sim.K, task int, op operation) {
	current, spare := &w.current[task][op.place], &w.spare[task][op.place]
	switch op.verb {
	case "register":
		if *current == nil && w.Register(k, (*spare)[0]) == nil { // there may be no slot, or no module
			*current, *spare = (*spare)[0], (*spare)[1:]
		}
	case "unregister":
		if p := *current; p != nil {
			*current = nil
			w.Unregister(k, p)
		}
	case "execute":
		if places[op.place] != moduleText {
			w.Execute(k, places[op.place])
		}
	case "disable":
		if p := *current; p != nil && p.active && places[op.place] != moduleText {
			w.Disable(k, p)
		}
	case "enable":
		if p := *current; p != nil && !p.active && places[op.place] != moduleText {
			w.Enable(k, p)
		}
	case "rmmod":
		_ = k.DeleteModule(w.mod)
	}
}

// draw runs so many drawn programs with the design: the titles that they come to, with
// the number of the program that was the first to.
func draw(t *testing.T, d *kprobes.Design, n int) (found []string, at map[string]int, first program) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	was := f.Value.String()
	defer func() { _ = f.Value.Set(was) }()
	if more, err := strconv.Atoi(was); err != nil || more < n {
		_ = f.Value.Set(strconv.Itoa(n))
	}
	drawn := 0
	at = map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := programs(d).Draw(rt, "program")
		drawn++
		err := p.run(d)
		if err == nil {
			return
		}
		if len(found) == 0 {
			first = p
		}
		if !slices.Contains(found, err.Error()) {
			found, at[err.Error()] = append(found, err.Error()), drawn
		}
	})
	return found, at, first
}

// TestPropertyToday holds today's kprobes to the contract in drawn programs.
//
// The longer run is: go test ./scenarios/kprobes -run PropertyToday -rapid.checks=20000
func TestPropertyToday(t *testing.T) {
	if found, _, first := draw(t, kprobes.Today, 700); len(found) > 0 {
		t.Errorf("%q\n%v", found, first)
	}
}

// TestPropertyPosted shows that the property can fail: it finds again what is known of
// the designs that have something wrong, within so many programs, and breaks no rule
// that they are not known to break.
func TestPropertyPosted(t *testing.T) {
	const strayInt3 = "int3: 0000 [#1] in do_int3"
	for _, c := range []struct {
		design *kprobes.Design
		within int
		titles []string
	}{
		{kprobes.OneLock, 100, []string{"memory leak in get_insn_slot"}},
		{kprobes.RCU, 100, []string{"memory leak in get_insn_slot", strayInt3}},
		{kprobes.Batch, 1500, []string{strayInt3}},
		{kprobes.Relock, 1500, []string{strayInt3}},
		{kprobes.NoTextSync, 300, []string{"BUG: probe missed in execute"}},
		{kprobes.KickUnlocked, 200, []string{"KCSAN: data-race in kick_again / unoptimize_kprobe"}},
		{kprobes.KillKeepsFtrace, 200, []string{"BUG: function still traced in quiet"}},
		{kprobes.RecordWithoutRCU, 300, []string{"KASAN: slab-use-after-free Read in lookup_rec"}},
	} {
		t.Run(c.design.Name, func(t *testing.T) {
			found, at, _ := draw(t, c.design, c.within)
			t.Logf("found, with the number of the program: %v", at)
			for _, title := range c.titles {
				if !slices.Contains(found, title) {
					t.Errorf("%q was not found in %d programs", title, c.within)
				}
			}
			for _, title := range found {
				rule, _, _ := strings.Cut(title, " in ")
				if !slices.ContainsFunc(c.design.Fails, func(f probes.Failure) bool { return strings.HasPrefix(f.Title, rule) }) {
					t.Errorf("%q is not known", title)
				}
			}
		})
	}
}
