package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/events"
	"trapline/probes/uprobes/live"
	"trapline/sim"
	"trapline/vm/linux"
)

// A tracer is the kernel of a run with probes, nil without, and where its trace goes.
type tracer struct {
	kernel *live.Kernel
	cpus   int
	to     io.Writer
}

func kernelNames() string {
	var names []string
	for _, k := range defects.Kernels {
		names = append(names, k.Name+" ("+k.About+")")
	}
	return strings.Join(names, " or ")
}

func findKernel(name string) (defects.Set, error) {
	k, ok := defects.Find(name)
	if !ok {
		return 0, mistake("--kernel %s: want %s", name, kernelNames())
	}
	return k.Defects, nil
}

// tracer defines and enables the probes of the command line.
func (a *app) tracer(c *linux.Config, given string, f *execFlags) (*tracer, error) {
	d, err := findKernel(f.kernel)
	if err != nil {
		return nil, err
	}
	if len(f.probes)+len(f.filters) == 0 {
		return &tracer{}, nil
	}
	files := &guestFiles{config: c, given: given}
	k := live.New(files, d)
	for _, line := range f.probes {
		before := k.Registry().Logged()
		resolved, err := events.Resolve(line, files)
		if err != nil {
			return nil, mistake("--probe %q: %w", line, err)
		}
		had := len(k.Registry().Probes())
		if err := k.Write(resolved); err != nil {
			if last := k.Registry().Since(before); last != nil {
				fmt.Fprint(a.stderr, last.Report())
			}
			return nil, mistake("--probe %q: %w", line, errnoText(err))
		}
		for _, p := range k.Registry().Probes()[had:] {
			name := p.Event.Group + "/" + p.Event.Name
			if p.Event.Enabled { // a further probe of it
				_ = k.Enable(name, false)
			}
			if err := k.Enable(name, true); err != nil {
				return nil, mistake("--probe %q: cannot be enabled: %w", line, errnoText(err))
			}
		}
	}
	for _, filter := range f.filters {
		if err := a.filter(k, filter); err != nil {
			return nil, err
		}
	}
	if f.traceFile == "" {
		return &tracer{k, c.CPUs, a.stderr}, nil
	}
	file, err := os.Create(f.traceFile)
	if err != nil {
		return nil, mistake("--trace: %w (give a file in a folder that can be written to)", err)
	}
	return &tracer{k, c.CPUs, file}, nil
}

// filter writes to the file filter of an event.
func (a *app) filter(k *live.Kernel, arg string) error {
	name, expression, ok := strings.Cut(arg, "=")
	if !ok {
		return mistake("--filter %q: want EVENT=EXPRESSION", arg)
	}
	before := k.Registry().Logged()
	err := k.Filter(name, expression)
	if last := k.Registry().Since(before); last != nil {
		fmt.Fprint(a.stderr, last.Report())
	}
	switch {
	case errors.Is(err, sim.ENOENT) && k.Registry().Since(before) == nil:
		return mistake("--filter %q: there is no event %s (define it with --probe)", arg, name)
	case err != nil:
		return mistake("--filter %q: %w", arg, errnoText(err))
	}
	return nil
}

// errnoText is the number that a write has returned, without what error_log says.
func errnoText(err error) error {
	var errno sim.Errno
	if errors.As(err, &errno) {
		return errors.New(strings.TrimPrefix(errno.Error(), "-"))
	}
	return err
}

func (t *tracer) run(c linux.Config) (linux.Result, error) {
	if t.kernel == nil {
		return linux.Run(c)
	}
	return t.kernel.Run(c)
}

// write writes the trace, and the profile if it is wanted.
func (t *tracer) write(profile bool) (err error) {
	if t.kernel == nil {
		return nil
	}
	if file, ok := t.to.(*os.File); ok {
		defer func() {
			if closed := file.Close(); err == nil {
				err = closed
			}
		}()
	}
	if err := t.kernel.WriteTrace(t.to, t.cpus); err != nil || !profile {
		return err
	}
	_, err = fmt.Fprintln(t.to, strings.Join(t.kernel.Profile(), "\n"))
	return err
}

// guestFiles are the files that the program sees.
type guestFiles struct {
	config *linux.Config
	given  string // the program, as on the command line
}

// Lookup finds a file by its name in the tree, or as the program was given.
func (g *guestFiles) Lookup(name string) (live.File, error) {
	full := name
	if !path.IsAbs(full) {
		full = path.Join("/", g.config.Dir, full)
	}
	full = path.Clean(full)
	if full == path.Clean(g.config.Path) || path.Clean(name) == path.Clean(g.given) {
		return live.File{Name: path.Clean(g.config.Path), Content: g.config.Program, Regular: true}, nil
	}
	for _, m := range g.config.Mounts {
		rest, ok := strings.CutPrefix(full, strings.TrimSuffix(path.Clean(m.At), "/")+"/")
		if !ok {
			continue
		}
		info, err := fs.Stat(m.Files, rest)
		if err != nil {
			continue
		}
		if !info.Mode().IsRegular() {
			return live.File{Name: full}, nil
		}
		content, err := fs.ReadFile(m.Files, rest)
		if err != nil {
			return live.File{}, sim.EIO
		}
		return live.File{Name: full, Content: content, Regular: true}, nil
	}
	return live.File{}, sim.ENOENT
}

// Offset finds a symbol of a file, see [events.SymbolTable].
func (g *guestFiles) Offset(name, symbol string) (uint64, bool) {
	file, err := g.Lookup(name)
	if err != nil {
		return 0, false
	}
	f, err := elf.NewFile(bytes.NewReader(file.Content))
	if err != nil {
		return 0, false
	}
	symbols, _ := f.Symbols()
	dynamic, _ := f.DynamicSymbols()
	for _, s := range append(symbols, dynamic...) {
		if s.Name != symbol || s.Section == elf.SHN_UNDEF {
			continue
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD && s.Value >= p.Vaddr && s.Value-p.Vaddr < p.Filesz {
				return s.Value - p.Vaddr + p.Off, true
			}
		}
	}
	return 0, false
}
