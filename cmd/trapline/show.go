package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trapline/sim/explore"
)

func (a *app) showCommand() *cobra.Command {
	var f programFlags
	cmd := &cobra.Command{
		Use:   "show SCENARIO|DESIGN",
		Short: "Show the page of a scenario or a design",
		Long: `Show prints all that the catalogue has on a scenario: what it asks, its story,
where it comes from, and what is claimed of each design; and the failure that is
simplest to follow, found by a search that is as long as it takes.

For a design it prints what it is, where it comes from, the lock order that it
claims, and what is claimed of it in each scenario.`,
		Example: `  trapline show readpage-returns-before-uptodate
  trapline show 2006-mutex`,
		Args:              arguments(1, 1, "SCENARIO|DESIGN"),
		ValidArgsFunction: a.catalogue.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.showPage(cmd.Context(), args[0], f)
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) showPage(ctx context.Context, name string, f programFlags) error {
	if strings.Contains(name, "/") {
		return mistake("show: %q names two pages (give a scenario or a design; trapline check shows a pair)", shorten(name))
	}
	if err := a.catalogue.check(name, "", false); err != nil {
		return err
	}
	program, pairs, err := a.open(f)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(a.catalogue.scenarios, func(s scenario) bool { return s.name == name }); i >= 0 {
		return a.showScenario(ctx, a.catalogue.scenarios[i], pairs, program)
	}
	i := slices.IndexFunc(a.catalogue.designs, func(d design) bool { return d.name == name })
	a.showDesign(a.catalogue.designs[i], pairs)
	return nil
}

func (a *app) showScenario(ctx context.Context, s scenario, pairs []*pair, p program) error {
	w := a.stdout
	fmt.Fprintf(w, "%s\n\n", s.name)
	entry(w, 2, "", s.asks)
	for paragraph := range strings.SplitSeq(s.story, "\n\n") {
		if paragraph != "" {
			fmt.Fprintln(w)
			fill(w, 0, 0, paragraph)
		}
	}
	fmt.Fprintln(w)
	entry(w, 0, "from: ", s.from)
	fmt.Fprintf(w, "\nCLAIMS\n\n")
	pairs = slices.DeleteFunc(slices.Clone(pairs), func(q *pair) bool { return q.scenario != s.name })
	for _, q := range pairs {
		a.showClaims(q.design, q)
	}
	simplest, of, err := a.simplest(ctx, pairs)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return exit(exitInterrupted) // another one may have been simpler
	case simplest == nil:
		return nil
	}
	fmt.Fprintf(w, "\nWHAT GOES WRONG\n\n%s: %s\n", of.name(), simplest.Violation.Title)
	a.show(of, simplest, settings{}, p)
	return nil
}

// showClaims says what is claimed of a pair, under the name of one of the two.
func (a *app) showClaims(name string, p *pair) {
	if len(p.known) == 0 {
		fmt.Fprintf(a.stdout, "  %s: clean\n", name)
		return
	}
	fmt.Fprintf(a.stdout, "  %s:\n", name)
	for _, k := range p.known {
		entry(a.stdout, 4, "", k.title)
		why := k.why
		if k.only != "" {
			why += " (only with " + k.only + ")"
		}
		entry(a.stdout, 6, "", why)
	}
}

// simplest is the failure that is claimed of most designs, where it takes the fewest
// preemptions, and then the fewest steps.
func (a *app) simplest(ctx context.Context, pairs []*pair) (best *explore.Finding, of *pair, err error) {
	claims := map[string]int{} // by title
	for _, p := range pairs {
		for _, k := range p.known {
			claims[k.title]++
		}
	}
	cost := func(f *explore.Finding) [3]int { return [3]int{-claims[f.Violation.Title], f.Preemptions, f.Steps} }
	for _, p := range pairs {
		if len(p.known) == 0 {
			continue
		}
		r, err := explore.Run(ctx, p.program, explore.Options{Memory: p.model})
		if err != nil {
			return nil, nil, err
		}
		for _, f := range r.Findings {
			if best == nil || less(cost(f), cost(best)) {
				best, of = f, p
			}
		}
	}
	return best, of, nil
}

func less(a, b [3]int) bool { return slices.Compare(a[:], b[:]) < 0 }

func (a *app) showDesign(d design, pairs []*pair) {
	w := a.stdout
	fmt.Fprintf(w, "%s\n\n", d.name)
	entry(w, 2, "", d.title)
	fmt.Fprintln(w)
	entry(w, 0, "from: ", d.from)
	if len(d.order) > 0 {
		entry(w, 0, "claimed lock order: ", strings.Join(d.order, " > "))
	}
	fmt.Fprintf(w, "\nCLAIMS\n\n")
	for _, p := range pairs {
		if p.design == d.name {
			a.showClaims(p.scenario, p)
		}
	}
}
