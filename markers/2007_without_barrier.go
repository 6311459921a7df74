package markers

import (
	"trapline/probes"
	"trapline/sim"
)

// The repaired design without one of the three barriers of marker_probe_cb. Each shows
// what its barrier is for, on a machine whose loads can overtake each other.
var (
	// WithoutRmbBeforeFunc may read the function before ptype.
	WithoutRmbBeforeFunc = addWithout(beforeFunc, "func", "ptype and the function")
	// WithoutRmbBeforePrivate may read the data before the function.
	WithoutRmbBeforePrivate = addWithout(beforePrivate, "private", "the function and its data")
	// WithoutRmbBeforeMulti may read the array before ptype, as the posted design.
	WithoutRmbBeforeMulti = addWithout(beforeMulti, "multi", "ptype and the array")
)

func addWithout(b barrier, name, between string) *Design {
	return add(Design{
		Design: probes.Design{
			Name:  "2007-without-rmb-before-" + name,
			Title: "several probes, repaired, but without the smp_rmb between " + between,
			From:  "the posted patch, one barrier taken away here",
			Order: []string{"module_mutex", "markers_mutex"},
		},
		Ordering: true,
		New:      func(k *sim.K) Scheme { return newSeveralProbesRepaired(k, b) },
	})
}
