package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"trapline/sim"
	"trapline/sim/explore"
)

func (a *app) diffCommand() *cobra.Command {
	var f programFlags
	cmd := &cobra.Command{
		Use:   "diff DESIGN DESIGN [SCENARIO]",
		Short: "Compare two designs on the same questions",
		Long: `Diff asks two designs the same questions: the one that is named, or all that both
can be asked. It prints the answers of both, and for the first question that they
answer differently two executions side by side, from the first step at which they
part. The executions come from one schedule, the shortest that breaks the design
that fails: the other design takes the same turns as far as it can.

Exit status, as of diff(1): 0 if all answers are the same, 1 if not.`,
		Example: `  trapline diff 2006-readpage-hook 2006-readpage-hook-repaired unregister-against-readpage
  trapline diff 2006-readpage-hook 2006-readpage-hook-wait`,
		Args:              arguments(2, 3, "DESIGN DESIGN [SCENARIO]"),
		ValidArgsFunction: a.catalogue.completeDiff,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.diff(cmd.Context(), args, f)
		},
	}
	f.add(cmd)
	return cmd
}

// completeDiff completes two designs and then a scenario.
func (c *catalogue) completeDiff(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	names := c.designNames()
	if len(args) >= 2 {
		names = c.scenarioNames()
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) diff(ctx context.Context, args []string, f programFlags) error {
	_, pairs, err := a.open(f)
	if err != nil {
		return err
	}
	both, err := a.catalogue.inBoth(pairs, args)
	if err != nil {
		return err
	}
	line := newStatusLine(a.stderr, 2*len(both))
	defer line.stop()
	var asked []*pair
	for _, c := range both {
		asked = append(asked, c[0], c[1])
	}
	var done []*checked
	for c := range exploreAll(ctx, asked, explore.Options{}, settings{}, runtime.GOMAXPROCS(0), line) {
		if c.err != nil {
			return fmt.Errorf("diff: %s: %w", c.pair.name(), c.err)
		}
		done = append(done, c)
	}
	line.stop()
	var first [2]*checked
	for i := 0; i < len(done); i += 2 {
		a.printAnswers(done[i], done[i+1])
		if first[0] == nil && (ownFinding(done[i], done[i+1]) != nil || ownFinding(done[i+1], done[i]) != nil) {
			first = [2]*checked{done[i], done[i+1]}
		}
	}
	if ctx.Err() != nil {
		return exit(exitInterrupted)
	}
	if first[0] == nil {
		fmt.Fprintf(a.stdout, "the answers are the same\n")
		return nil
	}
	a.printParting(first)
	return exit(exitViolation)
}

// inBoth finds the scenarios that two designs are asked.
func (c *catalogue) inBoth(pairs []*pair, args []string) ([][2]*pair, error) {
	for _, name := range args[:2] {
		if designs := c.designNames(); !slices.Contains(designs, name) {
			return nil, mistake("no design %q (%strapline list shows all)", name, didYouMean(name, designs))
		}
	}
	if len(args) == 3 {
		if scenarios := c.scenarioNames(); !slices.Contains(scenarios, args[2]) {
			return nil, mistake("no scenario %q (%strapline list shows all)", args[2], didYouMean(args[2], scenarios))
		}
	}
	var both [][2]*pair
	for _, p := range pairs {
		if p.design != args[0] || len(args) == 3 && p.scenario != args[2] {
			continue
		}
		for _, q := range pairs {
			if q.design == args[1] && q.scenario == p.scenario {
				both = append(both, [2]*pair{p, q})
			}
		}
	}
	if len(both) == 0 {
		return nil, mistake("%s and %s are not asked the same question (they are for different subsystems, or the scenario is; trapline list shows all)", args[0], args[1])
	}
	return both, nil
}

func (a *app) printAnswers(l, r *checked) {
	fmt.Fprintf(a.stdout, "%s\n", l.pair.scenario)
	for _, c := range []*checked{l, r} {
		answers := titles(c.result)
		if len(answers) == 0 {
			answers = []string{c.result.Verdict() + ": " + covered(c.result)}
		}
		for i, answer := range answers {
			name := ""
			if i == 0 {
				name = c.pair.design
			}
			fmt.Fprintf(a.stdout, "  %-*s  %s\n", max(len(l.pair.design), len(r.pair.design)), name, answer)
		}
	}
}

// printParting shows two executions from the step on at which they part.
func (a *app) printParting(c [2]*checked) {
	leader, finding := 0, ownFinding(c[0], c[1])
	if finding == nil {
		leader, finding = 1, ownFinding(c[1], c[0])
	}
	var course turns
	led := record(c[leader].pair.program, noting{sim.NewReplay(finding.Schedule), &course}, settings{})
	followed := record(c[1-leader].pair.program, &course, settings{})
	sides := [2]*execution{led, followed}
	if leader == 1 {
		sides = [2]*execution{followed, led}
	}
	fmt.Fprintf(a.stdout, "\n%s, side by side: the schedule is that of %s\n\n", c[0].pair.scenario, c[leader].pair.design)
	sideBySide(a.stdout, [2]string{c[0].pair.design, c[1].pair.design}, sides)
}

// ownFinding is the first failure that the other design does not have, nil if it has
// them all.
func ownFinding(c, other *checked) *explore.Finding {
	for _, f := range c.result.Findings {
		if !slices.Contains(titles(other.result), f.Violation.Title) {
			return f
		}
	}
	return nil
}

// turns is the course of an execution: who took its steps, and which values were
// chosen. As a strategy it has the tasks of another program take the same turns, as
// far as they can; after that nobody is disturbed.
type turns struct {
	tasks  []string
	values []int

	task, value int // how many have been taken again
}

// noting is a strategy whose decisions are noted.
type noting struct {
	sim.Restarter
	turns *turns
}

// Choose asks the strategy.
func (n noting) Choose(m *sim.Machine, p *sim.Point) int {
	i := n.Restarter.Choose(m, p)
	switch {
	case i < 0:
	case p.Tasks == nil:
		n.turns.values = append(n.turns.values, i)
	default:
		n.turns.tasks = append(n.turns.tasks, m.TaskName(p.Tasks[i]))
	}
	return i
}

// Restart forgets what was noted.
func (n noting) Restart() {
	*n.turns = turns{}
	n.Restarter.Restart()
}

// Choose lets the task whose turn it is take the step; turns of those who cannot go
// on are skipped.
func (t *turns) Choose(m *sim.Machine, p *sim.Point) int {
	if p.Tasks == nil {
		if t.value == len(t.values) {
			return 0
		}
		t.value++
		return min(t.values[t.value-1], p.N-1)
	}
	for t.task < len(t.tasks) {
		name := t.tasks[t.task]
		t.task++
		if i := slices.IndexFunc(p.Tasks, func(id sim.TaskID) bool { return m.TaskName(id) == name }); i >= 0 {
			return i
		}
	}
	return 0
}

// Restart begins the course again.
func (t *turns) Restart() { t.task, t.value = 0, 0 }
