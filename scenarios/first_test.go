package scenarios_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/scenarios"
	"trapline/scenarios/catalogue"
	"trapline/sim/explore"
	"trapline/vm"
)

var (
	table = flag.Bool("table", false, "add to BUGS.md what is missing in its table")
	anew  = flag.Bool("table-anew", false, "measure the whole table of BUGS.md again")
)

const bugsFile = "../BUGS.md"

// The samples of the table: so many seeds, with so many executions each.
const (
	seeds   = 5
	sampled = 2000
)

var measured = []string{explore.DPOR, explore.PCT, explore.POS, explore.Random}

// TestTableOfBugs holds BUGS.md to the catalogue: it has a row for each known failure,
// with the executions and the time to the first one by each strategy, and no others.
// With -table it measures those that are missing.
func TestTableOfBugs(t *testing.T) {
	text, err := os.ReadFile(bugsFile)
	if err != nil && !*table && !*anew {
		t.Fatal(err)
	}
	old := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key := bugKey(line); key != "" && !*anew {
			old[key] = line
		}
	}
	var rows []string
	missing := 0
	for _, p := range scenarios.Pairs() {
		var measure func(title string) string
		for _, f := range p.Expected(vm.DefaultImage(), p.Scenario.Model) {
			row := fmt.Sprintf("| %s | %s | %s |", p.Scenario.Name, p.Design.Name, f.Title)
			if line, ok := old[row]; ok {
				rows = append(rows, line)
				delete(old, row)
				continue
			}
			missing++
			if !*table && !*anew {
				t.Errorf("%s has no row for %s of %s (write it: go test ./scenarios -run TableOfBugs -table)", bugsFile, f.Title, p.Name())
				continue
			}
			if measure == nil {
				measure = measurements(t, p)
			}
			rows = append(rows, row+measure(f.Title)+"\n")
		}
		if measure != nil {
			// What is measured is kept, however long the rest takes.
			left := slices.Sorted(maps.Values(old))
			writeBugs(t, append(slices.Clone(rows), left...))
		}
	}
	if !*table && !*anew {
		for row := range old {
			t.Errorf("%s has a row for a failure that no design claims: %s", bugsFile, row)
		}
		return
	}
	writeBugs(t, rows)
	t.Logf("%d rows, %d of them new", len(rows), missing)
}

func writeBugs(t *testing.T, rows []string) {
	t.Helper()
	if err := os.WriteFile(bugsFile, []byte(bugsHead()+strings.Join(rows, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// bugKey is what identifies a row of the table, empty for other lines.
func bugKey(line string) string {
	cells := strings.Split(line, " | ")
	if len(cells) != 3+len(measured) || cells[1] == "design" {
		return ""
	}
	return strings.Join(cells[:3], " | ") + " |"
}

func bugsHead() string {
	return fmt.Sprintf(`# Bugs, and what it takes to find them

Every failure that a design of the catalogue is known to have, and how many executions
a search makes up to the first one that shows it, and in what time. %s
visits every interleaving in its own order. The others draw executions: the figure is
the median of %d seeds of %d executions each, ">%d" if most of them do not find it.
The time is that of the search up to there, by one worker, on the machine on which the
row was written; the executions are the same everywhere. "-" says that the search
came upon it only when it looked for fewer preemptions.

`+"`trapline show SCENARIO`"+` tells the story of a row. This file is written by

`+"```sh"+`
go test ./scenarios -run TableOfBugs -table       # what is missing
go test ./scenarios -run TableOfBugs -table-anew  # everything
`+"```"+`

| scenario | design | title | %s |
|---|---|---|%s
`, measured[0], seeds, sampled, sampled, strings.Join(measured, " | "), strings.Repeat("---|", len(measured)))
}

// measurements searches a pair with each strategy. The function that it returns makes
// the cells of the row of a title.
func measurements(t *testing.T, p catalogue.Pair) func(title string) string {
	t.Helper()
	all := map[string][]*explore.Result{}
	for _, strategy := range measured {
		o := explore.Options{Strategy: strategy, Memory: p.Scenario.Model}
		if strategy == explore.DPOR {
			all[strategy] = append(all[strategy], run(t, p, vm.DefaultImage(), o))
			continue
		}
		for seed := range uint64(seeds) {
			o.Seed, o.Executions, o.MinimiseExecutions = seed, sampled, 1
			all[strategy] = append(all[strategy], run(t, p, vm.DefaultImage(), o))
		}
	}
	return func(title string) string {
		cells := ""
		for _, strategy := range measured {
			cells += " " + cell(t, p, all[strategy], title) + " |"
		}
		return cells
	}
}

// cell is the median of the executions up to a title, with the time that these take.
func cell(t *testing.T, p catalogue.Pair, results []*explore.Result, title string) string {
	t.Helper()
	const never = 1 << 60
	type first struct{ executions, seed int }
	var firsts []first
	for seed, r := range results {
		f := first{never, seed}
		for _, finding := range r.Findings {
			if finding.Violation.Title == title && finding.First > 0 {
				f.executions = finding.First
			}
		}
		firsts = append(firsts, f)
	}
	slices.SortFunc(firsts, func(a, b first) int { return a.executions - b.executions })
	median := firsts[len(firsts)/2]
	strategy := results[0].Strategy
	switch {
	case median.executions < never:
	case strategy == explore.DPOR:
		return "-"
	default:
		return fmt.Sprintf(">%d", sampled)
	}
	o := explore.Options{Strategy: strategy, Memory: p.Scenario.Model, Executions: median.executions, MinimiseExecutions: 1}
	if strategy != explore.DPOR {
		o.Seed = uint64(median.seed)
	}
	begun := time.Now()
	if _, err := explore.Run(context.Background(), p.Program(vm.DefaultImage()), o); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d (%s)", median.executions, roughly(time.Since(begun)))
}

// roughly is a time with as many digits as it is worth.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}
