package uprobes

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/sim/laws"
	"trapline/vm"
)

func TestMain(m *testing.M) { laws.Main(m) }

// operation is one call of a drawn program.
type operation struct {
	verb  string
	place int // which of the two probed places, or address spaces, or sizes
}

func (o operation) String() string { return fmt.Sprintf("%s(%d)", o.verb, o.place) }

// lifecycle is a drawn program: what each task does, what the file lies on, and
// the schedule.
type lifecycle struct {
	fs        *pagecache.FS
	readahead int
	failing   bool // reads from the disk may fail
	tasks     [][]operation
	schedule  []preemption
}

// preemption lets another task take a step: the one that is so many places
// behind the running one.
type preemption struct{ step, task int }

func (l lifecycle) operations() (n int) {
	for _, t := range l.tasks {
		n += len(t)
	}
	return n
}

func (l lifecycle) String() string {
	var b strings.Builder
	for i, t := range l.tasks {
		fmt.Fprintf(&b, "t%d: %v\n", i, t)
	}
	fmt.Fprintf(&b, "schedule: %v, on a disk: %t, readahead: %d, I/O errors: %t", l.schedule, l.fs == pagecache.Disk, l.readahead, l.failing)
	return b.String()
}

var verbs = []string{"register", "unregister", "mmap", "munmap", "fault", "execute", "reclaim", "truncate", "read"}

// lifecycles draws programs of two or three tasks. A schedule is drawn as the
// list of its preemptions, which shrinks to few of them.
func lifecycles(failing bool) *rapid.Generator[lifecycle] {
	op := rapid.Custom(func(t *rapid.T) operation {
		return operation{rapid.SampledFrom(verbs).Draw(t, "verb"), rapid.IntRange(0, 1).Draw(t, "place")}
	})
	preempt := rapid.Custom(func(t *rapid.T) preemption {
		return preemption{rapid.IntRange(0, 40).Draw(t, "after"), rapid.IntRange(1, 3).Draw(t, "task")}
	})
	return rapid.Custom(func(t *rapid.T) lifecycle {
		l := lifecycle{failing: failing, fs: pagecache.Ramfs}
		if rapid.Bool().Draw(t, "disk") {
			l.fs = pagecache.Disk
		}
		l.readahead = rapid.IntRange(0, 2).Draw(t, "readahead")
		l.tasks = rapid.SliceOfN(rapid.SliceOfN(op, 1, 5), 2, 3).Draw(t, "tasks")
		l.schedule = rapid.SliceOfN(preempt, 0, 8).Draw(t, "schedule")
		for i := range l.schedule[min(1, len(l.schedule)):] {
			l.schedule[i+1].step += l.schedule[i].step
		}
		return l
	})
}

// strategy follows the drawn schedule. An interrupt arrives, and a read fails,
// where it says so, too.
func (l *lifecycle) strategy() sim.Strategy {
	next := 0
	return sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int {
		if next == len(l.schedule) || p.Step < l.schedule[next].step || p.N == 1 {
			return 0
		}
		next++
		return l.schedule[next-1].task % p.N
	})
}

// sizes to which a program truncates the file: nothing, the middle of the
// probed page but before the probe, and all.
func (w *World) size(i int) int64 {
	return []int64{0, w.Image.Offset - 8, int64(len(w.Image.Bytes))}[i]
}

// lives is the world of a drawn program.
type lives struct {
	*World
	file     *pagecache.Inode
	spaces   [2]*vm.MM
	probes   [][2]*Probe // by task
	smallest int64       // size that the file ever had
}

// run runs the program with the design and returns what is wrong, or nil.
func (l *lifecycle) run(d *uprobes.Design) error {
	m := sim.NewMachine()
	defer m.Close()
	replay := l.strategy()
	o := m.Record(func(m *sim.Machine) { l.setup(newWorld(m, d, vm.DefaultImage())) }, replay)
	switch {
	case o.Violation != nil:
		return o.Violation
	case o.Cut:
		return fmt.Errorf("more than %d steps", m.MaxSteps)
	}
	return nil
}

func (l *lifecycle) setup(world *World) {
	w := &lives{World: world, file: world.File(l.fs)}
	w.file.IOMayFail, w.file.ReadaheadPages = l.failing, l.readahead
	w.smallest = int64(len(w.Image.Bytes))
	for i := range w.spaces {
		w.spaces[i] = w.Space(fmt.Sprint("mm", i))
	}
	w.probes = make([][2]*Probe, len(l.tasks))
	for i, ops := range l.tasks {
		for place := range 2 {
			skip := int64(place * len(w.Image.Insn))
			w.probes[i][place] = w.Probe(w.file, fmt.Sprintf("probe%d of t%d", place, i), skip)
		}
		w.M.Go(fmt.Sprint("t", i), func(k *sim.K) {
			for _, op := range ops {
				w.do(k, i, op)
			}
		})
	}
	w.AtRest(w.atRest)
}

