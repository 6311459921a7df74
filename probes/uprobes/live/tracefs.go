package live

import (
	"fmt"
	"slices"
	"strings"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/events"
	"trapline/sim"
	"trapline/vm"
)

// Registry is the file uprobe_events.
func (k *Kernel) Registry() *events.Registry { return k.registry }

// Write is a write(2) to uprobe_events, see [events.Registry.Write]. An event that
// goes away and has been enabled takes the trace with it. A kernel with the defect
// SiblingFree leaves the probes of an enabled event that it frees where they are.
func (k *Kernel) Write(data string) error {
	before, probes := k.events(), k.registry.Probes()
	_, err := k.registry.Write([]byte(data))
	after := k.events()
	if !k.defects.Has(defects.SiblingFree) {
		kept := k.registry.Probes()
		for _, p := range probes {
			if !slices.Contains(kept, p) {
				k.unregister(p)
			}
		}
	}
	for _, e := range before {
		if !slices.Contains(after, e) && k.trace.was[e] {
			delete(k.trace.was, e)
			k.trace.lines = nil
		}
	}
	return err
}

// events lists the events in the order in which they were defined.
func (k *Kernel) events() []*events.Event {
	var list []*events.Event
	for _, p := range k.registry.Probes() {
		if !slices.Contains(list, p.Event) {
			list = append(list, p.Event)
		}
	}
	return list
}

// Enable is a write of 1 or 0 to the file enable of an event, NAME or GROUP/NAME:
// in the first group that has one of that name.
func (k *Kernel) Enable(name string, on bool) error {
	e := k.event(name)
	if e == nil {
		return sim.ENOENT
	}
	return k.enable(e, on)
}

// EnableGroup is a write to the file enable of a group: its events, the newest
// first. It returns the first error, and goes on.
func (k *Kernel) EnableGroup(group string, on bool) error {
	var first error
	for _, e := range slices.Backward(k.events()) {
		if e.Group == group {
			if err := k.enable(e, on); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}

// Filter is a write to the file filter of an event, see
// [events.Registry.SetFilter].
func (k *Kernel) Filter(name, text string) error {
	e := k.event(name)
	if e == nil {
		return sim.ENOENT
	}
	return k.registry.SetFilter(e, text)
}

// FilterGroup is a write to the file filter of a group, see
// [events.Registry.SetGroupFilter].
func (k *Kernel) FilterGroup(group, text string) error {
	return k.registry.SetGroupFilter(group, text)
}

func (k *Kernel) event(name string) *events.Event {
	for _, e := range k.events() {
		if e.Name == name || e.Group+"/"+e.Name == name {
			return e
		}
	}
	return nil
}

// enable is probe_event_enable() and probe_event_disable().
func (k *Kernel) enable(e *events.Event, on bool) error {
	if e.Enabled == on {
		return nil
	}
	if !on {
		e.Enabled = false
		for _, p := range e.Probes {
			k.unregister(p)
		}
		return nil
	}
	for i, p := range e.Probes {
		if err := k.register(p); err != nil {
			for _, q := range e.Probes[:i] {
				k.unregister(q)
			}
			return err
		}
	}
	e.Enabled = true
	k.trace.was[e] = true
	return nil
}

// Peek reads the memory of the process that waits for its input, as through
// /proc/PID/mem.
func (k *Kernel) Peek(addr uint64, p []byte) error {
	t := k.current
	if t == nil {
		return sim.ESRCH
	}
	h, mm := t.K(), t.MM()
	h.DownRead(&mm.MmapSem)
	defer h.UpRead(&mm.MmapSem)
	return readText(h, mm, addr, p)
}

// Base is where the process that waits for its input maps the beginning of a file,
// 0 if it does not.
func (k *Kernel) Base(file string) uint64 {
	if k.current == nil {
		return 0
	}
	for _, r := range vm.Maps(k.current.K(), k.current.MM()) {
		if r.Name == file {
			return r.Start - r.Offset
		}
	}
	return 0
}

// Special lists the areas of uprobes in the process that waits for its input, as
// /proc/PID/maps shows them.
func (k *Kernel) Special() []string {
	t := k.current
	if t == nil {
		return nil
	}
	var lines []string
	for _, r := range vm.Maps(t.K(), t.MM()) {
		if strings.HasPrefix(r.Name, "[uprobes") {
			lines = append(lines, fmt.Sprintf("%08x-%08x %s %08x 00:00 0 %s", r.Start, r.End, r.Flags, r.Offset, r.Name))
		}
	}
	return lines
}
