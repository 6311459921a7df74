package conform

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/live"
	"trapline/sim"
	"trapline/vm/linux"
)

// A machine performs the steps of one capture: a kernel, the programs in
// /oracle/bin, and one of them that waits for its next command.
type machine struct {
	kernel   *live.Kernel
	programs fs.FS
	lines    []live.Line     // of the trace
	names    map[process]int // the numbers of processes, from 1
}

type process struct{ run, pid int }

// A session is a program that runs.
type session struct {
	next  func() (command byte, ok bool) // the next byte of its input
	out   bytes.Buffer
	ended bool
	exit  int // minus the signal
	err   error
}

// programDir is where the programs were on the captures' machine.
const programDir = "/oracle/bin/"

// maxInsns is more than any program of the captures takes.
const maxInsns = 400_000_000

func newMachine(programs fs.FS, d defects.Set) *machine {
	m := &machine{programs: programs, names: map[process]int{}}
	m.kernel = live.New(files{programs}, d)
	m.kernel.Recorded = func(l live.Line) {
		p := process{l.Run, l.PID}
		if m.names[p] == 0 {
			m.names[p] = len(m.names) + 1
		}
		m.lines = append(m.lines, l)
	}
	return m
}

// run runs a program to its end.
func (m *machine) run(s *session, argv []string) {
	content, err := fs.ReadFile(m.programs, argv[0])
	if err != nil {
		s.ended, s.err = true, fmt.Errorf("the program %s: %w", argv[0], err)
		return
	}
	name := programDir + argv[0]
	c := linux.Config{Path: name, Program: content, Args: append([]string{name}, argv[1:]...), Dir: "/oracle", Stdin: s, Stdout: &s.out,
		Stderr: &s.out, MaxInsns: maxInsns, MaxMemory: 1 << 28, Mounts: []linux.Mount{{At: "/oracle/bin", Files: m.programs}}}
	r, err := m.kernel.Run(c)
	s.ended, s.err = true, err
	if r.Exhausted != "" && err == nil {
		s.err = fmt.Errorf("the program has used up its %s", r.Exhausted)
	}
	s.exit = r.Status >> 8 & 0xff
	if sig := r.Status & 0x7f; sig != 0 {
		s.exit = -sig
	}
}

// Read is the program asking for its input.
func (s *session) Read(p []byte) (int, error) {
	c, ok := s.next()
	if !ok {
		return 0, io.EOF
	}
	p[0] = c
	return 1, nil
}

// output is what the program has written since the last time.
func (s *session) output() []string {
	text := strings.TrimSuffix(s.out.String(), "\n")
	s.out.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// recorded are the lines of the trace from the n-th on, with P1, P2 … for
// processes.
func (m *machine) recorded(n int) []string {
	var list []string
	for _, l := range m.lines[n:] {
		list = append(list, fmt.Sprintf("%s-P%d %s", m.kernel.Comm(l), m.names[process{l.Run, l.PID}], l.Text))
	}
	return list
}

// files is the file system of the captures' machine.
type files struct{ programs fs.FS }

// Lookup finds a file as kern_path() would there.
func (f files) Lookup(name string) (live.File, error) {
	if name == "" {
		return live.File{}, sim.ENOENT
	}
	if !strings.HasPrefix(name, "/") {
		name = "/oracle/" + name
	}
	isDir := strings.HasSuffix(name, "/")
	name = path.Clean(name)
	if rest, ok := strings.CutPrefix(name, programDir); ok {
		content, err := fs.ReadFile(f.programs, rest)
		switch {
		case err == nil && isDir:
			return live.File{}, sim.ENOTDIR
		case err == nil:
			return live.File{Name: name, Content: content, Regular: true}, nil
		}
	}
	if slices.Contains(irregular, name) {
		return live.File{Name: name}, nil
	}
	return live.File{}, sim.ENOENT
}
