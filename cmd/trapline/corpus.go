package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
)

// corpus is the folder of trapline fuzz --corpus: a text file for each case that is
// kept, which are good for every design of the subsystem, and what was counted for
// each design, DESIGN.json.
type corpus struct {
	dir     string // empty for none
	subject *lifecycle.Subject
}

// counted is what a DESIGN.json holds.
type counted struct {
	Executions int            `json:"executions"`
	Programs   int            `json:"programs"`
	Cut        int            `json:"cut"`
	Titles     []countedTitle `json:"titles"`
}

type countedTitle struct {
	Title string `json:"title"`
	Times int    `json:"times"`
	First int    `json:"first"`
}

// mostCounted leaves room for what is yet to be counted.
const mostCounted = 1 << 60

// caseExt is how the names of cases end.
const caseExt = ".case"

// openCorpus makes the folder, or reads what is in it into the options.
func openCorpus(dir string, s *lifecycle.Subject, o *fuzz.Options) (*corpus, error) {
	c := &corpus{dir, s}
	if dir == "" {
		return c, nil
	}
	complain := func(err error) error {
		return mistake("--corpus %s: %w (give an empty folder, or one that trapline fuzz has written)", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, complain(err)
	}
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, complain(err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != caseExt {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, complain(err)
		}
		one, err := s.Language.Parse(string(text))
		if err != nil {
			return nil, complain(fmt.Errorf("%s is no program for %s: %w", e.Name(), s.Design.Subsystem, err))
		}
		o.Corpus = append(o.Corpus, one)
	}
	if o.Before, err = c.load(); err != nil {
		return nil, complain(err)
	}
	o.Keep = c.keep
	return c, nil
}

func (c *corpus) counts() string { return filepath.Join(c.dir, c.subject.Design.Name+".json") }

// load reads what was counted before.
func (c *corpus) load() (fuzz.Counts, error) {
	var counts fuzz.Counts
	text, err := os.ReadFile(c.counts())
	if errors.Is(err, fs.ErrNotExist) {
		return counts, nil
	}
	if err != nil {
		return counts, err
	}
	var before counted
	if err := json.Unmarshal(text, &before); err != nil {
		return counts, fmt.Errorf("%s: %w", filepath.Base(c.counts()), err)
	}
	numbers := []int{before.Executions, before.Programs, before.Cut}
	for _, t := range before.Titles {
		numbers = append(numbers, t.Times, t.First)
	}
	if slices.Min(numbers) < 0 || slices.Max(numbers) > mostCounted {
		return counts, fmt.Errorf("%s: a number is below 0, or too large", filepath.Base(c.counts()))
	}
	counts.Executions, counts.Programs, counts.Cut = before.Executions, before.Programs, before.Cut
	for _, t := range before.Titles {
		counts.Failures = append(counts.Failures, &fuzz.Failure{Title: t.Title, Times: t.Times, First: t.First})
	}
	return counts, nil
}

// keep writes a case.
func (c *corpus) keep(one *lifecycle.Case) error {
	text := one.String()
	h := fnv.New64a()
	h.Write([]byte(text))
	return c.write(fmt.Sprintf("%016x%s", h.Sum64(), caseExt), text)
}

// save writes what has been counted.
func (c *corpus) save(counts fuzz.Counts) error {
	if c.dir == "" {
		return nil
	}
	now := counted{counts.Executions, counts.Programs, counts.Cut, []countedTitle{}}
	for _, f := range counts.Failures {
		now.Titles = append(now.Titles, countedTitle{f.Title, f.Times, f.First})
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(now); err != nil {
		return err
	}
	return c.write(filepath.Base(c.counts()), b.String())
}

// write replaces a file in one step, so that who is killed leaves no half of it.
func (c *corpus) write(name, text string) error {
	path := filepath.Join(c.dir, name)
	err := os.WriteFile(path+".new", []byte(text), 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return mistake("--corpus %s: %w (give a folder that can be written to)", c.dir, err)
	}
	return nil
}
