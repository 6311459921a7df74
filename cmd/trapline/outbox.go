package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// outbox is the folder of --out, where every finding becomes a file.
type outbox struct {
	dir     string
	program program
}

// newOutbox makes the folder. With no folder, nothing is written.
func newOutbox(dir string, p program) (*outbox, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, mistake("--out %s: %w (give a folder that can be written to)", dir, err)
		}
	}
	return &outbox{dir, p}, nil
}

func (o *outbox) write(c *checked) error {
	if o.dir == "" {
		return nil
	}
	for i, f := range c.result.Findings {
		file := &recipeFile{
			recipe: recipeOf(c.pair, f, c.settings), model: f.Schedule.Memory().String(), program: o.program, title: f.Violation.Title,
			steps: f.Steps, preemptions: f.Preemptions, trace: lanesOf(c.pair, f.Schedule, c.settings),
		}
		path := filepath.Join(o.dir, fmt.Sprintf("%s.%s.%d.txtar", c.pair.scenario, c.pair.design, i+1))
		if err := os.WriteFile(path, file.format(), 0o644); err != nil {
			return mistake("--out %s: %w (give a folder that can be written to)", o.dir, err)
		}
	}
	return nil
}
