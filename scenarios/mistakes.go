package scenarios

import (
	"fmt"
	"regexp"
	"slices"

	"trapline/probes"
	"trapline/scenarios/catalogue"
	"trapline/scenarios/lifecycle"
)

// wellFormed is what the command line takes for a name.
var wellFormed = regexp.MustCompile(`^[0-9a-z_-]+$`)

// models is what a failure may say of the memory models that show it. What is none of them
// would be a claim about nothing.
var models = regexp.MustCompile(`^((sc|tso|lkmm)(,(sc|tso|lkmm))*)?$`)

// Check says what is wrong with what the files of designs say of themselves: the first
// thing that is, nil if nothing is.
func Check() error { return check(Designs(), All()) }

func check(designs []*probes.Design, all []*catalogue.Scenario) error {
	for i, d := range designs {
		switch {
		case !wellFormed.MatchString(d.Name):
			return fmt.Errorf("a design of %s is called %q: a name has small letters, digits and hyphens, as in 2006-mutex", d.Subsystem, d.Name)
		case slices.ContainsFunc(designs[:i], func(o *probes.Design) bool { return o.Name == d.Name }):
			return fmt.Errorf("two designs are called %s: each needs a name of its own", d.Name)
		case d.Title == "" || d.From == "":
			return fmt.Errorf("%s does not say in Title what it is, and in From where it is from", d.Name)
		}
		for _, f := range d.Fails {
			known := func(s *catalogue.Scenario) bool { return s.Name == f.Scenario && s.Subsystem == d.Subsystem }
			if f.Scenario != lifecycle.Scenario && !slices.ContainsFunc(all, known) {
				return fmt.Errorf("%s fails %q, and there is no such scenario for %s", d.Name, f.Scenario, d.Subsystem)
			}
			if f.Title == "" || f.Why == "" {
				return fmt.Errorf("%s fails %q: the title of the failure is missing, or the reason", d.Name, f.Scenario)
			}
			if !models.MatchString(f.Model) {
				return fmt.Errorf("%s fails %q under %q: there are sc, tso and lkmm, with commas in between", d.Name, f.Scenario, f.Model)
			}
		}
	}
	return nil
}
