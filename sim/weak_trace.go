package sim

import (
	"fmt"
	"strings"

	"trapline/sim/graph"
)

// staleness says in the record which store a load has read, if it was not the newest,
// and why it need not have seen the next one.
func (k *K) staleness(o *Object, from graph.Event) {
	if !k.Tracing() {
		return
	}
	w := k.m.weak
	for _, e := range w.graph.After(int(o.id), from) {
		by := k.m.by(e)
		if by == k {
			continue
		}
		k.Event("memory", "%s reads %s, not the newer store of %s in step %d: %s",
			o.name, k.m.origin(from), by.name, w.steps[e], w.graph.Why())
		return
	}
}

// origin names a store.
func (m *Machine) origin(e graph.Event) string {
	if e == graph.Initial {
		return "the first value"
	}
	return fmt.Sprintf("what %s stored in step %d", m.by(e).name, m.weak.steps[e])
}

// mostCures is how many ways to forbid an execution are named.
const mostCures = 3

// cure says at the end of the record of an execution that breaks a rule, and that
// no interleaving explains, which barriers would have forbidden it.
func (m *Machine) cure(k *K) {
	if m.weak == nil || !m.recording || m.weak.graph.Interleaves() {
		return
	}
	for _, barriers := range m.weak.graph.Cures(mostCures) {
		var parts []string
		for _, b := range barriers {
			parts = append(parts, fmt.Sprintf("%v() of %s between %s and %s",
				b.Fence, m.by(b.Before).name, m.stepOf(b.After), m.stepOf(b.Before)))
		}
		r := k.line()
		r.Remark, r.Text = "memory", "forbidden by "+strings.Join(parts, ", with ")
		m.records = append(m.records, r)
	}
}

// stepOf names the step of an event.
func (m *Machine) stepOf(e graph.Event) string {
	n := int(m.weak.steps[e])
	for i := range m.records {
		if r := &m.records[i]; r.Step == n+1 && r.Remark == "" {
			return fmt.Sprintf("%s (step %d)", r.Text, n)
		}
	}
	return fmt.Sprintf("step %d", n)
}
