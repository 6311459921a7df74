package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"trapline/sim"
	"trapline/sim/explore"
)

// shardLine is the part of a line that says which part of a search it is, and what
// it takes to join it with the others.
type shardLine struct {
	Index      int           `json:"index"` // from 1
	Of         int           `json:"of"`
	Program    string        `json:"program"`
	ELF        string        `json:"elf"` // empty for the program that is built in
	Symbol     string        `json:"symbol"`
	Offset     int64         `json:"offset"`
	Bound      int           `json:"bound"`
	Delays     int           `json:"delays"`
	LockAware  bool          `json:"lock_aware"`
	Steps      int           `json:"steps"` // of each task
	Commute    bool          `json:"commute"`
	Seed       uint64        `json:"seed"`
	Depth      int           `json:"depth"`
	Budget     int           `json:"budget"`
	Divided    int           `json:"divided"`
	Known      int           `json:"known"`
	Knowledge  string        `json:"knowledge,omitempty"`
	Learnt     []string      `json:"learnt"`
	Stopped    string        `json:"stopped"`
	Merged     int           `json:"merged"`
	Cut        int           `json:"cut"`
	Longest    int           `json:"longest"`
	Assumed    int           `json:"assumed"`
	Minimising int           `json:"minimising"`
	First      int           `json:"first"`
	Varying    bool          `json:"varying"`
	Symmetric  bool          `json:"symmetric"`
	States     int           `json:"states"`
	Taken      int           `json:"transitions"`
	Visited    []byte        `json:"visited,omitempty"` // states, 8 bytes each
	Forgot     bool          `json:"forgot"`
	Chance     string        `json:"chance"`
	Findings   []foundInPart `json:"findings"`
	// Of a search by execution graphs: what others may have counted too, and what has been
	// seen, and would have had to be, 8 bytes each.
	Byways []explore.Byway `json:"byways,omitempty"`
	Seen   []byte          `json:"seen,omitempty"`
	Missed []byte          `json:"missed,omitempty"`
}

// foundInPart is a finding: merge runs it again.
type foundInPart struct {
	Replay  string `json:"replay"`
	Title   string `json:"title"`
	Minimal bool   `json:"minimal"`
}

// shardOf describes the part, nil if the search was a whole one.
func shardOf(c *checked, p program) *shardLine {
	r := c.result
	if r.Part == nil {
		return nil
	}
	l := &shardLine{
		Index: r.Part.Shard.Index + 1, Of: r.Part.Shard.Of, Program: fmt.Sprintf("%016x", r.Part.Program),
		Symbol: p.symbol, Offset: p.offset,
		Bound: r.Preemptions, Delays: r.Delays, LockAware: r.LockAware, Steps: r.TaskSteps, Commute: c.settings.commute, Seed: r.Seed, Depth: r.Part.Depth, Budget: r.Part.Budget, Divided: r.Part.Divided, Known: r.Part.Known,
		Learnt: []string{}, Stopped: r.Stopped, Merged: r.Merged, Cut: r.Cut, Longest: r.Longest, Minimising: r.Minimising,
		Assumed: r.Assumed, First: r.First, Varying: r.Varying, Symmetric: r.Symmetric,
		States: r.States, Taken: r.Transitions, Forgot: r.Forgot, Chance: r.Chance, Findings: []foundInPart{},
	}
	if !p.builtin {
		l.ELF = p.elf
	}
	if r.Part.Knowledge != 0 {
		l.Knowledge = fmt.Sprintf("%016x", r.Part.Knowledge)
	}
	l.Visited, l.Byways, l.Seen, l.Missed = packed(r.Part.Visited), r.Part.Byways, packed(r.Part.Seen), packed(r.Part.Missed)
	for _, s := range r.Part.Learnt {
		l.Learnt = append(l.Learnt, s.String())
	}
	for _, f := range r.Findings {
		l.Findings = append(l.Findings, foundInPart{recipeOf(c.pair, f, c.settings).String(), f.Violation.Title, f.Minimal})
	}
	return l
}

// packed writes numbers down, 8 bytes each.
func packed(all []uint64) (text []byte) {
	for _, n := range all {
		text = binary.LittleEndian.AppendUint64(text, n)
	}
	return text
}

// unpacked reads them again.
func unpacked(text []byte) (all []uint64) {
	for ; len(text) >= 8; text = text[8:] {
		all = append(all, binary.LittleEndian.Uint64(text))
	}
	return all
}

func (s *shardLine) settings() settings { return settings{s.Commute, s.Steps} }

// part is a line of the output of a part, read again.
type part struct {
	line
	from     string // file and line
	result   *explore.Result
	findings []recipe // as many as the shard has
}

