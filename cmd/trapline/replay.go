package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/sim/trace"
)

func (a *app) replayCommand() *cobra.Command {
	var f programFlags
	cmd := &cobra.Command{
		Use:   "replay FILE|STRING",
		Short: "Run a failing execution again, exactly",
		Long: `Replay runs an execution that "trapline check" found: from the string after
"replay:", or from a file written by check --out. It prints the lanes and the
report, and makes sure that the execution is the same one: the same steps and
the same title. If not, the exit status is 3.

A string does not say which program was probed. If it was found with --elf and
--symbol, give them again; a file names its program, and the flags replace it.`,
		Example: `  trapline replay 'unregister-against-readpage/2006-readpage-hook:v1:reader@2:0123456789abcdef'
  trapline replay failures/unregister-against-readpage.2006-readpage-hook.1.txtar`,
		Args: arguments(1, 1, "FILE|STRING"),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.replay(args[0], f)
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) replay(arg string, flags programFlags) error {
	wanted, err := readRecipe(arg)
	if err != nil {
		return err
	}
	switch model, err := modelOf(wanted.model); {
	case err != nil:
		return mistake("replay: %w", err)
	case model != wanted.schedule.Memory():
		return mistake("replay: the schedule is one under %v, not %v (one of the two sections is wrong)", wanted.schedule.Memory(), model)
	}
	replaced := flags != (programFlags{})
	if builtin, _, err := a.open(programFlags{}); err != nil {
		return err
	} else if !replaced && wanted.program.elf != "" && wanted.program.elf != builtin.elf {
		flags = programFlags{wanted.program.elf, wanted.program.symbol}
	}
	program, p, err := a.wanted(flags, wanted)
	if err != nil {
		return err
	}

	strategy := sim.NewReplay(wanted.schedule)
	e := record(p.program, strategy, wanted.settings)
	_ = trace.Lanes(a.stdout, e.records, pageWidth)
	if e.Violation != nil {
		fmt.Fprintf(a.stdout, "\n%s\n%s", e.Violation.Title, e.Violation.Report)
		printWaits(a.stdout, e.Violation)
	}
	fmt.Fprintln(a.stdout)
	err = differs(wanted, e, strategy.Done())
	if err == nil && wanted.read && !replaced && (program.symbol != wanted.program.symbol || program.offset != wanted.program.offset) {
		err = fmt.Errorf("other program: got %s at offset %#x, expected %s at %#x", program.symbol, program.offset, wanted.program.symbol, wanted.program.offset)
	}
	if err != nil {
		return &failure{exitDiverged, fmt.Errorf("replay diverged: %w (%s)", err, suspect(wanted, program))}
	}
	fmt.Fprintln(a.stdout, "replay: same title, same trace hash")
	return nil
}

// wanted finds what is to be replayed: a scenario with a design, or the program of a
// file.
func (a *app) wanted(flags programFlags, r *recipeFile) (program, *pair, error) {
	if r.scenario != lifecycle.Scenario {
		program, pairs, err := a.open(flags)
		if err != nil {
			return program, nil, err
		}
		p, err := a.catalogue.one(pairs, r.scenario+"/"+r.design)
		return program, p, err
	}
	if !r.read {
		return program{}, nil, mistake("replay: a string does not say what %s did (give the file that trapline fuzz --out wrote)", r.scenario)
	}
	program, s, err := a.subject(flags, r.design)
	if err != nil {
		return program, nil, err
	}
	c, err := s.Language.Parse(r.lifecycle)
	if err != nil {
		return program, nil, mistake("replay: section %q: %w (trapline fuzz --out writes such files)", lifecycle.Scenario, err)
	}
	return program, s.pair(&c.Program), nil
}

// readRecipe reads the argument of replay: a string or the name of a file. Of a
// string, only the recipe and the model are known.
func readRecipe(arg string) (*recipeFile, error) {
	r, notString := parseRecipe(arg)
	if notString == nil {
		return &recipeFile{recipe: r, model: r.schedule.Memory().String()}, nil
	}
	text, err := os.ReadFile(arg)
	switch {
	case err == nil:
		f, err := parseRecipeFile(text)
		if err != nil {
			return nil, mistake("replay %s: %w (check --out writes such files)", arg, err)
		}
		return f, nil
	case strings.Contains(arg, ":"):
		return nil, mistake("replay: %w (copy the whole line after replay:)", notString)
	case errors.Is(err, fs.ErrNotExist):
		return nil, mistake("replay: %q is neither a file nor a recipe SCENARIO/DESIGN:%s:SCHEDULE:HASH (check prints them after replay:)", arg, recipeVersion)
	default:
		return nil, mistake("replay: %w (give a file that check --out wrote)", err)
	}
}

// differs says in what the execution is not the one that was wanted.
func differs(wanted *recipeFile, e *execution, lost error) error {
	expected, another := "a violation", "another one"
	if wanted.title != "" {
		expected = fmt.Sprintf("%q", wanted.title)
		another = expected
	}
	switch {
	case lost != nil:
		return fmt.Errorf("the schedule cannot be followed: %w", lost)
	case e.Violation == nil:
		return fmt.Errorf("no rule was broken; expected %s", expected)
	}
	got := fingerprintOf(e.Hash, e.Violation.Title)
	switch {
	case wanted.title != "" && e.Violation.Title != wanted.title, wanted.title == "" && got.title != wanted.print.title:
		return fmt.Errorf("other title: got %q, expected %s", e.Violation.Title, another)
	case got != wanted.print:
		return fmt.Errorf("other trace hash: got %s, expected %s", got, wanted.print)
	case wanted.read && (e.Steps != wanted.steps || e.Preemptions != wanted.preemptions):
		return fmt.Errorf("other execution: got %d steps and %d preemptions, expected %d and %d", e.Steps, e.Preemptions, wanted.steps, wanted.preemptions)
	}
	return nil
}

// suspect says what to look at when a replay has diverged.
func suspect(wanted *recipeFile, p program) string {
	switch {
	case wanted.program.elf == "" && p.builtin:
		return "if it was found with --elf and --symbol, give them again; otherwise the model has changed since"
	case wanted.program.elf != "" && wanted.program.offset != p.offset:
		return fmt.Sprintf("%s is at offset %#x, but was at %#x: the program has changed", p.symbol, p.offset, wanted.program.offset)
	default:
		return "the model has changed since, or the program"
	}
}
