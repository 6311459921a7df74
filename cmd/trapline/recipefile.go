package main

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"

	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/sim/memory"
)

// modelSC is the memory model that shards and checkpoints have: sequential
// consistency.
const modelSC = "sc"

// modelOf reads the name of a memory model.
func modelOf(name string) (memory.Model, error) {
	var names []string
	for _, m := range []memory.Model{memory.SC, memory.TSO, memory.LKMM} {
		if name == m.String() {
			return m, nil
		}
		names = append(names, m.String())
	}
	return memory.SC, fmt.Errorf("no memory model %q (%sthere are %s)", shorten(name), didYouMean(name, names), strings.Join(names, ", "))
}

// recipeFile is a recipe as a file: a txtar archive that says more than the
// string does, for people to read and to mail.
type recipeFile struct {
	recipe
	model   string
	program program // its builtin is not in the file
	title   string
	// steps and preemptions describe the execution; trace is its lanes, for
	// readers only.
	steps, preemptions int
	trace              string
	// lifecycle is the program that was run where a scenario might be, if one was.
	lifecycle string
	// read says that it comes from a file, and so has all of the above.
	read bool
}

// sections are the parts of the file that must be there.
var sections = []string{"scenario", "design", "model", "program", "schedule", "expect"}

// format is the text of the file.
func (f *recipeFile) format() []byte {
	section := func(name, format string, args ...any) txtar.File {
		return txtar.File{Name: name, Data: []byte(fmt.Sprintf(format, args...))}
	}
	files := []txtar.File{section("scenario", "%s\n", f.scenario)}
	if f.lifecycle != "" {
		files = append(files, section(lifecycle.Scenario, "%s", f.lifecycle))
	}
	return txtar.Format(&txtar.Archive{
		Comment: []byte("# " + f.title + "\n# replay it: trapline replay FILE\n"),
		Files: append(files,
			section("design", "%s\n", f.design),
			section("model", "%s\n", f.model),
			section("program", "elf %s\nsymbol %s\noffset %#x\n", f.program.elf, f.program.symbol, f.program.offset),
			section("schedule", "%s:%s\n", f.settings.version(), f.schedule),
			section("expect", "title %s\nhash %s\nsteps %d\npreemptions %d\n", f.title, f.print, f.steps, f.preemptions),
			section("trace", "%s", f.trace),
		),
	})
}

// parseRecipeFile reads the text of a file.
func parseRecipeFile(text []byte) (*recipeFile, error) {
	found := map[string]string{}
	for _, s := range txtar.Parse(text).Files {
		if _, twice := found[s.Name]; twice {
			return nil, fmt.Errorf("two sections %q: want one", s.Name)
		}
		found[s.Name] = string(s.Data)
	}
	for _, name := range sections {
		if _, ok := found[name]; !ok {
			return nil, fmt.Errorf("no section %q: want a txtar file with the sections %s", name, strings.Join(sections, ", "))
		}
	}
	f := &recipeFile{trace: found["trace"], lifecycle: found[lifecycle.Scenario], read: true}
	for name, to := range map[string]*string{"scenario": &f.scenario, "design": &f.design, "model": &f.model} {
		*to = strings.TrimSpace(found[name])
	}
	if _, _, err := parsePair(f.scenario + "/" + f.design); err != nil {
		return nil, fmt.Errorf("sections scenario and design: %w", err)
	}
	if (f.lifecycle != "") != (f.scenario == lifecycle.Scenario) {
		return nil, fmt.Errorf("scenario %q: the section %q is for the scenario of that name, which needs it", f.scenario, lifecycle.Scenario)
	}
	version, schedule, ok := strings.Cut(strings.TrimSpace(found["schedule"]), ":")
	if !ok {
		return nil, fmt.Errorf("section schedule: want %s:SCHEDULE", recipeVersion)
	}
	var err error
	if f.settings, err = parseVersion(version); err != nil {
		return nil, fmt.Errorf("section schedule: %w", err)
	}
	if f.schedule, err = sim.ParseSchedule(schedule); err != nil {
		return nil, fmt.Errorf("section schedule: %w", err)
	}
	if err := f.parseProgram(found["program"]); err != nil {
		return nil, fmt.Errorf("section program: %w", err)
	}
	if err := f.parseExpect(found["expect"]); err != nil {
		return nil, fmt.Errorf("section expect: %w", err)
	}
	return f, nil
}

func (f *recipeFile) parseProgram(text string) error {
	values, err := lines(text, "elf", "symbol", "offset")
	if err != nil {
		return err
	}
	f.program.elf, f.program.symbol = values[0], values[1]
	if f.program.offset, err = strconv.ParseInt(values[2], 0, 64); err != nil || f.program.offset < 0 {
		return fmt.Errorf("offset %q: want a number", values[2])
	}
	return nil
}

func (f *recipeFile) parseExpect(text string) error {
	values, err := lines(text, "title", "hash", "steps", "preemptions")
	if err != nil {
		return err
	}
	f.title = values[0]
	if f.print, err = parseFingerprint(values[1]); err != nil {
		return err
	}
	for i, to := range []*int{&f.steps, &f.preemptions} {
		if *to, err = strconv.Atoi(values[2+i]); err != nil || *to < 0 {
			return fmt.Errorf("%q: want a number", values[2+i])
		}
	}
	return nil
}

// lines reads "name value" lines that must come in the given order.
func lines(text string, names ...string) ([]string, error) {
	values := make([]string, len(names))
	rest := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	if len(rest) != len(names) {
		return nil, fmt.Errorf("%d lines: want %s", len(rest), strings.Join(names, ", "))
	}
	for i, name := range names {
		value, ok := strings.CutPrefix(rest[i], name+" ")
		if !ok {
			return nil, fmt.Errorf("%q: want %q and its value", shorten(rest[i]), name)
		}
		values[i] = strings.TrimSpace(value)
	}
	return values, nil
}
