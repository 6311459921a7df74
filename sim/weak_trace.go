package sim

import (
	"fmt"

	"trapline/sim/graph"
)

// staleness says in the record which store a load has read, if it was not the newest,
// and why it need not have seen the next one.
func (k *K) staleness(o *Object, from graph.Event) {
	if !k.Tracing() {
		return
	}
	w := k.m.weak
	newer := w.graph.After(int(o.id), from)
	for _, e := range newer {
		if by := k.m.tasks[w.graph.Task(e)]; by != k {
			k.Event("memory", "%s reads %s; the store of %s in step %d is newer, but %s",
				o.name, k.m.origin(from), by.name, w.steps[e], w.graph.Why(e))
			return
		}
	}
}

// origin names a store.
func (m *Machine) origin(e graph.Event) string {
	if e == graph.Initial {
		return "its first value"
	}
	return fmt.Sprintf("what %s stored in step %d", m.tasks[m.weak.graph.Task(e)].name, m.weak.steps[e])
}
