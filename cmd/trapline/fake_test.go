package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// fakeCatalogue has a scenario in which a wake-up is lost, with a design that
// tests its condition again before it sleeps and with two that do not, one of
// which does not say so; and one that nobody fails.
func fakeCatalogue() *catalogue {
	lost := known{scenario: "lost-wakeup", title: "INFO: task hung in fake_wait", why: "The wake-up comes between the test and the sleep.", only: "the probe in the first page of the file"}
	c := &catalogue{
		scenarios: []scenario{
			{"lost-wakeup", "Can the sleeper miss its wake-up?", "a textbook", ""},
			{"nothing-happens", "Does nothing go wrong?", "", ""},
		},
		designs: []design{
			{name: "2001-careful", title: "tests again", from: "a textbook", order: []string{"a", "b"}},
			{name: "2002-careless", title: "does not", fails: []known{lost}},
			{name: "2003-liar", title: "does not, and does not say so"},
		},
	}
	c.open = func(elf, symbol string) (program, []*pair, error) {
		if elf == "missing" {
			return program{}, nil, errors.New("elf missing: no such file")
		}
		p := program{elf: elf, symbol: symbol, offset: 0x40}
		if elf == "" {
			p = program{"victim", "main", 0x1000, true}
		}
		var pairs []*pair
		for _, s := range c.scenarios {
			for _, d := range c.designs {
				f := &pair{scenario: s.name, design: d.name, program: fakeProgram(s.name, d.name)}
				for _, k := range d.fails {
					if k.scenario == s.name {
						f.known = append(f.known, k)
					}
				}
				f.held = f.heldByFake
				pairs = append(pairs, f)
			}
		}
		return p, pairs, nil
	}
	return c
}

func (p *pair) heldByFake(r *explore.Result) error {
	want := explore.Clean
	if len(p.known) > 0 {
		want = explore.Violation
	}
	if got := r.Verdict(); got != want {
		return fmt.Errorf("claimed %s, is %s", want, got)
	}
	return nil
}

func fakeProgram(scenario, design string) sim.Program {
	var (
		flag sim.Word[bool]
		wq   sim.WaitQueue
	)
	return func(m *sim.Machine) {
		flag.Init(m.Setup(), "flag", false)
		m.Setup().InitWaitqueueHead(&wq, "wq")
		if scenario == "lost-wakeup" {
			m.Go("sleeper", func(k *sim.K) { fakeWait(k, &flag, &wq, design == "2001-careful") })
		}
		m.Go("waker", func(k *sim.K) {
			flag.Write(k, true)
			k.WakeUp(&wq)
		})
	}
}

func fakeWait(k *sim.K, flag *sim.Word[bool], wq *sim.WaitQueue, careful bool) {
	if careful {
		k.WaitEvent(wq, func() bool { return flag.Read(k) })
		return
	}
	if !flag.Read(k) {
		k.PrepareToWait(wq)
		k.Schedule(wq)
		k.FinishWait(wq)
	}
}

// trapline runs the command on the fake catalogue.
func trapline(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return traplineWith(context.Background(), fakeCatalogue(), args...)
}

func traplineWith(ctx context.Context, c *catalogue, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = runWith(ctx, c, args, &out, &err)
	return code, out.String(), err.String()
}

// lostWakeup is what check finds in the careless design.
func lostWakeup(t *testing.T) recipe {
	t.Helper()
	_, pairs, err := fakeCatalogue().open("", "")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(pairs, func(p *pair) bool { return p.name() == "lost-wakeup/2002-careless" })
	r, err := explore.Run(context.Background(), pairs[i].program, explore.Options{})
	if err != nil || len(r.Findings) != 1 {
		t.Fatalf("%d findings: %v", len(r.Findings), err)
	}
	return recipeOf(pairs[i], r.Findings[0], settings{})
}
