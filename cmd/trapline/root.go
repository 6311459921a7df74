package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// pageWidth is the width of what is printed. It does not depend on the
// terminal, so that two runs print the same.
const pageWidth = 100

// app is what the subcommands share.
type app struct {
	catalogue      *catalogue
	stdout, stderr *writer
}

// run is the whole command; it returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the search; the second one ends the process.
	context.AfterFunc(ctx, stop)
	return runWith(ctx, theCatalogue(), args, stdout, stderr)
}

// runWith is run with a catalogue of the caller's choice.
func runWith(ctx context.Context, c *catalogue, args []string, stdout, stderr io.Writer) int {
	a := &app{catalogue: c, stdout: &writer{w: stdout}, stderr: &writer{w: stderr}}
	root := a.command()
	root.SetArgs(append([]string{}, args...))
	err := execute(ctx, root)
	if silent := exit(exitOK); err != nil && !errors.As(err, &silent) {
		fmt.Fprintf(a.stderr, "trapline: %v\n", err)
	}
	if a.stdout.err != nil {
		fmt.Fprintf(a.stderr, "trapline: write the output: %v\n", a.stdout.err)
		if err == nil {
			return exitFault
		}
	}
	return status(err)
}

func execute(ctx context.Context, root *cobra.Command) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault(r)
		}
	}()
	return root.ExecuteContext(ctx)
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "trapline",
		Short: "Find, explain and replay races in designs for kernel probes",
		Long: `Trapline runs designs for kernel probes, as they were posted over the years, on
a simulated machine that tries every order in which their tasks can run. It
finds the rules that they break, explains each failure, and replays it.

Exit status: 0 nothing found, 1 a rule was broken (or a claim of the catalogue
did not hold), 2 a mistake in the command line, 3 a replay did something else,
4 a fault of trapline's own, 130 interrupted.`,
		Example: `  trapline list
  trapline check
  trapline check readpage-returns-before-uptodate/2006-readpage-hook`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return mistake("%s: %w (try %s --help)", cmd.Name(), err, cmd.CommandPath())
	})
	root.AddCommand(a.listCommand(), a.showCommand(), a.checkCommand(), a.fuzzCommand(), a.runCommand(), a.replayCommand(), a.diffCommand(), a.mergeCommand(), a.litmusCommand(), a.execCommand(), a.conformCommand())
	// cobra's own commands would end mistakes with the status of a fault, or of none.
	root.InitDefaultCompletionCmd()
	completion, _, _ := root.Find([]string{"completion"})
	completion.Args, completion.RunE = unknownCommand, root.RunE
	for _, shell := range completion.Commands() {
		shell.Args = arguments(0, 0, "")
	}
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		Args:  unknownTopic,
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, _, _ := root.Find(args)
			return topic.Help()
		},
	})
	return root
}

// unknownCommand refuses what is left over when no command has been found.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return mistake("no command %q (%s%s --help shows all)", args[0], didYouMean(args[0], names), cmd.CommandPath())
}

// unknownTopic refuses help on what is no command.
func unknownTopic(cmd *cobra.Command, args []string) error {
	topic, rest, err := cmd.Root().Find(args)
	if err != nil {
		return err
	}
	return unknownCommand(topic, rest)
}

// arguments checks their number for cobra.
func arguments(least, most int, usage string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return mistake("%s: %s given (usage: %s)", cmd.Name(), plural(len(args), "argument"), strings.TrimSpace(cmd.CommandPath()+" "+usage))
		}
		return nil
	}
}

// writer remembers the first error, which is reported at the end of the command:
// those who print need not look at it.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}
