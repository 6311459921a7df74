package main

import (
	"fmt"
	"slices"
	"strconv"

	"trapline/sim/explore"
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
		a.show(c.pair, f, p)
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
			fmt.Fprintf(a.stdout, "  %s\n  replay: %s\n\n", effort(f), recipeOf(c.pair, f).command(p))
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

// covered is the short form of Result.Coverage.
func covered(r *explore.Result) string {
	switch {
	case slices.Contains(explore.Samples(), r.Strategy):
		return fmt.Sprintf("a sample, seed %d", r.Seed)
	case !r.Complete:
		return "incomplete: " + r.Stopped
	case r.Part != nil:
		return r.Part.Shard.String()
	case r.Strategy == explore.Bounded:
		return "all with at most " + plural(r.Preemptions, "preemption")
	case r.Strategy == explore.States:
		return "every state"
	default:
		return "every interleaving"
	}
}

func titles(r *explore.Result) []string {
	all := []string{}
	for _, f := range r.Findings {
		all = append(all, f.Violation.Title)
	}
	return all
}
