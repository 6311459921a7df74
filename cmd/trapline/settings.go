package main

import (
	"fmt"
	"strconv"
	"strings"

	"trapline/sim"
)

// settings are those of the machine that the user chooses. They change the steps
// that there are, or their order when nothing disturbs it, so a schedule means the
// same execution only together with them.
type settings struct {
	commute bool // additions whose result nobody asks for commute
	steps   int  // the bound on the steps of each task, 0 for none
}

// apply makes a machine what the settings say.
func (s settings) apply(m *sim.Machine) { m.CommuteRMW, m.MaxTaskSteps = s.commute, s.steps }

// version is what stands before a schedule: the version of the form, and the
// settings that are not the ordinary ones, as in v1+commute+steps=20.
func (s settings) version() string {
	v := recipeVersion
	if s.commute {
		v += "+commute"
	}
	if s.steps > 0 {
		v += fmt.Sprintf("+steps=%d", s.steps)
	}
	return v
}

// parseVersion reads what version writes, and nothing else.
func parseVersion(text string) (settings, error) {
	var s settings
	first, rest, _ := strings.Cut(text, "+")
	if first != recipeVersion {
		return s, fmt.Errorf("version %q, but this trapline reads only %s", shorten(text), recipeVersion)
	}
	for part := range strings.SplitSeq(rest, "+") {
		if part == "commute" {
			s.commute = true
		} else if n, ok := strings.CutPrefix(part, "steps="); ok {
			s.steps, _ = strconv.Atoi(n)
		}
	}
	if s.version() != text {
		return s, fmt.Errorf("version %q: want %s, %s+commute, %s+steps=N or %s+commute+steps=N", shorten(text), recipeVersion, recipeVersion, recipeVersion, recipeVersion)
	}
	return s, nil
}
