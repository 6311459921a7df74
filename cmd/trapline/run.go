package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/spf13/cobra"

	"trapline/sim"
	"trapline/sim/trace"
)

// runFlags are the flags of trapline run.
type runFlags struct {
	programFlags
	seed     uint64
	model    string
	schedule string
	format   string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SCENARIO/DESIGN",
		Short: "Run one execution and print its trace",
		Long: `Run executes a scenario once and prints what happened, as the kernel's ftrace
would or as lanes, one column a task. Left alone, a task runs until it blocks.
With --seed, every choice is drawn; with --schedule, it is given: T@N lets task
T take step N, counted from 0, and =V@N lets the choice made in step N be V. The
part of a recipe up to its hash will do as well: it says what the machine was like.

If a rule is broken, the report is on standard error and the exit status is 1.`,
		Example: `  trapline run readpage-returns-before-uptodate/2006-readpage-hook
  trapline run unregister-against-readpage/2006-readpage-hook --seed 3 --format lanes`,
		Args:              arguments(1, 1, "SCENARIO/DESIGN"),
		ValidArgsFunction: a.catalogue.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, args[0], &f)
		},
	}
	f.add(cmd)
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "draw every choice, from the seed `N`")
	cmd.Flags().StringVar(&f.schedule, "schedule", "", "follow the schedule `S`, such as unregister@4,fault@9")
	cmd.Flags().StringVar(&f.model, "model", modelSC, "the memory `MODEL`: sc, tso or lkmm; a schedule names its own")
	cmd.Flags().StringVar(&f.format, "format", "ftrace", "`FORM`: ftrace or lanes")
	return cmd
}

func (a *app) run(cmd *cobra.Command, arg string, f *runFlags) error {
	if f.format != "ftrace" && f.format != "lanes" {
		return mistake("--format %s: no such format (there are ftrace and lanes)", f.format)
	}
	strategy, replay, on := sim.Undisturbed, (*sim.Replay)(nil), settings{}
	switch flags := cmd.Flags(); {
	case flags.Changed("seed") && flags.Changed("schedule"):
		return mistake("run: --seed and --schedule both say how to choose (give only one of them)")
	case flags.Changed("seed"):
		strategy = newRandomWalk(f.seed)
	case flags.Changed("schedule"):
		s, given, err := parseSchedule(f.schedule)
		if err != nil {
			return mistake("--schedule: %w (as in unregister@4,=1@9)", err)
		}
		on = given
		replay = sim.NewReplay(s)
		strategy = replay
	}
	model, err := modelOf(f.model)
	if err != nil {
		return mistake("run: --model: %w", err)
	}
	if replay != nil && cmd.Flags().Changed("model") && replay.Memory() != model {
		return mistake("run: the schedule is one under %v, not %v (leave --model out)", replay.Memory(), model)
	}
	program, pairs, err := a.open(f.programFlags)
	if err != nil {
		return err
	}
	p, err := a.catalogue.one(pairs, arg)
	if err != nil {
		return err
	}

	e := recordUnder(model, p.program, strategy, on)
	if f.format == "lanes" {
		_ = trace.Lanes(a.stdout, e.records, pageWidth)
	} else {
		_ = trace.Ftrace(a.stdout, e.records, e.cpus())
	}
	if replay != nil {
		if err := replay.Done(); err != nil {
			return mistake("--schedule cannot be followed: %w (the trace shows how far it went)", err)
		}
	}
	switch {
	case e.Violation != nil:
		fmt.Fprintf(a.stderr, "%s", e.Violation.Report)
		printWaits(a.stderr, e.Violation)
		r := recipe{p.scenario, p.design, on, e.schedule, fingerprintOf(e.Hash, e.Violation.Title)}
		fmt.Fprintf(a.stderr, "replay: %s\n", r.command(program))
		return exit(exitViolation)
	case e.Cut:
		fmt.Fprintf(a.stderr, "trapline: run: cut off after %d steps\n", e.Steps)
	case e.AtBound:
		fmt.Fprintf(a.stderr, "trapline: run: tasks were stopped after %s each\n", plural(on.steps, "step"))
	}
	return nil
}

// parseSchedule reads a schedule, before which the version and the settings of a
// recipe may stand.
func parseSchedule(text string) (sim.Schedule, settings, error) {
	var on settings
	if version, rest, ok := strings.Cut(text, ":"); ok && (version == recipeVersion || strings.HasPrefix(version, recipeVersion+"+")) {
		var err error
		if on, err = parseVersion(version); err != nil {
			return nil, on, err
		}
		text = rest
	}
	s, err := sim.ParseSchedule(text)
	return s, on, err
}

// randomWalk draws every choice. It is the first execution that the strategy
// random explores from this seed.
type randomWalk struct {
	seed uint64
	draw *rand.Rand
}

func newRandomWalk(seed uint64) *randomWalk {
	w := &randomWalk{seed: seed}
	w.Restart()
	return w
}

// Choose draws.
func (w *randomWalk) Choose(_ *sim.Machine, p *sim.Point) int { return w.draw.IntN(p.N) }

// Restart begins the walk again.
func (w *randomWalk) Restart() { w.draw = rand.New(rand.NewPCG(w.seed, 0)) }
