package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"trapline/sim/litmus"
	"trapline/sim/memory"
)

// litmusFlags are the flags of trapline litmus.
type litmusFlags struct {
	model         string
	loadBuffering bool
	executions    int
	explain, json bool
}

func (a *app) litmusCommand() *cobra.Command {
	var f litmusFlags
	cmd := &cobra.Command{
		Use:   "litmus FILE...",
		Short: "Run litmus tests of the kernel's memory model",
		Long: `Litmus reads litmus tests in the C form of the Linux kernel's memory model, as in
tools/memory-model/litmus-tests, tries all executions that the memory model
allows, and prints for each file what herd7 prints: the final states, and whether
the condition holds in them. The line "Model" stands in the place of herd7's time.

The model is sc (one interleaving explains all), tso (x86) or lkmm (the kernel's,
which is what herd7 runs with linux-kernel.cfg). Under lkmm a load may take its
value from a store that another task makes only later; --load-buffering=false
leaves such executions out, as no run of ordinary code shows them. A value that comes
from nowhere, because plain accesses pass it round, is printed S and equals any other.

A comment "Result: Never" (or Sometimes, Always, DEADLOCK, with DATARACE after it
if there is one) says what lkmm must find. "SC: Never", "TSO: Never", "LKMM: Never"
and "LKMM without load buffering: Never" say it of each model. The exit status is
0 if every file agrees with what it says, or says nothing, 1 if one does not, and 2
if one has a mistake in it; the others are run all the same.
Compare it with Observation, which speaks of the condition; DEADLOCK is for a test
of which no execution comes to an end.

With --explain an execution is told that the condition is about: which store each
load read, why not a newer one, and which barriers would have forbidden it.

With --json there is one object a line for each file, with the fields file, test,
model, load_buffering, kind (Allowed for exists, Forbidden for ~exists, Required for
forall), states, ok, positive and negative (executions in which what the condition
says is true, and is not), race, loop (a loop was cut off after two turns),
condition, observation, expected (or empty), agrees, complete, blocked and, with --explain, explanation.`,
		Example: `  trapline litmus MP+poonceonces.litmus
  trapline litmus --model tso *.litmus
  trapline litmus --explain MP+poonceonces.litmus
  trapline litmus --json LB+poonceonces.litmus`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.litmus(cmd, args, &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.model, "model", memory.LKMM.String(), "the memory `MODEL`: sc, tso or lkmm")
	flags.BoolVar(&f.loadBuffering, "load-buffering", true, "let loads read what other tasks store only later (lkmm)")
	flags.IntVar(&f.executions, "executions", 0, "stop each test after `N` executions (0: never)")
	flags.BoolVar(&f.explain, "explain", false, "tell an execution that the condition is about")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a line for each file")
	return cmd
}

// options checks the flags.
func (f *litmusFlags) options() (memory.Options, error) {
	o := memory.Options{MaxExecutions: f.executions}
	var err error
	if o.Model, err = modelOf(f.model); err != nil {
		return o, mistake("--model: %w", err)
	}
	if f.executions < 0 {
		return o, mistake("--executions %d: want 0 or more (0 for all)", f.executions)
	}
	o.LoadBuffering = f.loadBuffering && o.Model == memory.LKMM
	return o, nil
}

// litmus runs the tests of the files one after the other.
func (a *app) litmus(cmd *cobra.Command, files []string, f *litmusFlags) error {
	if len(files) == 0 {
		return mistake("litmus: no files (usage: trapline litmus FILE...)")
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	// The exploration of a test knows no interruption: it is left to run until the
	// process ends.
	finished := make(chan error, 1)
	go func() {
		finished <- protect(func() error { return a.runLitmus(files, o, f) })
	}()
	select {
	case err := <-finished:
		return err
	case <-cmd.Context().Done():
		return exit(exitInterrupted)
	}
}

// protect makes an error of a panic, which would otherwise end the process with the
// status of a user's mistake.
func protect(run func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault(r)
		}
	}()
	return run()
}

// runLitmus runs the tests of all files. A file with a mistake does not keep the
// others from being run; it decides the exit status.
func (a *app) runLitmus(files []string, o memory.Options, f *litmusFlags) error {
	status := exit(exitOK)
	for _, file := range files {
		r, why, err := a.runLitmusFile(file, o, f.explain)
		if err != nil {
			status = exitMistake
			fmt.Fprintf(a.stderr, "trapline: %v\n", err)
			continue
		}
		if f.json {
			a.litmusJSON(file, r, why)
		} else {
			fmt.Fprint(a.stdout, r)
			if why != "" {
				fmt.Fprintf(a.stdout, "Execution of %s:\n%s\n", r.Test.Name, why)
			}
		}
		if err := r.Judge(); err != nil {
			status = max(status, exitViolation)
			fmt.Fprintf(a.stderr, "trapline: %s: %v\n", file, err)
		}
	}
	if status == exitOK {
		return nil
	}
	return status
}

// runLitmusFile runs the test of one file, and explains it if asked to. What is
// strange about it is printed.
func (a *app) runLitmusFile(file string, o memory.Options, explain bool) (*litmus.Result, string, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, "", fmt.Errorf("litmus: %w (give the path of a litmus test)", err)
	}
	t, err := litmus.Parse(file, src)
	if err != nil {
		return nil, "", err
	}
	for _, w := range t.Warnings {
		fmt.Fprintf(a.stderr, "trapline: warning: %s\n", w)
	}
	r, err := litmus.Run(t, o)
	if err != nil || !explain {
		return r, "", err
	}
	why, err := litmus.Explain(t, o)
	return r, why, err
}

// litmusLine is the JSON object for a test. The order and the names of the fields
// are an interface.
type litmusLine struct {
	File          string   `json:"file"`
	Test          string   `json:"test"`
	Model         string   `json:"model"`
	LoadBuffering bool     `json:"load_buffering"`
	Kind          string   `json:"kind"`
	States        []string `json:"states"`
	OK            bool     `json:"ok"`
	Positive      int      `json:"positive"`
	Negative      int      `json:"negative"`
	Race          bool     `json:"race"`
	Loop          bool     `json:"loop"`
	Condition     string   `json:"condition"`
	Observation   string   `json:"observation"`
	Expected      string   `json:"expected"`
	Agrees        bool     `json:"agrees"`
	Complete      bool     `json:"complete"`
	Blocked       int      `json:"blocked"`
	Explanation   string   `json:"explanation,omitempty"`
}

func (a *app) litmusJSON(file string, r *litmus.Result, why string) {
	l := litmusLine{
		File: file, Test: r.Test.Name, Model: r.Options.Model.String(), LoadBuffering: r.Options.LoadBuffering,
		Kind: r.Test.Kind(), States: r.States, OK: r.Ok(), Positive: r.Positive, Negative: r.Negative,
		Race: r.Race, Loop: r.Loop, Condition: r.Test.Condition(), Observation: r.Observation(),
		Expected: r.Expected(), Agrees: r.Judge() == nil, Complete: r.Coverage.Complete, Blocked: r.Coverage.Blocked,
		Explanation: why,
	}
	if l.States == nil {
		l.States = []string{}
	}
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	_ = e.Encode(l)
}
