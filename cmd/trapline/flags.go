package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

// programFlags name the program whose text is probed.
type programFlags struct{ elf, symbol string }

func (f *programFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.elf, "elf", "", "probe the text of this program (`FILE`, x86-64 ELF) instead of the built-in one")
	cmd.Flags().StringVar(&f.symbol, "symbol", "", "the function `NAME` of --elf to probe")
}

// open returns the pairs of the catalogue with the program of the flags.
func (a *app) open(f programFlags) (program, []*pair, error) {
	switch {
	case f.elf == "" && f.symbol != "":
		return program{}, nil, mistake("--symbol %s without --elf (--elf FILE names the program that has it)", f.symbol)
	case f.elf != "" && f.symbol == "":
		return program{}, nil, mistake("--elf %s without --symbol (--symbol NAME names the function to probe)", f.elf)
	}
	p, pairs, err := a.catalogue.open(f.elf, f.symbol)
	if err != nil {
		return program{}, nil, mistake("%w", err)
	}
	return p, pairs, nil
}

// searchFlags say how to explore.
type searchFlags struct {
	strategy, model, budget string
	preemptions, delays     int
	depth                   int
	shard                   string
	learnt                  []string
	seed                    uint64
	selfCheck               bool
	steps                   int
	lockAware, commute      bool
}

// probesMade is how many executions the estimate of the size of a search may be drawn
// from.
const probesMade = 400

// The bounds of --strategy bounded and --strategy delays.
const (
	defaultPreemptions = 2
	defaultDelays      = 3
)

func (f *searchFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.strategy, "strategy", "", "the `NAME` of the strategy: dpor, every interleaving; bounded and delays, those with at most --preemptions or --delays; states, every state; random, pct, pos and surw, samples (default dpor)")
	flags.IntVar(&f.preemptions, "preemptions", defaultPreemptions, "the bound `N` of the strategy bounded, which it implies")
	flags.IntVar(&f.delays, "delays", defaultDelays, "the bound `N` of the strategy delays, which it implies")
	flags.Uint64Var(&f.seed, "seed", 0, "the seed `N` of the strategies that draw a sample; implies random")
	flags.IntVar(&f.depth, "depth", explore.DefaultDepth, "the depth `N` of the bugs that the strategy pct aims at, which it implies")
	flags.IntVar(&f.steps, "steps", 0, "stop each task after `N` steps, 0 for no bound: for programs that do not end, which are then never clean")
	flags.BoolVar(&f.lockAware, "lock-aware", false, "leave out the order of critical sections that commute; for the strategy dpor, which it implies")
	flags.BoolVar(&f.commute, "commute", false, "take additions whose result nobody asks for (atomic_inc, this_cpu_inc) for steps that commute, and leave out their order")
	flags.StringVar(&f.shard, "shard", "", "make only part `I/N` of the search, as in 2/5; trapline merge joins the parts")
	flags.StringArrayVar(&f.learnt, "learnt", nil, "begin a part with the schedule `S`, when trapline merge asks for that")
	flags.StringVar(&f.budget, "budget", "", "stop after a `TIME` for all (30s) or a number of executions for each pair (100000)")
	flags.BoolVar(&f.selfCheck, "selfcheck", false, "run every schedule twice and compare what happened")
	flags.StringVar(&f.model, "model", modelSC, "the memory `MODEL`: sc, tso (x86) or lkmm (the Linux-kernel memory model); the default is the one that a scenario is about, mostly sc")
}

