package graph_test

import (
	"slices"
	"testing"

	"trapline/sim/graph"
	"trapline/sim/memory"
)

const (
	x = iota + 1
	y
)

// sources asks from which stores to x task 1 may read after it has read y, which task 0
// stored after x.
func sources(m memory.Model, wmb, rmb bool) []graph.Event {
	var g graph.Graph
	g.Reset(m)
	once := graph.Use{Access: memory.Once}
	g.Store(0, x, memory.Once, 0)
	if wmb {
		g.Fence(0, memory.Wmb)
	}
	w := g.Store(0, y, memory.Once, 0)
	g.Load(1, y, once, w)
	if rmb {
		g.Fence(1, memory.Rmb)
	}
	return g.Sources(1, x, once, nil, nil)
}

func TestSources(t *testing.T) {
	stale := []graph.Event{0, graph.Initial}
	fresh := []graph.Event{0}
	for _, test := range []struct {
		model    memory.Model
		wmb, rmb bool
		want     []graph.Event
	}{
		{memory.SC, false, false, fresh},
		{memory.TSO, false, false, fresh},
		{memory.LKMM, false, false, stale},
		{memory.LKMM, true, false, stale},
		{memory.LKMM, false, true, stale},
		{memory.LKMM, true, true, fresh},
	} {
		if got := sources(test.model, test.wmb, test.rmb); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestPlaces has two tasks store to two words in opposite orders: the last store may
// come before the one that is there, unless barriers keep all four in order.
func TestPlaces(t *testing.T) {
	places := func(m memory.Model, fence bool) []int {
		var g graph.Graph
		g.Reset(m)
		g.Store(0, x, memory.Once, 0)
		if fence {
			g.Fence(0, memory.Wmb)
		}
		g.Store(0, y, memory.Once, 0)
		g.Store(1, y, memory.Once, 1) // after that of task 0
		if fence {
			g.Fence(1, memory.Wmb)
		}
		return g.Places(1, x, memory.Once, nil)
	}
	for _, test := range []struct {
		model memory.Model
		fence bool
		want  []int
	}{
		{memory.SC, false, []int{1}},
		{memory.TSO, false, []int{1}},
		{memory.LKMM, false, []int{1, 0}},
	} {
		if got := places(test.model, test.fence); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// A read-modify-write that returns nothing orders no later store: what its load has
// read is told to nobody yet.
func TestVoidOrdersNothing(t *testing.T) {
	for _, test := range []struct {
		order memory.Order
		want  []int
	}{
		{memory.Void, []int{1, 0}},
		{memory.Relaxed, []int{1}},
	} {
		var g graph.Graph
		g.Reset(memory.LKMM)
		g.Append(0, x, memory.Once)
		w := g.Append(0, y, memory.Release)
		g.RMW(1, y, graph.Use{RMW: true, Order: test.order}, w, true)
		if got := g.Places(1, x, memory.Once, nil); !slices.Equal(got, test.want) {
			t.Errorf("behind an RMW of order %d: %v, want %v", test.order, got, test.want)
		}
	}
}

// The end of a section that is handed over tells of what its task did before, with no
// word or lock to tell it: a grace period may then keep a load from its newest store.
func TestHandedOver(t *testing.T) {
	for _, handed := range []bool{false, true} {
		var g graph.Graph
		g.Reset(memory.SC)
		g.Begin(0, 1)
		own := g.Append(0, x, memory.Once)
		g.Load(3, x, graph.Use{Access: memory.Once}, own)
		g.Wait(3, 1)
		s := g.Begin(3, 0)
		ender := 3
		if handed {
			ender = 0
		}
		g.End(ender, s)
		if got := g.Sources(0, x, graph.Use{Access: memory.Once}, nil, nil); (len(got) == 0) != handed {
			t.Errorf("handed over: %v, task 0 may read %v", handed, got)
		}
	}
}

// Sections that overlap end in the order in which they are ended: a grace period that a
// task waits for in the second is not in the first.
func TestOverlappingSections(t *testing.T) {
	for _, model := range []memory.Model{memory.SC, memory.TSO, memory.LKMM} {
		for _, late := range []bool{false, true} {
			var g graph.Graph
			g.Reset(model)
			g.Append(1, x, memory.Once)
			if late && model != memory.SC {
				g.Append(2, y, memory.Once)
				g.Load(2, x, graph.Use{Access: memory.Once}, graph.Initial)
			}
			a := g.Begin(0, 1)
			g.Append(0, y, memory.Once)
			b := g.Begin(0, 2)
			g.End(0, a)
			g.Wait(0, 1)
			g.End(0, b)
			if !g.Consistent() {
				t.Errorf("%v, late %v: not consistent", model, late)
			}
		}
	}
}

// A plain store need not wait for the loads that its value depends on.
func TestPlainStoresHearNothing(t *testing.T) {
	for _, test := range []struct {
		access memory.Access
		want   []int
	}{
		{memory.Plain, []int{1, 0}},
		{memory.Once, []int{1}},
	} {
		var g graph.Graph
		g.Reset(memory.LKMM)
		g.Append(0, x, memory.Plain)
		w := g.Append(0, y, memory.Release)
		g.Load(1, y, graph.Use{Access: memory.Once}, w)
		if got := g.Places(1, x, test.access, nil); !slices.Equal(got, test.want) {
			t.Errorf("a store of access %d: %v, want %v", test.access, got, test.want)
		}
	}
}

// TestWide makes graphs on both sides of the width of a word, where the same question
// has the same answer.
func TestWide(t *testing.T) {
	for _, before := range []int{0, 59, 60, 61, 62, 63, 64, 65, 127, 130} {
		var g graph.Graph
		g.Reset(memory.LKMM)
		for range before {
			g.Append(2, 9, memory.Once)
		}
		once := graph.Use{Access: memory.Once}
		first := g.Append(0, x, memory.Once)
		g.Fence(0, memory.Wmb)
		w := g.Append(0, y, memory.Once)
		g.Load(1, y, once, w)
		if got, want := g.Sources(1, x, once, nil, nil), []graph.Event{first, graph.Initial}; !slices.Equal(got, want) {
			t.Errorf("behind %d events: %v, want %v", before, got, want)
		}
		g.Fence(1, memory.Rmb)
		if got, want := g.Sources(1, x, once, nil, nil), []graph.Event{first}; !slices.Equal(got, want) {
			t.Errorf("behind %d events, with smp_rmb: %v, want %v", before, got, want)
		}
	}
}
