package markers

import (
	"trapline/probes"
	"trapline/sim"
)

// The repaired design without one of the three barriers of marker_probe_cb. Each shows
// what its barrier is for, on a machine whose loads can overtake each other.
var (
	// WithoutRmbBeforeFunc may read the function before ptype.
	WithoutRmbBeforeFunc = addWithout(beforeFunc, "func", "ptype and the function", probes.Failure{
		Scenario: "ptype-before-function", Model: "lkmm",
		Title: "BUG: probe called with the data of another in marker_probe_cb",
		Why:   "the function is that of the probe that has gone, from when it was alone, and the data are of the one that is left",
	})
	// WithoutRmbBeforePrivate may read the data before the function.
	WithoutRmbBeforePrivate = addWithout(beforePrivate, "private", "the function and its data", probes.Failure{
		Scenario: "function-before-data", Model: "lkmm",
		Title: "BUG: probe called with the data of another in marker_probe_cb",
		Why:   "the function is the new one, and the data were read before they were",
	})
	// WithoutRmbBeforeMulti may read the array before ptype, as the posted design.
	WithoutRmbBeforeMulti = addWithout(beforeMulti, "multi", "ptype and the array", probes.Failure{
		Scenario: "ptype-before-multi", Model: "lkmm",
		Title: "BUG: unable to handle kernel paging request in marker_probe_cb",
		Why:   "ptype says that there is an array, and the pointer was read before there was one",
	})
)

func addWithout(b barrier, name, between string, fails ...probes.Failure) *Design {
	return add(Design{
		Design: probes.Design{
			Name:  "2007-without-rmb-before-" + name,
			Title: "several probes, repaired, but without the smp_rmb between " + between,
			From:  "the posted patch, one barrier taken away here",
			Order: []string{"module_mutex", "markers_mutex"},
			Fails: fails,
		},
		Ordering: true,
		New:      func(k *sim.K) Scheme { return newSeveralProbesRepaired(k, b) },
	})
}
