package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"trapline/sim/explore"
)

// checkpointForm is what a checkpoint file says it is.
const checkpointForm = "trapline checkpoint v1"

// checkpointFile is the search of one pair, as a file from which it can be gone on
// with.
type checkpointFile struct {
	Form     string          `json:"form"`
	Scenario string          `json:"scenario"`
	Design   string          `json:"design"`
	Model    string          `json:"model"`
	ELF      string          `json:"elf"` // empty for the program that is built in
	Symbol   string          `json:"symbol"`
	Offset   int64           `json:"offset"`
	Commute  bool            `json:"commute,omitempty"`
	Search   json.RawMessage `json:"search"`

	path string
}

// parseCheckpointFile reads all but the search, which package explore judges.
func parseCheckpointFile(text []byte) (*checkpointFile, error) {
	f := &checkpointFile{}
	if err := json.Unmarshal(text, f); err != nil || f.Form == "" {
		return nil, errors.New("it is not a checkpoint")
	}
	if f.Form != checkpointForm {
		return nil, fmt.Errorf("it is a %q, but this trapline reads only %q", shorten(f.Form), checkpointForm)
	}
	if _, err := modelOf(f.Model); err != nil {
		return nil, err
	}
	if _, _, err := parsePair(f.Scenario + "/" + f.Design); err != nil {
		return nil, err
	}
	return f, nil
}

func readCheckpointFile(path string) (*checkpointFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, mistake("--resume: %w (give a file that check --checkpoint wrote)", err)
	}
	f, err := parseCheckpointFile(text)
	if err != nil {
		return nil, mistake("--resume %s: %w (give a file that check --checkpoint wrote)", path, err)
	}
	f.path = path
	return f, nil
}

// newCheckpointFile is the file for the search of p. It sees to it that it can be
// written before the search begins.
func newCheckpointFile(path string, p *pair, on settings, of program) (*checkpointFile, error) {
	f := &checkpointFile{
		Form: checkpointForm, Scenario: p.scenario, Design: p.design, Model: p.model.String(), Symbol: of.symbol, Offset: of.offset,
		Commute: on.commute, path: path,
	}
	if !of.builtin {
		f.ELF = of.elf
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".trapline-*")
	if info, statErr := os.Stat(path); err == nil && statErr == nil && !info.Mode().IsRegular() {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
		err = errors.New("is there, and is no regular file")
	}
	if err != nil {
		return nil, mistake("--checkpoint %s: %w (give a file in a folder that can be written to)", path, err)
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	return f, nil
}

// write puts the state of the search into the file. Whoever reads the file, or
// ends the process at any time, finds the old one or the new one.
func (f *checkpointFile) write(state []byte) error {
	f.Search = state
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(f.path), ".trapline-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(append(text, '\n'))
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// resumeFlags say where to keep a search, and which one to go on with.
type resumeFlags struct {
	checkpoint, resume string
	every              time.Duration
}

func (f *resumeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.checkpoint, "checkpoint", "", "keep the search of one pair in `FILE`, now and then and at its end")
	cmd.Flags().DurationVar(&f.every, "checkpoint-every", explore.DefaultCheckpointEvery, "keep it every `TIME`, or less often where that takes long; a kill loses what was done since")
	cmd.Flags().StringVar(&f.resume, "resume", "", "go on with the search in `FILE`, and keep it there; the pair, the program and the strategy are those in it")
}

// fixed are the flags that say what a checkpoint file says.
var fixed = []string{"elf", "symbol", "strategy", "preemptions", "delays", "steps", "lock-aware", "commute", "seed", "depth", "shard", "learnt", "model"}

// resumed is the file that a search is to be resumed from, nil if none is. It puts
// its pair and its program where those of the command line would be.
func (f *checkFlags) resumed(cmd *cobra.Command, args *[]string) (*checkpointFile, error) {
	if f.resume == "" {
		return nil, nil
	}
	for _, name := range fixed {
		if cmd.Flags().Changed(name) {
			return nil, mistake("--%s and --resume: the file says which search it is (leave --%s out)", name, name)
		}
	}
	file, err := readCheckpointFile(f.resume)
	if err != nil {
		return nil, err
	}
	pair := file.Scenario + "/" + file.Design
	if len(*args) > 1 || len(*args) == 1 && (*args)[0] != pair {
		return nil, mistake("--resume %s: its pair is %s (leave the arguments out)", f.resume, pair)
	}
	*args = []string{pair}
	f.programFlags = programFlags{}
	if file.ELF != "" {
		f.programFlags = programFlags{file.ELF, file.Symbol}
	}
	if f.checkpoint == "" {
		f.checkpoint = f.resume
	}
	return file, nil
}

// keep has the options keep the search in a file, and begin with one. It returns the
// settings of the search.
func (f *checkFlags) keep(o *explore.Options, pairs []*pair, p program, from *checkpointFile) (settings, error) {
	on := settings{f.commute, f.steps}
	if f.every <= 0 {
		return on, mistake("--checkpoint-every %v: want a time above 0 (as in 5s)", f.every)
	}
	if f.checkpoint == "" {
		return on, nil
	}
	if len(pairs) != 1 {
		return on, mistake("--checkpoint %s: %s are to be checked, but a file holds one search (name one pair SCENARIO/DESIGN)", f.checkpoint, plural(len(pairs), "pair"))
	}
	if from != nil {
		if from.Symbol != p.symbol || from.Offset != p.offset {
			return on, mistake("--resume %s: it is of %s at offset %#x, which now is %s at %#x (the program has changed: start again)", f.resume, from.Symbol, from.Offset, p.symbol, p.offset)
		}
		saved, err := explore.CheckpointOf(from.Search)
		if err != nil {
			return on, mistake("--resume %s: %w (start again without it)", f.resume, err)
		}
		if saved.Depth > explore.MostDepth {
			return on, mistake("--resume %s: it has depth %d, which no search has (start again without it)", f.resume, saved.Depth)
		}
		if saved.Memory.String() != from.Model {
			return on, mistake("--resume %s: it is of the memory model %s, and its search of %v (start again without it)", f.resume, from.Model, saved.Memory)
		}
		pairs[0].model = saved.Memory
		on = settings{from.Commute, saved.TaskSteps}
		saved.Setup, saved.Executions, saved.SelfCheck = on.apply, o.Executions, o.SelfCheck
		*o = saved
		o.Estimate = estimated(*o)
	}
	file, err := newCheckpointFile(f.checkpoint, pairs[0], on, p)
	if err != nil {
		return on, err
	}
	o.Checkpoint, o.CheckpointEvery = file.write, f.every
	return on, nil
}
