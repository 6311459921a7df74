package linux

import (
	"bytes"
	"fmt"
	"strconv"

	"trapline/sim"
	"trapline/vm"
)

// The tree of files as the program finds it: what the user grants, the program
// itself, and a few files of /dev, /proc and /etc that programs expect.

func (s *system) buildTree() {
	s.root = s.newNode(modeDir | 0o755)
	s.root.parent = s.root
	for _, m := range s.Mounts {
		s.graft(s.mkdirAll(split(m.At)), m.Files)
	}
	dev := s.mkdirAll([]string{"dev"})
	s.list(dev)
	for _, d := range []struct {
		name  string
		minor uint64
		ops   fileOps
	}{{"null", 3, devNull{}}, {"zero", 5, devZero{}}, {"full", 7, devFull{}}, {"random", 8, devRandom{}}, {"urandom", 9, devRandom{}}} {
		n := dev.add(d.name, s.newNode(modeChar|0o666))
		n.rdev = 1<<8 | d.minor
		n.open = func(*Thread, int) (fileOps, error) { return d.ops, nil }
	}
	dev.add("fd", s.newNode(modeLink|0o777)).target = "/proc/self/fd"
	for fd, name := range []string{"stdin", "stdout", "stderr"} {
		dev.add(name, s.newNode(modeLink|0o777)).target = "/proc/self/fd/" + strconv.Itoa(fd)
	}
	s.proc = s.root.add("proc", s.newNode(modeDir|0o555))
	self := s.proc.add("self", s.newNode(modeLink|0o777))
	self.link = func(t *Thread) string { return strconv.Itoa(t.proc.pid) }
	s.text(s.proc, "meminfo", func(*Thread) string {
		kb := s.memory() >> 10
		return fmt.Sprintf("MemTotal:       %8d kB\nMemFree:        %8d kB\nMemAvailable:   %8d kB\n", kb, kb, kb)
	})
	s.text(s.proc, "uptime", func(*Thread) string {
		return fmt.Sprintf("%d.%02d 0.00\n", s.now/second, s.now%second/(second/100))
	})
	s.text(s.proc, "version", func(*Thread) string { return "Linux version 6.18.0 (trapline)\n" })

	// What programs write goes to memory wherever they write it.
	names := split(s.Path)
	if len(names) > 0 {
		dir := s.mkdirAll(names[:len(names)-1])
		s.list(dir)
		prog := s.newNode(modeReg | 0o755)
		prog.data = s.Program
		dir.add(names[len(names)-1], prog)
	}
	tmp := s.mkdirAll([]string{"tmp"})
	tmp.mode |= 0o1777
}

// text adds a file whose content is made when it is opened.
func (s *system) text(dir *node, name string, f func(t *Thread) string) {
	n := dir.add(name, s.newNode(modeReg|0o444))
	n.open = func(t *Thread, flags int) (fileOps, error) {
		if flags&oAccMode != 0 {
			return nil, eACCES
		}
		return &textFile{text: []byte(f(t))}, nil
	}
}

// procPID is /proc/PID.
func (s *system) procPID(t *Thread, name string) *node { //nolint:unparam // who asks, as for its neighbours
	pid, err := strconv.Atoi(name)
	if err != nil {
		return nil
	}
	p := s.byPID(pid)
	if p == nil || len(p.threads) == 0 {
		return nil
	}
	u := p.threads[0]
	// What is kept open may be read after the process has ended.
	ofSpace := func(f func(*Thread, *space) string) func(*Thread) string {
		return func(t *Thread) string {
			if u.space == nil {
				return ""
			}
			return f(t, u.space)
		}
	}
	dir := s.newNode(modeDir | 0o555)
	dir.parent = s.proc
	link := func(name string, f func(*Thread) string) {
		n := dir.add(name, s.newNode(modeLink|0o777))
		n.link = f
	}
	link("exe", ofSpace(func(_ *Thread, m *space) string { return s.pathOf(m.exe) }))
	link("cwd", ofSpace(func(*Thread, *space) string { return s.pathOf(u.fs.cwd) }))
	link("root", func(*Thread) string { return "/" })
	s.text(dir, "maps", ofSpace(func(t *Thread, _ *space) string { return u.maps(t) }))
	s.text(dir, "comm", func(*Thread) string { return p.comm + "\n" })
	s.text(dir, "cmdline", ofSpace(func(t *Thread, m *space) string { return u.argBytes(t, m.argStart, m.argEnd) }))
	s.text(dir, "environ", ofSpace(func(t *Thread, m *space) string { return u.argBytes(t, m.envStart, m.envEnd) }))
	s.text(dir, "auxv", ofSpace(func(_ *Thread, m *space) string { return string(m.auxv) }))
	s.text(dir, "stat", func(*Thread) string { return p.statLine() })
	s.text(dir, "status", func(*Thread) string {
		return fmt.Sprintf("Name:\t%s\nState:\tR (running)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t%d\n", p.comm, p.pid, p.pid, p.parent.pid, len(p.threads))
	})
	mem := dir.add("mem", s.newNode(modeReg|0o600))
	mem.open = func(*Thread, int) (fileOps, error) {
		if u.space == nil {
			return nil, sim.ESRCH
		}
		return &memFile{space: u.space}, nil
	}
	fds := dir.add("fd", s.newNode(modeDir|0o555))
	for fd, d := range u.files.fds {
		if d.file == nil {
			continue
		}
		n := fds.add(strconv.Itoa(fd), s.newNode(modeChar|0o600))
		n.open = func(*Thread, int) (fileOps, error) {
			if _, is := d.file.ops.(*epoll); is { // it has no file to open
				return nil, eNXIO
			}
			return again{d.file.ops}, nil
		}
	}
	return dir
}

// again is an open file that is opened once more by its number, as by
// /dev/stdin: what closes it leaves the first one open.
type again struct{ fileOps }

func (again) release(*Thread, *file) {}

// argBytes reads what lies between two addresses of another thread's memory.
func (t *Thread) argBytes(reader *Thread, start, end uint64) string {
	p := make([]byte, end-start)
	if vm.CopyFromUser(reader.k, t.space.mm, start, p) != nil {
		return ""
	}
	return string(p)
}

// statLine is /proc/PID/stat.
func (p *process) statLine() string {
	return fmt.Sprintf("%d (%s) R %d %d %d 0 -1 0 0 0 0 0 %d 0 0 0 20 0 %d 0 0 0 0 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.pid, p.comm, p.parent.pid, p.pgid, p.sid, p.cpu()/(second/100), len(p.threads))
}

// maps is /proc/PID/maps.
func (t *Thread) maps(reader *Thread) string {
	var b bytes.Buffer
	for _, r := range vm.Maps(reader.k, t.space.mm) {
		name := r.Name
		file := 0
		if r.Name != "" && r.Name[0] != '[' {
			file = 1
		}
		start := b.Len()
		fmt.Fprintf(&b, "%08x-%08x %s %08x 00:%02d %d ", r.Start, r.End, r.Flags, r.Offset, file, file)
		if name != "" {
			for b.Len()-start < 73 {
				b.WriteByte(' ')
			}
			b.WriteString(name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// exeNode is the program that a thread runs.
func (s *system) exeNode(t *Thread) *node {
	if t.space == nil {
		return nil
	}
	return t.space.exe
}
