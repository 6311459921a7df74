package scenarios_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	sampled = 1000
)

var measured = []string{explore.DPOR, explore.PCT, explore.POS, explore.Random}

// TestTableOfBugs holds BUGS.md to the catalogue: it has a row for each known failure,
// with the executions and the time to the first one by each strategy, and no others.
// With -table it measures those that are missing.
func TestTableOfBugs(t *testing.T) {
	measuring := *table || *anew
	text, err := os.ReadFile(bugsFile)
	if err != nil && !measuring {
		t.Fatal(err)
	}
	old := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key := bugKey(line); key != "" && !*anew {
			old[key] = line
		}
	}
	var rows []*bugRow
	missing := map[*catalogue.Scenario]map[string][]*bugRow{} // and by design
	pairs := scenarios.Pairs()
	for _, p := range pairs {
		for _, f := range p.Expected(vm.DefaultImage(), p.Scenario.Model) {
			row := &bugRow{title: f.Title, key: fmt.Sprintf("| %s | %s | %s |", p.Scenario.Name, p.Design.Name, f.Title)}
			rows = append(rows, row)
			if row.line = old[row.key]; row.line != "" {
				delete(old, row.key)
				continue
			}
			if missing[p.Scenario] == nil {
				missing[p.Scenario] = map[string][]*bugRow{}
			}
			missing[p.Scenario][p.Design.Name] = append(missing[p.Scenario][p.Design.Name], row)
			if !measuring {
				t.Errorf("%s has no row for %s of %s (write it: go test ./scenarios -run TableOfBugs -table)", bugsFile, f.Title, p.Name())
			}
		}
	}
	if !measuring {
		for row := range old {
			t.Errorf("%s has a row for a failure that no design claims: %s", bugsFile, row)
		}
		return
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(pairs); i = next.Add(1) - 1 {
				p := pairs[i]
				if rowsOf := missing[p.Scenario][p.Design.Name]; rowsOf != nil {
					begun := time.Now()
					lines := measure(t, p, rowsOf)
					t.Logf("%s took %s", p.Name(), roughly(time.Since(begun)))
					mu.Lock()
					for j, row := range rowsOf {
						row.line = lines[j]
					}
					writeBugs(t, rows) // what is measured is kept, however long the rest takes
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
}

// bugRow is a row of the table: what identifies it, and the whole line, if it was
// measured.
type bugRow struct{ title, key, line string }

func writeBugs(t *testing.T, rows []*bugRow) {
	text := bugsHead()
	for _, row := range rows {
		text += row.line
	}
	if err := os.WriteFile(bugsFile, []byte(text), 0o644); err != nil {
		t.Error(err)
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

Every failure that a design of the catalogue is known to have with the built-in program and
under the memory model that the scenario is about, mostly sc; and how many executions a
search makes up to the first one that shows it, and in what time. %s
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

// measure searches a pair with each strategy, and returns the lines of the rows.
func measure(t *testing.T, p catalogue.Pair, rows []*bugRow) (lines []string) {
	all := map[string][]*explore.Result{}
	for _, strategy := range measured {
		o := explore.Options{Strategy: strategy, Memory: p.Scenario.Model, MinimiseExecutions: 1}
		if strategy == explore.DPOR {
			all[strategy] = append(all[strategy], search(t, p, o))
			continue
		}
		for seed := range uint64(seeds) {
			// The longer sample begins with the shorter one.
			for o.Seed, o.Executions = seed, sampled/10; ; o.Executions = sampled {
				r := search(t, p, o)
				if o.Executions == sampled || shows(r, rows) {
					all[strategy] = append(all[strategy], r)
					break
				}
			}
		}
	}
	for _, row := range rows {
		line := row.key
		for _, strategy := range measured {
			line += " " + cell(t, p, all[strategy], row.title) + " |"
		}
		lines = append(lines, line+"\n")
	}
	return lines
}

// shows says whether the result has the titles of all rows.
func shows(r *explore.Result, rows []*bugRow) bool {
	return !slices.ContainsFunc(rows, func(row *bugRow) bool { return firstOf(r, row.title) == 0 })
}

// firstOf is the number of executions up to the first one with a title, 0 if there was
// none.
func firstOf(r *explore.Result, title string) int {
	for _, f := range r.Findings {
		if f.Violation.Title == title {
			return f.First
		}
	}
	return 0
}

// search is run for goroutines.
func search(t *testing.T, p catalogue.Pair, o explore.Options) *explore.Result {
	r, err := explore.Run(context.Background(), p.Program(vm.DefaultImage()), o)
	if err != nil {
		t.Error(err)
		return &explore.Result{Strategy: o.Strategy}
	}
	return r
}

// cell is the median of the executions up to a title, with the time that these take.
func cell(t *testing.T, p catalogue.Pair, results []*explore.Result, title string) string {
	const never = 1 << 60
	type first struct{ executions, seed int }
	var firsts []first
	for seed, r := range results {
		f := first{firstOf(r, title), seed}
		if f.executions == 0 {
			f.executions = never
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
	search(t, p, o)
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
