package kprobes

import (
	"strings"
	"testing"

	"trapline/sim"
)

// TestHitsNest hits one probe in the handler of another, and then a third one while both
// are being handled: the first calls its handlers, the second is counted, and for the
// third there is no room.
func TestHitsNest(t *testing.T) {
	for _, c := range []struct {
		name  string
		depth int
		want  *sim.Kind
	}{
		{"one", 1, nil},
		{"one in another", 2, nil},
		{"three", 3, &Unrecoverable},
	} {
		t.Run(c.name, func(t *testing.T) {
			called, missed := 0, 0
			o := once(t, func(k *sim.K) {
				var cpus cpus
				probes := make([]*Kprobe, c.depth)
				for i := range probes {
					p := &Kprobe{PreHandler: func(*sim.K) { called++ }}
					k.Born(&p.Life, "probe")
					InitKprobe(k, p, "probe", Addr(i))
					p.initFlags(k, 0)
					probes[i] = p
				}
				for _, p := range probes {
					cpus.this(k).hitEnabled(k, p)
				}
				for range probes {
					cpus.this(k).steppedEnabled(k)
				}
				if cpus.this(k).current != nil {
					t.Error("a probe is still being handled")
				}
				for _, p := range probes {
					missed += p.Nmissed(k)
					k.Kfree(&p.Life)
				}
			})
			switch {
			case c.want != nil:
				if o.Violation == nil || o.Violation.Kind != *c.want {
					t.Errorf("%v, want %s", o.Violation, c.want.Name)
				}
			case o.Violation != nil:
				t.Error(o.Violation)
			case called != 1 || missed != c.depth-1:
				t.Errorf("%d handlers called and %d misses, want 1 and %d", called, missed, c.depth-1)
			}
		})
	}
}

// TestGraphTracerNeedsPairs follows functions into each other: each must return to where
// it was called, also if one in between is not followed.
func TestGraphTracerNeedsPairs(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(k *sim.K, text *Text)
		title string
	}{
		{"nested", func(k *sim.K, text *Text) {
			text.FunctionBegins(k, "outer")
			text.FunctionBegins(k, "inner")
			text.FunctionReturns(k, "inner")
			text.FunctionReturns(k, "outer")
		}, ""},
		{"never returns", func(k *sim.K, text *Text) {
			text.FunctionBegins(k, "outer")
			text.FunctionBegins(k, "entry")
			text.FunctionReturns(k, "outer")
		}, "bad-return-frame"},
		{"never returns, with the tracer paused", func(k *sim.K, text *Text) {
			text.FunctionBegins(k, "outer")
			text.pauseGraphTracing(k)
			if text.FunctionBegins(k, "entry") {
				t.Error("followed while paused")
			}
			text.unpauseGraphTracing(k)
			text.FunctionReturns(k, "outer")
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := once(t, func(k *sim.K) {
				text := NewText(k)
				text.TraceGraph()
				c.f(k, text)
			})
			got := ""
			if o.Violation != nil {
				got = o.Violation.Kind.Name
			}
			if got != c.title {
				t.Errorf("got %q, want %q", got, c.title)
			}
		})
	}
}

// once runs a program of the setup alone.
func once(t *testing.T, f func(k *sim.K)) *sim.Outcome {
	t.Helper()
	m := sim.NewMachine()
	t.Cleanup(m.Close)
	o := m.Run(func(m *sim.Machine) { m.Go("cpu", f) }, sim.StrategyFunc(func(*sim.Machine, *sim.Point) int { return 0 }))
	return &o
}

// TestManagerOrdersItsProbes adds probes to a manager: the newest comes first, a jprobe
// last, and there is one of those at most. Whether there is one is known from the list or,
// since 2.6.18, from the break_handler of the manager.
func TestManagerOrdersItsProbes(t *testing.T) {
	for _, as := range []era{as2614, as2616, as2618} {
		o := once(t, func(k *sim.K) {
			ap, err := newManager(k, 0, sim.GFPKernel, as)
			if err != nil {
				t.Fatal(err)
			}
			probe := func(name string, entry bool) *Kprobe {
				p := &Kprobe{entry: entry, PostHandler: func(*sim.K) {}}
				k.Born(&p.Life, name)
				InitKprobe(k, p, name, 0)
				return p
			}
			all := []*Kprobe{probe("first", false), probe("entry", true), probe("second", false)}
			for _, p := range all {
				if err := ap.addNewKprobe(k, p); err != nil {
					t.Errorf("%s is refused: %v", p.Name(), err)
				}
			}
			other := probe("another entry", true)
			if err := ap.addNewKprobe(k, other); err != sim.EEXIST {
				t.Errorf("a second jprobe: %v", err)
			}
			var order []string
			for p := range ap.members.All(k, true) {
				order = append(order, p.Name())
			}
			if got := strings.Join(order, ", "); got != "second, first, entry" {
				t.Errorf("in order %s", got)
			}
			if as == as2618 {
				ap.dropHandlers(k, all[1])
				if ap.breaks.Peek() || !ap.post.Peek() {
					t.Errorf("without its jprobe: break_handler %t, post_handler %t", ap.breaks.Peek(), ap.post.Peek())
				}
			}
			for _, p := range append(all, other, ap) {
				k.Kfree(&p.Life)
			}
		})
		if o.Violation != nil {
			t.Errorf("managers of era %d: %v", as, o.Violation)
		}
	}
}
