package main

import (
	"fmt"
	"slices"
	"strconv"

	"trapline/sim/explore"
	"trapline/sim/memory"
)

// printTable prints a line a pair under the name of its scenario, what is not as
// claimed, and a summary. With named, it also says how to replay what was found.
func (a *app) printTable(done []*checked, p program, named bool) {
	const heading = "SCENARIO / DESIGN"
	width := len(heading)
	for _, c := range done {
		width = max(width, 2+len(c.pair.design))
	}
	row := func(name, verdict, held, executions, what string) {
		fmt.Fprintf(a.stdout, "%-*s  %-12s  %-4s  %10s  %s\n", width, name, verdict, held, executions, what)
	}
	row(heading, "VERDICT", "HELD", "EXECUTIONS", "FOUND OR COVERED")
	scenario := ""
	for _, c := range done {
		if c.pair.scenario != scenario {
			scenario = c.pair.scenario
			fmt.Fprintln(a.stdout, scenario)
		}
		said := "yes"
		switch {
		case c.result.Part != nil:
			said = "part"
		case c.held != nil:
			said = "NO"
		}
		what := titles(c.result)
		if len(what) == 0 {
			what = []string{covered(c.result)}
		}
		row("  "+c.pair.design, c.result.Verdict(), said, strconv.Itoa(c.result.Executions), what[0])
		for _, more := range what[1:] {
			row("", "", "", "", more)
		}
	}
	fmt.Fprintln(a.stdout)
	if named {
		a.printReplays(done, p)
	} else {
		a.printFeatured(done, p)
	}
	a.printSummary(done)
}

// printFeatured tells one story, so that who runs the whole catalogue sees what
// a failure looks like.
func (a *app) printFeatured(done []*checked, p program) {
	for _, c := range done {
		if c.pair.name() != a.catalogue.featured || len(c.result.Findings) == 0 {
			continue
		}
		f := c.result.Findings[0]
		fmt.Fprintf(a.stdout, "one of them, %s:\n\n%s\n", c.pair.name(), f.Violation.Title)
		if why, ok := c.pair.why(f.Violation.Title); ok {
			entry(a.stdout, 2, "", why)
		}
		a.show(c.pair, f, c.settings, p)
		fmt.Fprintf(a.stdout, "in full: trapline check %s%s\n\n", p.flags(), c.pair.name())
	}
}

// printReplays says how to see each finding again.
func (a *app) printReplays(done []*checked, p program) {
	for _, c := range done {
		for _, f := range c.result.Findings {
			fmt.Fprintf(a.stdout, "%s: %s\n", c.pair.name(), f.Violation.Title)
			if why, ok := c.pair.why(f.Violation.Title); ok {
				entry(a.stdout, 2, "known failure: ", why)
			}
			fmt.Fprintf(a.stdout, "  %s\n  replay: %s\n\n", effort(f), recipeOf(c.pair, f, c.settings).command(p))
		}
	}
}

func (a *app) printSummary(done []*checked) {
	broken := 0
	for _, c := range done {
		if c.held != nil {
			broken++
			fmt.Fprintf(a.stdout, "%s: %v\n", c.pair.name(), c.held)
		}
	}
	switch {
	case len(done) > 0 && done[0].result.Part != nil:
		fmt.Fprintf(a.stdout, "%s, %s of each\n", plural(len(done), "pair"), done[0].result.Part.Shard)
	case broken == 0:
		fmt.Fprintf(a.stdout, "%s, all claims held\n", plural(len(done), "pair"))
	default:
		fmt.Fprintf(a.stdout, "%s, %s not held\n", plural(len(done), "pair"), plural(broken, "claim"))
	}
}

// covered is the short form of Result.Coverage. It names every bound, too.
func covered(r *explore.Result) string {
	var text string
	switch {
	case slices.Contains(explore.Samples(), r.Strategy):
		text = fmt.Sprintf("a sample, seed %d", r.Seed)
	case !r.Complete:
		text = "incomplete: " + r.Stopped
		if r.Estimate.Probes > 0 {
			text += " (" + r.Estimate.Of("executions") + ")"
		}
	case r.Part != nil:
		text = r.Part.Shard.String()
	case r.Strategy == explore.Bounded:
		text = "all with at most " + plural(r.Preemptions, "preemption")
	case r.Strategy == explore.Delays:
		text = "all with at most " + plural(r.Delays, "delay")
	case r.Strategy == explore.States:
		text = "every state"
	case r.Memory != memory.SC:
		text = "every execution graph under " + r.Memory.String()
	case r.LockAware:
		text = "every interleaving, but for sections that commute"
	default:
		text = "every interleaving"
	}
	if r.TaskSteps > 0 {
		text += fmt.Sprintf(", up to %s of each task", plural(r.TaskSteps, "step"))
	}
	if r.Cut > 0 {
		text += fmt.Sprintf(", %d cut off", r.Cut)
	}
	return text
}

func titles(r *explore.Result) []string {
	all := []string{}
	for _, f := range r.Findings {
		all = append(all, f.Violation.Title)
	}
	return all
}