// parsePart reads a line. The findings are still to be run.
func parsePart(text []byte) (*part, error) {
	p := &part{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p.line); err != nil {
		return nil, fmt.Errorf("it is not what check --shard --json prints: %w", err)
	}
	s := p.Shard
	if s == nil {
		return nil, errors.New("it is not of a part")
	}
	model, err := modelOf(p.Model)
	if err != nil {
		return nil, err
	}
	if _, _, err := parsePair(p.Scenario + "/" + p.Design); err != nil {
		return nil, err
	}
	if !slices.Contains(explore.Strategies(), p.Strategy) {
		return nil, fmt.Errorf("no strategy %q", shorten(p.Strategy))
	}
	of, err := strconv.ParseUint(s.Program, 16, 64)
	if err != nil || len(s.Program) != 16 {
		return nil, fmt.Errorf("program %q: want 16 hexadecimal digits", shorten(s.Program))
	}
	if s.Of < 2 || s.Of > mostShards || s.Index < 1 || s.Index > s.Of {
		return nil, fmt.Errorf("there is no part %d of %d", s.Index, s.Of)
	}
	if min(p.Executions, p.Blocked, p.Steps, s.Merged, s.Cut, s.Longest, s.Assumed, s.Minimising, s.First, s.States, s.Taken, s.Budget, s.Bound, s.Delays, s.Steps, s.Depth, s.Divided, s.Known) < 0 || !(p.ElapsedS >= 0 && p.ElapsedS < 1e9) {
		return nil, errors.New("a number is below 0, or too large")
	}
	if p.Complete != (s.Stopped == "") {
		return nil, errors.New("it says that it is complete, and why it is not")
	}
	p.result = &explore.Result{
		Strategy: p.Strategy, Memory: model, Preemptions: s.Bound, Delays: s.Delays, LockAware: s.LockAware, TaskSteps: s.Steps, Seed: s.Seed, Complete: p.Complete, Stopped: s.Stopped,
		Executions: p.Executions, Blocked: p.Blocked, Merged: s.Merged, Cut: s.Cut, Assumed: s.Assumed,
		Varying: s.Varying, Symmetric: s.Symmetric, States: s.States, Transitions: s.Taken, Forgot: s.Forgot,
		Steps: p.Steps, Longest: s.Longest, Minimising: s.Minimising, First: s.First, Chance: s.Chance,
		Part: &explore.Part{
			Shard: explore.Shard{Index: s.Index - 1, Of: s.Of}, Program: of,
			Budget: s.Budget, Depth: s.Depth, Divided: s.Divided, Known: s.Known,
		},
	}
	if s.Knowledge != "" {
		if p.result.Part.Knowledge, err = strconv.ParseUint(s.Knowledge, 16, 64); err != nil {
			return nil, fmt.Errorf("knowledge %q: want hexadecimal digits", shorten(s.Knowledge))
		}
	}
	if len(s.Visited)%8 != 0 || (s.States > 0) != (len(s.Visited) > 0) {
		return nil, errors.New("it does not say which states it has visited")
	}
	if len(s.Seen)%8 != 0 || len(s.Missed)%8 != 0 || !slices.IsSorted(unpacked(s.Missed)) {
		return nil, errors.New("it does not say what it has seen")
	}
	if slices.ContainsFunc(s.Byways, func(w explore.Byway) bool { return min(w.Executions, w.Blocked, w.Cut, w.Assumed, w.Steps) < 0 }) {
		return nil, errors.New("a number is below 0")
	}
	p.result.Part.Visited, p.result.Part.Byways = unpacked(s.Visited), s.Byways
	p.result.Part.Seen, p.result.Part.Missed = unpacked(s.Seen), unpacked(s.Missed)
	for _, text := range s.Learnt {
		schedule, err := sim.ParseSchedule(text)
		if err != nil {
			return nil, err
		}
		p.result.Part.Learnt = append(p.result.Part.Learnt, schedule)
	}
	for _, f := range s.Findings {
		r, err := parseRecipe(f.Replay)
		if err != nil {
			return nil, err
		}
		if r.scenario != p.Scenario || r.design != p.Design {
			return nil, fmt.Errorf("a finding of another pair: %s", shorten(f.Replay))
		}
		if r.settings != s.settings() {
			return nil, fmt.Errorf("a finding of a search with other settings: %s", shorten(f.Replay))
		}
		p.findings = append(p.findings, r)
	}
	return p, nil
}

// mergeFlags are the flags of trapline merge.
type mergeFlags struct {
	programFlags
	json bool
}

func (a *app) mergeCommand() *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Join the parts of a search into one answer",
		Long: `Merge joins what "trapline check --shard I/N --json" has printed for each of
the N parts of a search, in any order, into the answer of the whole search. Every
pair must have all its parts, each once, made with the same options of the same
program by the same trapline. What was found is run again to see that it is so.

The output and the exit status are those of check: of the whole catalogue if all
its pairs are there, otherwise of pairs that were named. The time is that of all
parts together.`,
		Example: `  trapline check --shard 1/2 --json > one
  trapline check --shard 2/2 --json > two
  trapline merge one two`,
		Args: arguments(1, mostShards, "FILE..."),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.merge(args, &f)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object a line for each pair")
	return cmd
}

