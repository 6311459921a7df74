package graph

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim/memory"
)

// drawn is a graph that grows as it is drawn, with what keeps its tasks well-behaved.
type drawn struct {
	*rapid.T
	g        Graph
	sections [tasksDrawn][]int // that are open
	holds    [tasksDrawn]int   // the lock that a task holds, or 0
	sent     []Event
	late     int // events that came late, at most
}

const (
	tasksDrawn = 4
	// The locations: words, and locks behind them.
	wordsDrawn = 3
	locksDrawn = 2
)

func (d *drawn) below(n int, what string) int { return rapid.IntRange(0, n-1).Draw(d.T, what) }

// grow draws the next event.
func (d *drawn) grow() {
	t, loc := d.below(tasksDrawn, "task"), 1+d.below(wordsDrawn, "word")
	switch d.below(12, "what") {
	case 0, 1, 2:
		d.load(t, loc)
	case 3, 4:
		d.store(t, loc)
	case 5:
		order := memory.Order(d.below(5, "order"))
		u := Use{RMW: true, Order: order}
		all := d.sources(t, loc, u)
		if len(all) > 0 {
			d.g.RMW(t, loc, u, all[d.below(len(all), "source")], true)
		}
	case 6:
		d.g.Fence(t, memory.Fence(d.below(5, "fence")))
	case 7:
		if d.holds[t] != 0 {
			d.g.Unlock(t, d.holds[t])
			d.holds[t] = 0
		} else if l := wordsDrawn + 1 + d.below(locksDrawn, "lock"); !slices.Contains(d.holds[:], l) {
			d.acquires(d.g.Lock(t, l))
			d.holds[t] = l
		}
	case 8:
		if len(d.sections[t]) == 0 {
			d.sections[t] = append(d.sections[t], d.g.Begin(t, d.below(2, "domain")))
		} else {
			ender := t
			if d.below(4, "hands over") == 0 {
				ender = d.below(tasksDrawn, "to")
			}
			d.g.End(ender, d.sections[t][0])
			d.sections[t] = nil
		}
	case 9:
		if len(d.sections[t]) == 0 {
			d.g.Wait(t, d.below(2, "domain"))
		}
	case 10:
		d.sent = append(d.sent, d.g.Send(t))
	case 11:
		if len(d.sent) > 0 {
			d.acquires(d.g.Receive(t, d.sent[d.below(len(d.sent), "first"):]))
		}
	}
}

// acquires holds it against the axioms that an acquire that tells nothing breaks none.
func (d *drawn) acquires(r Event) {
	if !d.g.News(r) && !d.g.holds(-1) {
		d.Fatalf("event %d is no news, and breaks an axiom", r)
	}
}

func (d *drawn) load(t, loc int) {
	u := Use{Access: memory.Access(d.below(3, "access")), Pointer: d.below(3, "pointer") == 0}
	if u.Access == memory.Plain {
		u.Pointer = false
		d.g.Load(t, loc, u, d.newest(t, loc, u))
		return
	}
	if all := d.sources(t, loc, u); len(all) > 0 {
		i := 0
		if d.late > 0 {
			i = d.below(len(all), "source")
		}
		if i > 0 {
			d.late--
		}
		d.g.Load(t, loc, u, all[i])
	}
}

func (d *drawn) store(t, loc int) {
	a := []memory.Access{memory.Plain, memory.Once, memory.Release}[d.below(3, "access")]
	if a == memory.Plain {
		d.g.Append(t, loc, a)
		return
	}
	g := &d.g
	var want []int
	for i := len(g.location(loc).co); i >= 0; i-- {
		w := g.store(t, loc, g.task(t).fences, i)
		g.mark(w, a)
		if g.holds(loc) {
			want = append(want, i)
		}
		g.pop()
	}
	all := g.Places(t, loc, a, nil)
	if !slices.Equal(all, want) {
		d.Fatalf("task %d may store to %d at %v, it says %v", t, loc, want, all)
	}
	if len(all) == 0 {
		return
	}
	i := 0
	if d.late > 0 {
		i = d.below(len(all), "place")
	}
	if i > 0 {
		d.late--
	}
	g.Store(t, loc, a, all[i])
}

// may says by the axioms whether a load may read from a store.
func (d *drawn) may(t, loc int, u Use, from Event) bool {
	return d.g.ifLoaded(t, loc, u, from, true, d.g.holds)
}

// sources are what a load may read, which are held against the axioms.
func (d *drawn) sources(t, loc int, u Use) []Event {
	var want []Event
	for _, from := range slices.Backward(append([]Event{Initial}, d.g.location(loc).co...)) {
		if d.may(t, loc, u, from) {
			want = append(want, from)
		}
	}
	all := d.g.Sources(t, loc, u, nil, nil)
	if !slices.Equal(all, want) {
		d.Fatalf("task %d may read %v of %d, it says %v", t, want, loc, all)
	}
	return all
}

func (d *drawn) newest(t, loc int, u Use) Event {
	from := d.g.Newest(t, loc, u)
	for _, want := range slices.Backward(append([]Event{Initial}, d.g.location(loc).co...)) {
		if d.may(t, loc, u, want) {
			if from != want {
				d.Fatalf("what task %d reads of %d is %d, it says %d", t, loc, want, from)
			}
			break
		}
	}
	return from
}

// TestShortCuts draws graphs and holds what is answered without a check of the whole
// against the axioms: from which stores a load may read, where a store may stand, and
// which accesses race.
func TestShortCuts(t *testing.T) {
	for _, model := range []memory.Model{memory.SC, memory.TSO, memory.LKMM} {
		t.Run(model.String(), func(t *testing.T) {
			races, consistent, late := 0, 0, 0
			rapid.Check(t, func(t *rapid.T) {
				d := &drawn{T: t, late: rapid.IntRange(0, 3).Draw(t, "late")}
				d.g.Reset(model)
				for range rapid.IntRange(5, 40).Draw(t, "events") {
					d.grow()
					if g := &d.g; g.Consistent() != g.holds(-1) {
						t.Fatalf("the axioms hold: %v, it says %v", g.holds(-1), g.Consistent())
					} else if !g.Consistent() {
						return
					}
				}
				var got, want [][2]Event
				all := func(Event, Event) bool { return true }
				d.g.Races(all, func(a, b Event) bool { got = append(got, [2]Event{a, b}); return true })
				d.g.races(func(a, b Event) bool { want = append(want, [2]Event{a, b}); return true })
				if !slices.Equal(got, want) {
					t.Fatalf("races: %v, it says %v", want, got)
				}
				consistent++
				if len(want) > 0 {
					races++
				}
				if d.g.late > 0 {
					late++
				}
			})
			t.Logf("%d graphs, %d with races, %d with late events", consistent, races, late)
			if races == 0 || races == consistent || late == 0 && model != memory.SC {
				t.Error("the graphs are all alike")
			}
		})
	}
}
