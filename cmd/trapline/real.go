package main

import (
	"strings"

	"trapline/probes"
	"trapline/scenarios"
	"trapline/sim/explore"
	"trapline/vm"
)

// theCatalogue is the catalogue of package scenarios.
func theCatalogue() *catalogue {
	c := &catalogue{open: openPairs, subjects: openSubjects}
	c.featured = "readpage-returns-before-uptodate/2006-readpage-hook"
	for _, s := range scenarios.All() {
		c.scenarios = append(c.scenarios, scenario{s.Name, s.Asks, s.From, s.Story})
	}
	for _, d := range scenarios.Designs() {
		c.designs = append(c.designs, design{d.Name, d.Title, d.From, d.Order, failures(d.Fails, "")})
	}
	return c
}

func openImage(elf, symbol string) (*vm.Image, error) {
	if elf == "" {
		return vm.DefaultImage(), nil
	}
	return vm.OpenImage(elf, symbol)
}

func openSubjects(elf, symbol string) ([]*subject, error) {
	image, err := openImage(elf, symbol)
	if err != nil {
		return nil, err
	}
	if err := scenarios.Check(); err != nil {
		return nil, err
	}
	var all []*subject
	for _, s := range scenarios.Subjects() {
		all = append(all, &subject{s, image})
	}
	return all, nil
}

func openPairs(elf, symbol string) (program, []*pair, error) {
	image, err := openImage(elf, symbol)
	if err != nil {
		return program{}, nil, err
	}
	if err := scenarios.Check(); err != nil {
		return program{}, nil, err
	}
	var pairs []*pair
	for _, p := range scenarios.Pairs() {
		pairs = append(pairs, &pair{
			scenario: p.Scenario.Name,
			design:   p.Design.Name,
			program:  p.Program(image),
			known:    failures(p.Design.Fails, p.Scenario.Name),
			model:    p.Scenario.Model,
			held:     func(r *explore.Result) error { return p.Held(image, r) },
		})
	}
	return program{image.Name, image.Symbol, image.Offset, elf == ""}, pairs, nil
}

// places are the sets of pages in words.
var places = map[probes.Pages]string{
	probes.FirstPage: "the probe in the first page of the file",
	probes.LaterPage: "the probe in a later page of the file",
}

// failures are those in one scenario, or in all.
func failures(fails []probes.Failure, scenario string) []known {
	var ks []known
	for _, f := range fails {
		if f.Scenario == scenario || scenario == "" {
			only := places[f.Only]
			if f.Model != "" {
				only = "the memory model " + strings.ReplaceAll(f.Model, ",", " or ")
			}
			ks = append(ks, known{f.Scenario, f.Title, f.Why, only})
		}
	}
	return ks
}
