package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
)

// fuzzFlags are the flags of trapline fuzz.
type fuzzFlags struct {
	programFlags
	seed       uint64
	budget     string
	executions int
	workers    int
	out        string
	corpus     string
}

func (a *app) fuzzCommand() *cobra.Command {
	var f fuzzFlags
	cmd := &cobra.Command{
		Use:   "fuzz DESIGN",
		Short: "Run programs that nobody has thought up",
		Long: `Fuzz draws programs for a design: what up to four tasks do, which register and
unregister probes, map and unmap, execute, reclaim and so on, and in which order.
It keeps those that show two conflicting steps in an order that none has shown
before, and draws from these. What goes wrong is counted by title, and each title
gets an example that is as small as possible, in operations and in preemptions.

It goes on for as long as it is given with --budget or --executions, or until it
is interrupted. With --out, each example is a file for trapline replay; with
--corpus, the programs that are kept are files, too, and the next run goes on from
there. With --workers 1 a run does the same each time.

Exit status: 0 if nothing was found but what the design is known for, 1 if there
was something else, 130 if it was interrupted.`,
		Example: `  trapline fuzz 2006-readpage-hook --budget 30s --out failures
  trapline fuzz 2006-mutex --executions 100000 --corpus kprobes-corpus --seed 3`,
		Args: arguments(1, 1, "DESIGN"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.catalogue.designNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.fuzz(cmd.Context(), args[0], &f)
		},
	}
	f.add(cmd)
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "draw from the seed `N`")
	cmd.Flags().StringVar(&f.budget, "budget", "", "stop after a `TIME`, such as 30s or 8h, or a number of executions")
	cmd.Flags().IntVar(&f.executions, "executions", 0, "stop after `N` executions")
	cmd.Flags().IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "run `N` programs at a time")
	cmd.Flags().StringVar(&f.out, "out", "", "write an example of each failure to a file in `DIR`, for trapline replay")
	cmd.Flags().StringVar(&f.corpus, "corpus", "", "keep the programs in `DIR`, and go on with those that are there")
	return cmd
}

func (a *app) fuzz(ctx context.Context, name string, f *fuzzFlags) error {
	executions, limit, err := parseBudget(f.budget)
	switch {
	case err != nil:
		return err
	case f.executions < 0:
		return mistake("fuzz: --executions %d: a number below 0 (leave it out for none)", f.executions)
	case executions > 0 && f.executions > 0:
		return mistake("fuzz: --budget %s and --executions %d are two numbers of executions (give one)", f.budget, f.executions)
	}
	if err := checkWorkers(f.workers); err != nil {
		return err
	}
	program, s, err := a.subject(f.programFlags, name)
	if err != nil {
		return err
	}
	box, err := newOutbox(f.out, program)
	if err != nil {
		return err
	}
	o := fuzz.Options{Image: s.image, Seed: f.seed, Executions: max(executions, f.executions), Workers: f.workers}
	kept, err := openCorpus(f.corpus, s.Subject, &o)
	if err != nil {
		return err
	}
	limited := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	line := newStatusLine(a.stderr, 0)
	defer line.stop()
	files := map[string]string{}
	o.Found = func(failure *fuzz.Failure) error {
		path, err := box.writeFailure(s, failure)
		files[failure.Title] = path
		return err
	}
	o.Progress = func(c fuzz.Counts) { line.replace(fuzzStatus(name, c)) }
	counts, err := fuzz.Fuzz(limited, s.Subject, o)
	line.stop()
	// An error is no reason to lose what was found before it.
	a.printFuzzed(name, counts, files)
	if notSaved := kept.save(counts); err == nil {
		err = notSaved
	}
	if err != nil {
		return err
	}
	switch {
	case counts.Unclaimed():
		return exit(exitViolation)
	case ctx.Err() != nil:
		return exit(exitInterrupted)
	}
	return nil
}

