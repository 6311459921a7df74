// Package markers holds the designs for probes on the kernel's own code: places that
// its authors have marked, to which functions can be connected at run time. Each
// design is one file that reads like the mail or the source that it comes from. What
// they all do is the interface [Scheme]; the scenarios need nothing else.
package markers

import (
	"cmp"
	"slices"

	"trapline/probes"
	"trapline/sim"
)

// Func is a marker_probe_func, the function of a probe.
type Func struct {
	// Name names it in traces.
	Name string
	// Call calls it with private data, nil for none.
	Call func(k *sim.K, private *Private)
}

// String is the name of the function, NULL for none.
func (f *Func) String() string {
	if f == nil {
		return "NULL"
	}
	return f.Name
}

// Private is what a function was registered with, probe_private. It belongs to whoever
// registered it, who frees it when that is done with.
type Private struct {
	sim.Life
	// Name names it in traces.
	Name string
}

// String is the name of the data, NULL for none.
func (p *Private) String() string {
	if p == nil {
		return "NULL"
	}
	return p.Name
}

// Probe is what a user connects to a marker: a function and its data.
type Probe struct {
	Func    *Func
	Private *Private
	// Prio orders the probes of a marker, the highest first. Designs that know of
	// no priorities call them in the order in which they came.
	Prio int
}

// Marker is a marked place in the code.
type Marker interface {
	// Trace is trace_mark(), which the code at the place calls: each probe that is
	// connected is to be called once. It does not sleep.
	Trace(k *sim.K)
}

// Scheme is a design at work. Its methods that register and unregister may sleep.
type Scheme interface {
	// NewMarker makes a marker of the core kernel, or of a module that ModuleComing
	// is about to be told of. Markers of one name are connected to the same probes.
	NewMarker(k *sim.K, name, format string, mod *sim.Module) Marker
	// ModuleComing and ModuleGoing tell of a module that holds markers: the first
	// before its code runs, the second after, and before its memory is freed.
	ModuleComing(k *sim.K, mod *sim.Module)
	ModuleGoing(k *sim.K, mod *sim.Module)
	// RegisterProbe connects a probe to the markers of a name. With a format that is
	// not empty, only to those of that format. It returns EBUSY or EEXIST if that
	// cannot be.
	RegisterProbe(k *sim.K, name, format string, p *Probe) error
	// UnregisterProbe disconnects the probe. It may be running still.
	UnregisterProbe(k *sim.K, name string, p *Probe) error
	// Synchronize waits for functions that may be running still. After it, whatever
	// belongs to a probe that was disconnected before may be freed.
	Synchronize(k *sim.K)
}

// Design is an entry of the catalogue.
type Design struct {
	probes.Design
	// Consolidated says that the kernel has one RCU for readers of every kind, as
	// since 4.20.
	Consolidated bool
	// Ordering says that the design differs from another one only in the order of
	// accesses to memory: it is asked only those questions.
	Ordering bool
	// New builds the design. It is given the handle of the setup.
	New func(k *sim.K) Scheme
}

// RCU is the RCU that the design relies on, in a kernel whose tasks can be preempted
// everywhere or only where they allow it.
func (d *Design) RCU(preemptible bool) sim.RCUModel {
	switch {
	case d.Consolidated && preemptible:
		return sim.ConsolidatedRCU
	case d.Consolidated:
		return sim.ConsolidatedNonPreemptRCU
	case preemptible:
		return sim.PreemptRCU
	default:
		return sim.ClassicRCU
	}
}

var all []*Design

// add enters a design into the catalogue. It is called from the package variables of
// the files of the designs, so that adding one touches no other file.
func add(d Design) *Design {
	d.Subsystem = "markers"
	all = append(all, &d)
	return &d
}

// Designs are all designs, by name.
func Designs() []*Design {
	return slices.SortedFunc(slices.Values(all), func(a, b *Design) int { return cmp.Compare(a.Name, b.Name) })
}

// markEmptyFunction is __mark_empty_function(), which can be called at any time: by a
// marker that was found enabled, and is not any more.
var markEmptyFunction = &Func{Name: "__mark_empty_function", Call: func(*sim.K, *Private) {}}

// closure is struct marker_probe_closure, and struct tracepoint_func: a function with
// its data. A nil function ends an array of them.
type closure struct {
	fn      *Func
	private *Private
	prio    int // of designs that know of priorities
}

// String shows both.
func (c closure) String() string {
	if c.fn == nil {
		return "NULL"
	}
	return c.fn.Name + "(" + c.private.String() + ")"
}

// probeArray is an array of closures, which readers walk.
type probeArray struct {
	sim.Life
	rcu sim.RCUHead // of designs that free the array by it
	c   []sim.Word[closure]
}

// newProbeArray allocates an array with these closures, and an end.
func newProbeArray(k *sim.K, name string, cs []closure) (*probeArray, error) {
	a := &probeArray{c: make([]sim.Word[closure], len(cs)+1)}
	if err := k.Kzalloc(&a.Life, name, sim.GFPKernel); err != nil {
		return nil, err
	}
	a.rcu.Init(k, name+"->rcu")
	a.rcu.In(&a.Life)
	for i := range a.c {
		var c closure
		if i < len(cs) {
			c = cs[i]
		}
		a.c[i].Init(k, name+"["+string(rune('0'+i))+"]", c)
		a.c[i].In(&a.Life)
	}
	return a, nil
}

// probeAt reads an element.
func (a *probeArray) probeAt(k *sim.K, i int) closure { return a.c[i].Read(k) }

// callProbes calls the probes of the array, one after the other.
func (a *probeArray) callProbes(k *sim.K) {
	for i := 0; ; i++ {
		c := a.probeAt(k, i)
		if c.fn == nil {
			return
		}
		c.fn.Call(k, c.private)
	}
}

var opCopyProbes = sim.NewOp("memcpy(%s)")

// copyProbes reads the elements up to the end, in one step: only for updaters, whom a mutex
// keeps apart.
func (a *probeArray) copyProbes(k *sim.K) []closure {
	if a == nil {
		return nil
	}
	k.Use(opCopyProbes, &a.Life)
	var cs []closure
	for i := range len(a.c) - 1 {
		cs = append(cs, a.c[i].Peek())
	}
	return cs
}

// overwriteProbe takes a closure out of the array that readers may be walking: a function
// that does nothing comes in its place. Updaters only.
func (a *probeArray) overwriteProbe(k *sim.K, c closure) {
	for i := range len(a.c) - 1 {
		if a.c[i].Peek() == c {
			a.c[i].Write(k, closure{fn: markEmptyFunction, private: c.private})
		}
	}
}

// without are the closures but for one, and for those that were overwritten.
func without(cs []closure, gone closure) []closure {
	return slices.DeleteFunc(cs, func(c closure) bool { return c == gone || c.fn == markEmptyFunction })
}

var _ = sim.Plumbing("new_probe_array", "probe_at", "call_probes", "copy_probes", "overwrite_probe")