func (w *lives) do(k *sim.K, task int, op operation) {
	mm, probe := w.spaces[op.place], w.probes[task][op.place]
	switch op.verb {
	case "register":
		if !probe.active {
			_ = w.Register(k, probe) // another task's probe may be in the way
		}
	case "unregister":
		if probe.active {
			w.Unregister(k, probe)
		}
	case "mmap":
		_ = w.Mmap(k, mm, w.file) // something may be mapped already
	case "munmap":
		must(w.Munmap(k, mm))
	case "fault":
		_ = vm.HandleMmFault(k, mm, w.Image.Addr, false)
	case "execute":
		w.executeAt(k, mm, op.place)
	case "reclaim":
		pagecache.Reclaim(k, w.file, uint64(w.Image.PageIndex()))
	case "truncate":
		if pagecache.DoTruncate(k, w.file, w.size(op.place)) == nil {
			w.smallest = min(w.smallest, w.size(op.place))
			_ = pagecache.DoTruncate(k, w.file, w.size(2))
		}
	case "read":
		_, _ = pagecache.DoGenericMappingRead(k, w.file, w.Image.Offset, 1)
	}
}

// executeAt executes the instruction at a place. Who is registered is drawn, and
// the file may be cut off, so only a stray trap counts, and a step of something
// that was not saved.
func (w *lives) executeAt(k *sim.K, mm *vm.MM, place int) {
	addr := w.Image.Addr + uint64(place*len(w.Image.Insn))
	for {
		b, mapped := vm.Fetch(k, mm, addr)
		if !mapped {
			if vm.HandleMmFault(k, mm, addr, false) != nil {
				return
			}
			continue
		}
		if b != breakpoint {
			return
		}
		if insn, stepped := w.doInt3(k, mm, addr); stepped {
			if len(insn) == 0 || insn[0] == breakpoint {
				k.Fail(&sim.Violation{Kind: WrongOriginal, Subject: hex(insn)})
			}
			return
		}
	}
}

// atRest is the property: when all is quiet, every mapped page shows the
// breakpoint exactly where a probe is registered, and the file's own bytes
// everywhere else; and the bytes of the file everywhere when all probes are
// gone.
func (w *lives) atRest(k *sim.K) {
	w.compare(k, "with the probes that are left")
	for _, probes := range w.probes {
		for _, p := range probes {
			if p.active {
				w.Unregister(k, p)
			}
		}
	}
	w.compare(k, "after the last unregister")
}

var wrongBytes = sim.Kind{Name: "wrong-bytes", Class: "BUG: mapped page differs"}

func (w *lives) compare(k *sim.K, when string) {
	start, length, pgoff := w.text()
	for _, mm := range w.spaces {
		for i := range length {
			got, mapped := vm.Peek(mm, start+i)
			if !mapped {
				continue
			}
			at := int64(pgoff<<pagecache.PageShift + i)
			if want := w.byteAt(at); got != want {
				k.Fail(&sim.Violation{Kind: wrongBytes, Subject: fmt.Sprintf("%s has %02x at %#x, not %02x, %s", mm.Name, got, at, want, when)})
			}
		}
	}
}

func (w *lives) byteAt(at int64) byte {
	for _, probes := range w.probes {
		for _, p := range probes {
			if p.active && p.Offset == at {
				return breakpoint
			}
		}
	}
	if at >= min(w.smallest, int64(len(w.Image.Bytes))) {
		return 0
	}
	return w.Image.Bytes[at]
}

// TestPropertyRepaired holds the repaired design to the property.
//
// The longer run is: go test ./scenarios -run PropertyRepaired -rapid.checks=100000
func TestPropertyRepaired(t *testing.T) {
	defer more(1500)()
	for _, failing := range []bool{false, true} {
		t.Run(fmt.Sprintf("errors=%t", failing), rapid.MakeCheck(func(t *rapid.T) {
			l := lifecycles(failing).Draw(t, "program")
			if err := l.run(uprobes.ReadpageHookRepaired); err != nil {
				t.Fatalf("%v\n%v", err, l)
			}
		}))
	}
}

