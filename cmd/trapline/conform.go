package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"trapline/probes/uprobes/conform"
	"trapline/probes/uprobes/defects"
)

func (a *app) conformCommand() *cobra.Command {
	var kernel, programs string
	cmd := &cobra.Command{
		Use:   "conform [flags] FILE...",
		Short: "Perform what was captured on a real kernel, and print what differs",
		Long: `Conform takes captures of what a real kernel's uprobes did, performs them on the
simulated one, and prints a line for each difference and a total. A capture is a
scenario (a JSON object with steps), instruction sites (a JSON object a line),
sequences of definitions (a JSON array), or a table of first bytes; each may be
compressed with gzip.

Scenarios and sites run programs. They are looked for in --programs, or in bin
beside the file or above it. The exit status is 1 if anything differs.`,
		Example: `  trapline conform scn/basic.json sites.jsonl.gz parse.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return mistake("conform: no file (usage: trapline conform [flags] FILE...)")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := findKernel(kernel)
			if err != nil {
				return err
			}
			return a.conform(cmd.Context(), args, programs, d)
		},
	}
	cmd.Flags().StringVar(&kernel, "kernel", defects.Kernels[0].Name, "the `KERNEL` to compare with: "+kernelNames())
	cmd.Flags().StringVar(&programs, "programs", "", "the `DIRECTORY` of the programs that were probed")
	return cmd
}

func (a *app) conform(ctx context.Context, names []string, programs string, d defects.Set) error {
	var total conform.Result
	for _, name := range names {
		if ctx.Err() != nil {
			return exit(exitInterrupted)
		}
		packed, err := os.ReadFile(name)
		if err != nil {
			return mistake("conform: %w (give the path of a capture)", err)
		}
		data, kind, err := conform.Unpack(packed)
		if err != nil {
			return mistake("conform: %s: %w", name, err)
		}
		var res conform.Result
		switch kind {
		case conform.SequencesKind:
			res, err = conform.Sequences(data, a.stdout)
		case conform.PatternsKind:
			res, err = conform.Patterns(data, a.stdout, d)
		case conform.SitesKind:
			res, err = conform.Sites(data, programsOf(name, programs), a.stdout, d)
		case conform.ScenarioKind:
			res, err = conform.Scenario(data, programsOf(name, programs), a.stdout, d)
		case conform.Unknown:
			return mistake("conform: %s: is no capture that is known", name)
		}
		if err != nil {
			return mistake("conform: %s: %w", name, err)
		}
		total.Cases += res.Cases
		total.Wrong += res.Wrong
	}
	fmt.Fprintf(a.stdout, "%d of %d cases differ\n", total.Wrong, total.Cases)
	if total.Wrong > 0 {
		return exit(exitViolation)
	}
	return nil
}

// programsOf is the directory of the programs for a capture.
func programsOf(name, given string) fs.FS {
	if given != "" {
		return os.DirFS(given)
	}
	dir := filepath.Dir(name)
	for _, d := range []string{filepath.Join(dir, "bin"), filepath.Join(dir, "..", "bin")} {
		if info, err := os.Stat(d); err == nil && info.IsDir() {
			return os.DirFS(d)
		}
	}
	return os.DirFS(dir)
}
