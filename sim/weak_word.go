package sim

import "trapline/sim/graph"

// history has the values that were stored to a word, under a model other than SC.
type history[T any] struct {
	first T
	list  []stored[T]
}

// stored is one of them.
type stored[T any] struct {
	event graph.Event
	v     T
}

// begin makes v the first value.
func (h *history[T]) begin(v T) { h.first, h.list = v, h.list[:0] }

// value is what a store has stored.
func (h *history[T]) value(e graph.Event) T {
	for i := len(h.list) - 1; i >= 0; i-- {
		if h.list[i].event == e {
			return h.list[i].v
		}
	}
	return h.first
}

// enter adds a store, and returns the value of the last one in coherence order.
func (h *history[T]) enter(k *K, o *Object, e graph.Event, v T) T {
	h.list = append(h.list, stored[T]{e, v})
	return h.value(k.m.weak.graph.Last(int(o.id)))
}
