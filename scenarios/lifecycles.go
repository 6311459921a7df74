package scenarios

import (
	"slices"

	"trapline/scenarios/kprobes"
	"trapline/scenarios/lifecycle"
	"trapline/scenarios/markers"
	"trapline/scenarios/uprobes"
)

// Subjects are the designs of all subsystems that drawn programs can be run on.
func Subjects() []*lifecycle.Subject {
	return slices.Concat(kprobes.Subjects(), markers.Subjects(), uprobes.Subjects())
}
