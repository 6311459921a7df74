package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choose finds the pairs that arguments name: SCENARIO, DESIGN or
// SCENARIO/DESIGN. They come in the order of the catalogue, each once.
func (c *catalogue) choose(pairs []*pair, args []string) ([]*pair, error) {
	if len(args) == 0 {
		return pairs, nil
	}
	chosen := map[*pair]bool{}
	for _, arg := range args {
		if strings.Contains(arg, "/") {
			p, err := c.one(pairs, arg)
			if err != nil {
				return nil, err
			}
			chosen[p] = true
			continue
		}
		if err := c.check(arg, "", false); err != nil {
			return nil, err
		}
		for _, p := range pairs {
			if p.scenario == arg || p.design == arg {
				chosen[p] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(pairs), func(p *pair) bool { return !chosen[p] }), nil
}

// one finds the pair that an argument names.
func (c *catalogue) one(pairs []*pair, arg string) (*pair, error) {
	scenario, design, both := strings.Cut(arg, "/")
	if err := c.check(scenario, design, both); err != nil {
		return nil, err
	}
	if !both {
		return nil, mistake("%q is not a pair SCENARIO/DESIGN (trapline list shows both)", arg)
	}
	for _, p := range pairs {
		if p.name() == arg {
			return p, nil
		}
	}
	return nil, mistake("scenario %q is not asked of design %q (trapline list shows all)", scenario, design)
}

// check says what is wrong with the names in an argument.
func (c *catalogue) check(first, design string, both bool) error {
	scenarios, designs := c.scenarioNames(), c.designNames()
	switch {
	case slices.Contains(scenarios, first):
		if both && !slices.Contains(designs, design) {
			return mistake("scenario %q: no design %q (%strapline list shows all)", first, design, didYouMean(design, designs))
		}
		return nil
	case both:
		return mistake("no scenario %q (%strapline list shows all)", first, didYouMean(first, scenarios))
	case slices.Contains(designs, first):
		return nil
	default:
		return mistake("no scenario or design %q (%strapline list shows all)", first, didYouMean(first, append(scenarios, designs...)))
	}
}

func (c *catalogue) scenarioNames() []string {
	var names []string
	for _, s := range c.scenarios {
		names = append(names, s.name)
	}
	return names
}

func (c *catalogue) designNames() []string {
	var names []string
	for _, d := range c.designs {
		names = append(names, d.name)
	}
	return names
}

// complete is the completion of pairs for the user's shell.
func (c *catalogue) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, s := range c.scenarios {
		names = append(names, s.name)
		for _, d := range c.designs {
			names = append(names, s.name+"/"+d.name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// didYouMean is the beginning of a hint: the name that is nearest to what the
// user wrote, if one is near.
func didYouMean(wrote string, names []string) string {
	best, least := "", len(wrote)/3+1
	for _, name := range names {
		d := distance(wrote, name)
		if len(wrote) >= 4 && strings.Contains(name, wrote) {
			d = min(d, 1) // a part of the name will do
		}
		if d < least || d == least && best == "" {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q? ", best)
}

// distance is the number of letters to insert, delete or exchange to get from a
// to b.
func distance(a, b string) int {
	if len(a) > 200 || len(b) > 200 {
		return 200 // a name this long is not misspelt but something else
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
