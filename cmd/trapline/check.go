package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"trapline/sim/explore"
)

// checkFlags are the flags of trapline check.
type checkFlags struct {
	programFlags
	searchFlags
	resumeFlags
	workers int
	json    bool
	out     string
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [SCENARIO[/DESIGN] | DESIGN]...",
		Short: "Try all interleavings, and explain what goes wrong",
		Long: `Check tries the interleavings of scenarios with designs.

Without arguments it holds the whole catalogue to its claims: every known
failure must be found, and everything else must be clean. The exit status is 0
if every claim held and 1 if not.

With arguments it checks the pairs that they name: a scenario with all designs,
a design with all scenarios, or one pair, which is then explained in full. The
exit status is 0 if nothing was found and 1 if a rule was broken.

"clean" is said only of a search that was complete within its bound, and of which
no execution was cut off; other searches that find nothing are "inconclusive". Every
bound is named in the answer. A search that is not complete says how large it is
about to be, with the error of that; so does the line that a terminal shows
meanwhile, with the time that is left. By dpor, under sc, that is drawn. Other
searches go by what they have seen, and say nothing before that tells something; one
that goes through the bounds from 0 up knows of none but the one that it is at, and
names it. A schedule that breaks a rule is shown with as few preemptions as possible.

Several pairs are checked at the same time. One pair is searched by all workers
together once the search turns out to be long; what it finds is the same, but the
numbers of blocked executions and of steps may differ then.

With --checkpoint, a search that is interrupted, or killed, can be gone on with:
give --resume and the same file. Nothing is lost but what was done since the file was last
written (see --checkpoint-every), and nothing is counted twice. A budget of executions is that of all together.

With --shard I/N, it is one of N parts that can be searched on machines that know
nothing of each other: give all the same arguments but for I, which goes from 1 to
N, and --json, and join the outputs with "trapline merge". A part alone is never
"clean", and does not decide on a claim. Every search has parts, and a part can be kept
and gone on with like a whole.

With --steps and --commute the machine takes other steps. What replays a finding
says so, as in v1+commute+steps=20.

With --model tso or lkmm, loads may read older stores where that memory model lets
them, and the search visits each execution graph once instead of each interleaving.
A load that did not read the newest store is remarked on in the lanes, and so are
the barriers that would have forbidden the execution. The claims are those under sc,
which is the model for questions of who waits for whom: under the others nobody
waits for a reader of RCU. A schedule names its model (!lkmm).

With --json there is one object a line for each pair, with the fields scenario,
design, model, strategy, verdict (violation, clean, inconclusive), kind and title
(of the first finding, or empty), complete, executions, blocked, steps,
preemptions (of the first finding; of a bounded search without findings, its
bound; or 0), elapsed_s, replay (what "trapline replay" takes), claim_held,
titles (of all findings) and coverage. Of a search that is not complete there may
be estimate, with executions (by dpor under sc, complete ones; of all kinds
otherwise), error, made and, if it is about a part of the search, within, and of a
part shard, for "trapline merge".`,
		Example: `  trapline check
  trapline check readpage-returns-before-uptodate/2006-readpage-hook
  trapline check 2006-readpage-hook --preemptions 1 --json
  trapline check --strategy random --seed 7 --budget 30s
  trapline check --elf ./prog --symbol main --out failures
  trapline check unregister-against-readpage/2006-readpage-hook --checkpoint search.json
  trapline check --resume search.json
  trapline check 2006-readpage-hook --shard 2/3 --json`,
		ValidArgsFunction: a.catalogue.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd, args, &f)
		},
	}
	f.programFlags.add(cmd)
	f.searchFlags.add(cmd)
	f.resumeFlags.add(cmd)
	cmd.Flags().IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "check `N` pairs at a time, or one pair with N workers")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line for each pair")
	cmd.Flags().StringVar(&f.out, "out", "", "write each finding to a file in `DIR`, for trapline replay")
	return cmd
}

func (a *app) check(cmd *cobra.Command, args []string, f *checkFlags) error {
	options, limit, err := f.options(cmd)
	if err != nil {
		return err
	}
	if err := checkWorkers(f.workers); err != nil {
		return err
	}
	from, err := f.resumed(cmd, &args)
	if err != nil {
		return err
	}
	program, pairs, err := a.open(f.programFlags)
	if err != nil {
		return err
	}
	if pairs, err = a.catalogue.choose(pairs, args); err != nil {
		return err
	}
	if cmd.Flags().Changed("model") || !anyModel(options) {
		for _, p := range pairs {
			p.model = options.Memory
		}
	}
	on, err := f.keep(&options, pairs, program, from)
	if err != nil {
		return err
	}
	out, err := newOutbox(f.out, program)
	if err != nil {
		return err
	}

	ctx := cmd.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("stopped after %v", limit))
		defer cancel()
	}
	line := newStatusLine(a.stderr, len(pairs))
	defer line.stop()
	var done []*checked
	var unwritten error // the first finding that did not get into its file
	for c := range exploreAll(ctx, pairs, options, on, f.workers, line) {
		switch {
		case errors.Is(c.err, explore.ErrResume):
			return mistake("--resume %s: %w (start again without it)", f.resume, c.err)
		case c.err != nil:
			return fmt.Errorf("check %s: %w", c.pair.name(), c.err)
		}
		done = append(done, c)
		if err := out.write(c); err != nil && unwritten == nil {
			unwritten = err
		}
		if f.json {
			line.aside(func() { a.printJSON(c, program) })
		}
	}
	line.stop()
	if !f.json {
		a.printAll(done, program, len(args) > 0)
	}
	if f.checkpoint != "" && done[0].result.Stopped != "" {
		fmt.Fprintf(a.stderr, "go on with it: trapline check --resume %s\n", quote(f.checkpoint))
	}
	if unwritten != nil {
		return unwritten
	}
	return verdict(done, len(args) > 0 || options.Shard.Of > 0, cmd.Context().Err() != nil)
}

// verdict is the exit status of a check. Claims decide if no pair was named.
func verdict(done []*checked, named, interrupted bool) error {
	found, broken := false, false
	for _, c := range done {
		found = found || c.result.Verdict() == explore.Violation
		broken = broken || c.held != nil
	}
	switch {
	case named && found:
		return exit(exitViolation)
	case interrupted:
		return exit(exitInterrupted)
	case !named && broken:
		return exit(exitViolation)
	default:
		return nil
	}
}

// printAll prints one pair in full and several as a table.
func (a *app) printAll(done []*checked, p program, named bool) {
	if named && len(done) == 1 {
		a.explain(done[0], p)
		return
	}
	a.printTable(done, p, named)
}