// options checks the flags. The duration is the budget of time, 0 for none.
func (f *searchFlags) options(cmd *cobra.Command) (explore.Options, time.Duration, error) {
	none := explore.Options{}
	o := explore.Options{Strategy: f.strategy, SelfCheck: f.selfCheck}
	var err error
	if o.Memory, err = modelOf(f.model); err != nil {
		return none, 0, mistake("--model: %w", err)
	}
	if f.strategy != "" && !slices.Contains(explore.Strategies(), f.strategy) {
		return none, 0, mistake("--strategy %s: no such strategy (%sthere are %s)", f.strategy,
			didYouMean(f.strategy, explore.Strategies()), strings.Join(explore.Strategies(), ", "))
	}
	for _, implied := range []struct {
		flag string
		by   []string // the first is implied
	}{{"preemptions", []string{explore.Bounded}}, {"delays", []string{explore.Delays}}, {"seed", explore.Samples()}, {"depth", []string{explore.PCT}}, {"lock-aware", []string{explore.DPOR}}} {
		if !cmd.Flags().Changed(implied.flag) {
			continue
		}
		if o.Strategy != "" && !slices.Contains(implied.by, o.Strategy) {
			return none, 0, mistake("--%s is for --strategy %s, not %s (give only one of them)", implied.flag, strings.Join(implied.by, ", "), o.Strategy)
		}
		o.Strategy = cmp.Or(o.Strategy, implied.by[0])
	}
	switch o.Strategy {
	case "":
		o.Strategy = explore.DPOR
	case explore.Bounded:
		if f.preemptions < 0 {
			return none, 0, mistake("--preemptions %d: want 0 or more (2 finds most)", f.preemptions)
		}
		o.Preemptions = f.preemptions
	case explore.Delays:
		if f.delays < 0 {
			return none, 0, mistake("--delays %d: want 0 or more (3 finds most)", f.delays)
		}
		o.Delays = f.delays
	default:
		if slices.Contains(explore.Samples(), o.Strategy) {
			o.Seed = f.seed
		}
	}
	if o.Strategy == explore.PCT {
		if f.depth < 1 || f.depth > explore.MostDepth {
			return none, 0, mistake("--depth %d: want 1 to %d (3 finds most)", f.depth, explore.MostDepth)
		}
		o.Depth = f.depth
	}
	if f.steps < 0 {
		return none, 0, mistake("--steps %d: want 1 or more, or 0 for no bound", f.steps)
	}
	o.TaskSteps, o.LockAware = f.steps, f.lockAware
	o.Setup = settings{f.commute, f.steps}.apply
	if err := f.part(&o); err != nil {
		return none, 0, err
	}
	if err := f.weakly(o); err != nil {
		return none, 0, err
	}
	o.Estimate = estimated(o)
	executions, limit, err := parseBudget(f.budget)
	o.Executions = executions
	return o, limit, err
}

// estimated is from how many executions the size of the search is to be estimated.
func estimated(o explore.Options) int {
	if o.Shard.Of > 0 || slices.Contains(explore.Samples(), o.Strategy) {
		return 0
	}
	return probesMade
}

// weakly checks that the search can be made under the memory model.
func (f *searchFlags) weakly(o explore.Options) error {
	switch {
	case o.Memory == memory.SC:
		return nil
	case o.Strategy != explore.DPOR && !slices.Contains(explore.Samples(), o.Strategy):
		return mistake("--strategy %s: only under --model %s (dpor and the samples know the others)", o.Strategy, modelSC)
	case o.LockAware:
		return mistake("--lock-aware: only under --model %s (leave one of them out)", modelSC)
	}
	return nil
}

// anyModel says whether a search can be made under every memory model.
func anyModel(o explore.Options) bool {
	return o.Strategy == explore.DPOR && !o.LockAware || slices.Contains(explore.Samples(), o.Strategy)
}

// part reads which part of the search is to be made.
func (f *searchFlags) part(o *explore.Options) error {
	switch {
	case f.shard == "" && len(f.learnt) > 0:
		return mistake("--learnt without --shard (trapline merge says when a part needs it)")
	case f.shard == "":
		return nil
	case len(f.learnt) > 0 && slices.Contains(explore.Samples(), o.Strategy):
		return mistake("--learnt is not for samples such as %s (leave it out)", o.Strategy)
	}
	var err error
	if o.Shard, err = parseShard(f.shard); err != nil {
		return err
	}
	for _, text := range f.learnt {
		s, err := sim.ParseSchedule(text)
		if err != nil {
			return mistake("--learnt: %w (copy what trapline merge says)", err)
		}
		o.Learnt = append(o.Learnt, s)
	}
	return nil
}

// parseShard reads I/N, which counts from 1.
func parseShard(text string) (explore.Shard, error) {
	i, n, _ := strings.Cut(text, "/")
	index, err := strconv.Atoi(i)
	of, err2 := strconv.Atoi(n)
	if err != nil || err2 != nil || of < 2 || of > mostShards || index < 1 || index > of {
		return explore.Shard{}, mistake("--shard %s: want I/N with I from 1 to N and N from 2 to %d (as in 2/5)", text, mostShards)
	}
	return explore.Shard{Index: index - 1, Of: of}, nil
}

// mostWorkers bounds --workers: each holds a machine of its own.
const mostWorkers = 1000

// checkWorkers checks --workers.
func checkWorkers(n int) error {
	if n < 1 || n > mostWorkers {
		return mistake("--workers %d: want 1 to %d (as many as there are processors, if left out)", n, mostWorkers)
	}
	return nil
}

// mostShards is how many parts a search can have.
const mostShards = 10_000

// parseBudget reads a duration or a number of executions; empty is no budget.
func parseBudget(text string) (executions int, limit time.Duration, err error) {
	if text == "" {
		return 0, 0, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n, 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return 0, d, nil
	}
	return 0, 0, mistake("--budget %s: want a time or a number of executions above 0 (as in 30s or 100000)", text)
}