// subject finds a design that programs can be run on.
func (a *app) subject(flags programFlags, name string) (program, *subject, error) {
	program, _, err := a.open(flags)
	if err != nil {
		return program, nil, err
	}
	subjects, err := a.catalogue.subjects(flags.elf, flags.symbol)
	if err != nil {
		return program, nil, mistake("%w", err)
	}
	var names []string
	for _, s := range subjects {
		if s.Design.Name == name {
			return program, s, nil
		}
		names = append(names, s.Design.Name)
	}
	if slices.Contains(a.catalogue.scenarioNames(), name) {
		return program, nil, mistake("fuzz: %q is a scenario, and programs are run on a design (trapline list shows all)", name)
	}
	return program, nil, mistake("no design %q to run programs on (%strapline list shows all)", shorten(name), didYouMean(name, names))
}

// fuzzStatus is what the status line says.
func fuzzStatus(name string, c fuzz.Counts) string {
	unclaimed := 0
	for _, f := range c.Failures {
		if !f.Claimed {
			unclaimed++
		}
	}
	return fmt.Sprintf("%s: %d executions of %s, %d pairs of steps from %d kept, %s, %d not claimed",
		name, c.Executions, plural(c.Programs, "program"), c.Pairs, c.Corpus, plural(len(c.Failures), "title"), unclaimed)
}

// printFuzzed says what was found, most often first found first.
func (a *app) printFuzzed(name string, c fuzz.Counts, files map[string]string) {
	w := a.stdout
	fmt.Fprintf(w, "%s: %d executions of %s; %d kept, which show %d pairs of conflicting steps\n",
		name, c.Executions, plural(c.Programs, "program"), c.Corpus, c.Pairs)
	if c.Cut > 0 {
		fmt.Fprintf(w, "%s cut off\n", plural(c.Cut, "execution"))
	}
	for _, f := range c.Failures {
		claimed := "known of the design"
		if !f.Claimed {
			claimed = "NOT KNOWN of the design"
		}
		fmt.Fprintf(w, "\n%s\n  %s; %s, first in execution %d\n", f.Title, claimed, plural(f.Times, "time"), f.First)
		if f.Minimal == nil {
			continue
		}
		fmt.Fprintf(w, "  %s and %s:\n", plural(f.Minimal.Program.Operations(), "operation"), plural(f.Minimal.Finding.Preemptions, "preemption"))
		for text := range strings.Lines(f.Minimal.Program.String()) {
			fmt.Fprintf(w, "    %s", text)
		}
		fmt.Fprintf(w, "    schedule %s\n", f.Minimal.Finding.Schedule)
		if path := files[f.Title]; path != "" {
			fmt.Fprintf(w, "  replay: trapline replay %s\n", path)
		}
	}
	if len(c.Failures) == 0 {
		fmt.Fprintf(w, "nothing was found\n")
	}
}

// writeFailure writes the example of a failure, and returns the name of the file.
func (o *outbox) writeFailure(s *subject, f *fuzz.Failure) (string, error) {
	if o.dir == "" {
		return "", nil
	}
	p := s.pair(f.Minimal.Program)
	found := f.Minimal.Finding
	on := settings{}
	file := &recipeFile{
		recipe: recipeOf(p, found, on), model: modelSC, program: o.program, title: f.Title,
		steps: found.Steps, preemptions: found.Preemptions, trace: lanesOf(p, found.Schedule, on),
		lifecycle: f.Minimal.Program.String(),
	}
	hash := fingerprintOf(0, f.Title).title
	path := filepath.Join(o.dir, fmt.Sprintf("%s.%s.%s.txtar", lifecycle.Scenario, s.Design.Name, strconv.FormatUint(uint64(hash), 16)))
	if err := os.WriteFile(path, file.format(), 0o644); err != nil {
		return "", mistake("--out %s: %w (give a folder that can be written to)", o.dir, err)
	}
	return path, nil
}

// pair is a program, as if it were a scenario.
func (s *subject) pair(p *lifecycle.Program) *pair {
	return &pair{scenario: lifecycle.Scenario, design: s.Design.Name, program: s.Run(p, s.image)}
}
