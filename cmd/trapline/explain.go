package main

import (
	"fmt"
	"io"
	"strings"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/sim/trace"
)

// explain prints all that is known of a pair.
func (a *app) explain(c *checked, p program) {
	w := a.stdout
	fmt.Fprintf(w, "%s: %s\n", c.pair.name(), c.result.Verdict())
	if c.result.Memory != memory.SC {
		fmt.Fprintf(w, "memory model: %v\n", c.result.Memory)
	}
	for i, f := range c.result.Findings {
		fmt.Fprintf(w, "\n%s%s\n", numbered(i, len(c.result.Findings)), f.Violation.Title)
		if why, ok := c.pair.why(f.Violation.Title); ok {
			entry(w, 2, "known failure: ", why)
		}
		fmt.Fprintf(w, "\n%s", f.Violation.Report)
		printWaits(w, f.Violation)
		a.show(c.pair, f, c.settings, p)
	}
	if len(c.result.Findings) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s\n", c.result.Coverage())
	fmt.Fprintf(w, "claim held: %s\n", held(c))
}

// show prints the lanes of a finding, and what it takes to see it again. The
// lanes come from a replay of its recipe, so that is tried as well.
func (a *app) show(p *pair, f *explore.Finding, on settings, program program) {
	strategy := sim.NewReplay(f.Schedule)
	wanted := recipeOf(p, f, on)
	e := record(p.program, strategy, on)
	if err := differs(&recipeFile{recipe: wanted, title: f.Violation.Title}, e, strategy.Done()); err != nil {
		panic(fmt.Sprintf("%s does not replay: %v", wanted, err))
	}
	fmt.Fprintln(a.stdout)
	_ = trace.Lanes(a.stdout, e.records, pageWidth)
	fmt.Fprintf(a.stdout, "\n%s, replayed: same title, same trace hash\nreplay: %s\n", effort(f), wanted.command(program))
}

// numbered counts findings if there are several.
func numbered(i, n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf("%d. ", i+1)
}

func held(c *checked) string {
	if c.result.Part != nil {
		return "a part does not tell (trapline merge joins the parts)"
	}
	if c.held != nil {
		return "NO, " + c.held.Error()
	}
	return "yes"
}

// effort says how much it takes to get there.
func effort(f *explore.Finding) string {
	least := "the fewest found"
	if f.Minimal {
		least = "the fewest possible"
	}
	return fmt.Sprintf("%s (%s) and %s", plural(f.Preemptions, "preemption"), least, plural(f.Steps, "step"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printWaits says of a deadlock who waits for what.
func printWaits(w io.Writer, v *sim.Violation) {
	if len(v.Waits) == 0 {
		return
	}
	fmt.Fprintf(w, "\nwho waits for what:\n")
	for _, wait := range v.Waits {
		entry(w, 2, "", wait)
	}
}

func recipeOf(p *pair, f *explore.Finding, on settings) recipe {
	return recipe{p.scenario, p.design, on, f.Schedule, fingerprintOf(f.Hash, f.Violation.Title)}
}

// lanesOf are the lanes of the execution of a schedule.
func lanesOf(p *pair, s sim.Schedule, on settings) string {
	var b strings.Builder
	_ = trace.Lanes(&b, record(p.program, sim.NewReplay(s), on).records, pageWidth)
	return b.String()
}