// TestPropertyOfCopies holds designs that give a process a page of its own, with the
// breakpoint in it, to the property. A file that is cut off takes such pages with it, so
// the programs do not truncate.
func TestPropertyOfCopies(t *testing.T) {
	defer more(500)()
	for _, d := range []*uprobes.Design{uprobes.SRCURepaired, uprobes.RegisterRwsem, uprobes.SkipMoved} {
		t.Run(d.Name, rapid.MakeCheck(func(t *rapid.T) {
			l := lifecycles(false).Draw(t, "program").untruncated()
			if err := l.run(d); err != nil {
				t.Fatalf("%v\n%v", err, l)
			}
		}))
	}
}

// TestPropertyFindsMerged shows that programs without truncation can fail: on the designs
// of 2011 and 2012 they find something.
func TestPropertyFindsMerged(t *testing.T) {
	for _, d := range []*uprobes.Design{uprobes.SRCU, uprobes.Trylock, uprobes.Merged} {
		t.Run(d.Name, func(t *testing.T) {
			defer more(2000)()
			if !capture(t, func(t *rapid.T) {
				l := lifecycles(false).Draw(t, "program").untruncated()
				if err := l.run(d); err != nil {
					t.Fatal(err)
				}
			}) {
				t.Fatal("the property holds")
			}
		})
	}
}

// untruncated is the program with a fault in the place of each truncation.
func (l lifecycle) untruncated() lifecycle {
	for i := range l.tasks {
		for j := range l.tasks[i] {
			if l.tasks[i][j].verb == "truncate" {
				l.tasks[i][j].verb = "fault"
			}
		}
	}
	return l
}

// TestPropertyPosted shows that the property can fail: on the designs as posted
// it does, and shrinks to a short story. The other rules that they break, which
// the scenarios are about, do not count here.
func TestPropertyPosted(t *testing.T) {
	for _, d := range []*uprobes.Design{uprobes.ReadpageHook, uprobes.ReadpageHookWait} {
		t.Run(d.Name, func(t *testing.T) {
			var last lifecycle
			defer more(5000)()
			failed := capture(t, func(t *rapid.T) {
				l := lifecycles(false).Draw(t, "program")
				if l.mixesUpBytes(d) {
					last = l
					t.Fatal("found")
				}
			})
			if !failed {
				t.Fatal("the property holds")
			}
			last = last.minimal(d)
			t.Logf("%v\n%v", last.run(d), last)
			if n := last.operations(); n > 6 {
				t.Errorf("shrunk to %d operations", n)
			}
			if n := len(last.schedule); n > 3 {
				t.Errorf("shrunk to %d preemptions", n)
			}
		})
	}
}

// mixesUpBytes says whether the program ends with a page that shows what it must
// not.
func (l *lifecycle) mixesUpBytes(d *uprobes.Design) bool {
	var v *sim.Violation
	return errors.As(l.run(d), &v) && v.Kind == wrongBytes
}

// minimal takes away operations and preemptions as long as the rest still ends
// with wrong bytes. What rapid has shrunk in its time depends on the machine; this
// makes an end of it.
func (l lifecycle) minimal(d *uprobes.Design) lifecycle {
	for shrunk := true; shrunk; {
		shrunk = false
		for _, smaller := range l.smaller() {
			if smaller.mixesUpBytes(d) {
				l, shrunk = smaller, true
				break
			}
		}
	}
	return l
}

// smaller are the programs with one operation or one preemption less.
func (l lifecycle) smaller() (all []lifecycle) {
	for i := range l.tasks {
		for j := range l.tasks[i] {
			s := l
			s.tasks = slices.Clone(l.tasks)
			s.tasks[i] = slices.Delete(slices.Clone(l.tasks[i]), j, j+1)
			all = append(all, s)
		}
	}
	for i := range l.schedule {
		s := l
		s.schedule = slices.Delete(slices.Clone(l.schedule), i, i+1)
		all = append(all, s)
	}
	return all
}

// more has rapid draw at least n programs, until the returned function is called.
func more(n int) (restore func()) {
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if was, err := strconv.Atoi(old); err != nil || was < n {
		_ = f.Value.Set(strconv.Itoa(n))
	}
	return func() { _ = f.Value.Set(old) }
}

// capture checks a property that is expected to fail, and says whether it did.
func capture(t *testing.T, property func(*rapid.T)) bool {
	c := &captured{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(c, property)
	}()
	<-done
	return c.failed
}

// captured is a test whose failure is what was asked for.
type captured struct {
	*testing.T
	failed bool
}

func (c *captured) Errorf(string, ...any) { c.failed = true }
func (c *captured) Error(...any)          { c.failed = true }
func (c *captured) Fail()                 { c.failed = true }
func (c *captured) Failed() bool          { return c.failed }
func (c *captured) FailNow()              { c.failed = true; runtime.Goexit() }
func (c *captured) Fatalf(string, ...any) { c.FailNow() }
func (c *captured) Fatal(...any)          { c.FailNow() }