func (a *app) merge(files []string, f *mergeFlags) error {
	var parts []*part
	for _, file := range files {
		more, err := readParts(file)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
	}
	if len(parts) == 0 {
		return mistake("merge: there is nothing in these files (give what check --shard --json printed)")
	}
	program, pairs, err := a.openFor(parts, f.programFlags)
	if err != nil {
		return err
	}
	of := map[string][]*part{}
	for _, p := range parts {
		name := p.Scenario + "/" + p.Design
		if _, err := a.catalogue.one(pairs, name); err != nil {
			return err
		}
		of[name] = append(of[name], p)
	}
	var done []*checked
	for _, p := range pairs {
		if of[p.name()] == nil {
			continue
		}
		c, err := join(p, of[p.name()])
		if err != nil {
			return err
		}
		done = append(done, c)
		if f.json {
			a.printJSON(c, program)
		}
	}
	named := len(done) < len(pairs)
	if !f.json {
		a.printAll(done, program, named)
	}
	return verdict(done, named, false)
}

// readParts reads a file of lines.
func readParts(path string) ([]*part, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, mistake("merge: %w (give what check --shard --json printed)", err)
	}
	defer func() { _ = file.Close() }()
	var parts []*part
	r := bufio.NewReader(file)
	for n := 1; ; n++ {
		text, err := r.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			p, wrong := parsePart(text)
			if wrong != nil {
				return nil, mistake("merge: %s:%d: %w (give what check --shard --json printed)", path, n, wrong)
			}
			p.from = fmt.Sprintf("%s:%d", path, n)
			parts = append(parts, p)
		}
		switch {
		case errors.Is(err, io.EOF):
			return parts, nil
		case err != nil:
			return nil, mistake("merge: %w (give what check --shard --json printed)", err)
		}
	}
}

// openFor opens the catalogue on the program of the parts, or on the one of the
// flags, which may be called something else here.
func (a *app) openFor(parts []*part, flags programFlags) (program, []*pair, error) {
	first := parts[0]
	for _, p := range parts {
		if p.Shard.Symbol != first.Shard.Symbol || p.Shard.Offset != first.Shard.Offset {
			return program{}, nil, mistake("merge: %s is of %s at offset %#x, and %s of %s at %#x (parts of different programs cannot be joined)",
				first.from, first.Shard.Symbol, first.Shard.Offset, p.from, p.Shard.Symbol, p.Shard.Offset)
		}
	}
	if flags == (programFlags{}) && first.Shard.ELF != "" {
		flags = programFlags{first.Shard.ELF, first.Shard.Symbol}
	}
	return a.open(flags)
}

// join makes the parts of a pair one, and runs what they found.
func join(p *pair, parts []*part) (*checked, error) {
	c := &checked{pair: p, settings: parts[0].Shard.settings()}
	of := explore.Fingerprint(p.program, explore.Options{Strategy: parts[0].Strategy, Setup: c.settings.apply})
	var results []*explore.Result
	for _, x := range parts {
		if x.result.Part.Program != of && x.Strategy == parts[0].Strategy {
			return nil, mistake("merge: %s: it is of another program, or was made by another version of trapline (make all parts with one)", x.from)
		}
		for i, r := range x.findings {
			f, err := again(p, r, x.Shard.Findings[i])
			if err != nil {
				return nil, &failure{exitDiverged, fmt.Errorf("merge: %s: %s diverged: %w", x.from, r, err)}
			}
			x.result.Findings = append(x.result.Findings, f)
		}
		results = append(results, x.result)
		c.elapsed += time.Duration(x.ElapsedS * float64(time.Second))
	}
	var err error
	if c.result, err = explore.Merge(results); err != nil {
		return nil, mistake("merge %s: %w (every part is needed once, with the same options; --learnt S gives a part what was learnt)", p.name(), err)
	}
	c.held = p.held(c.result)
	return c, nil
}

// again runs a finding of a part.
func again(p *pair, r recipe, was foundInPart) (*explore.Finding, error) {
	replay := sim.NewReplay(r.schedule)
	e := record(p.program, replay, r.settings)
	if err := differs(&recipeFile{recipe: r, title: was.Title}, e, replay.Done()); err != nil {
		return nil, err
	}
	return &explore.Finding{
		Violation: e.Violation, Schedule: r.schedule, Hash: e.Hash, Steps: e.Steps, Preemptions: e.Preemptions,
		Minimal: was.Minimal, Records: e.records,
	}, nil
}
