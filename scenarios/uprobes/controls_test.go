package uprobes

import (
	"context"
	"testing"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// legal is what a control fails with where it has come to what looks like a bug and is
// none: that it does come there is a part of the control.
var legal = sim.Kind{Name: "legal", Class: "legal"}

// TestControls holds the machine and the contract to saying nothing of what is in order,
// though it looks like a bug, and shows that it was looked at: reach is a condition that
// some execution meets.
func TestControls(t *testing.T) {
	program := func(w *World) (*vm.MM, *Probe) {
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		p := w.Probe(file, w.Image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
		must(w.K, w.Register(w.K, p))
		return mm, p
	}
	for _, c := range []struct {
		name   string
		design *uprobes.Design
		setup  func(w *World) (reach func() bool)
	}{
		{"N-05: a trap finds neither probe nor breakpoint, and the instruction is executed again", uprobes.Today, func(w *World) func() bool {
			mm, p := program(w)
			traps, hits := 0, 0
			w.onTrap = func() { traps++ }
			p.Handler = func(k *sim.K) { p.handler(k); hits++ }
			w.M.Go("program", func(k *sim.K) { w.Execute(k, mm, p) })
			w.M.Go("unregister", func(k *sim.K) { w.Unregister(k, p) })
			return func() bool { return traps > hits }
		}},
		{"N-06: the flag of the address space is left when the probe has gone", uprobes.Today, func(w *World) func() bool {
			mm, p := program(w)
			executed := false
			w.Unregister(w.K, p)
			w.M.Go("program", func(k *sim.K) {
				w.Execute(k, mm, p)
				executed = true
			})
			return func() bool { return executed && w.Scheme.(uprobes.SpaceInit).MayHaveUprobes(mm) }
		}},
		{"N-07: mmap has no memory for the breakpoint, and the hit is missed", uprobes.Today, func(w *World) func() bool {
			file := w.File(pagecache.Ramfs)
			mm := w.Space("victim")
			mm.Zone = pagecache.NewZone(w.K, 0)
			p := w.Probe(file, w.Image.Symbol, 0)
			hits := 0
			p.Handler = func(k *sim.K) { p.handler(k); hits++ }
			pagecache.Populate(w.K, file, uint64(w.Image.PageIndex()))
			must(w.K, w.Register(w.K, p))
			executed := false
			w.M.Go("program", func(k *sim.K) {
				must(k, w.Mmap(k, mm, file))
				w.ExecuteIfMapped(k, mm)
				executed = true
				w.Unregister(k, p)
			})
			return func() bool { return executed && hits == 0 }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			search := func(told bool) *explore.Result {
				r, err := explore.Run(context.Background(), func(m *sim.Machine) {
					w := newWorld(m, c.design, vm.DefaultImage())
					reach := c.setup(w)
					m.After(func(k *sim.K) {
						if told && reach() {
							k.Fail(&sim.Violation{Kind: legal, Subject: c.name})
						}
					})
				}, explore.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			if r := search(false); r.Verdict() != explore.Clean {
				t.Errorf("%s: %s", r.Verdict(), r.Coverage())
			}
			r := search(true)
			if len(r.Findings) != 1 || r.Findings[0].Violation.Kind != legal {
				t.Errorf("no execution comes to it: %s", r.Coverage())
			}
		})
	}
}
