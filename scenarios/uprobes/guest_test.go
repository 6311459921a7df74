package uprobes

import (
	"context"
	"testing"

	"trapline/pagecache"
	"trapline/probes/uprobes"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// meddler is a design that does something more to the program that has trapped.
type meddler struct {
	uprobes.Scheme
	vm.Hooks
	meddle func(k *sim.K, mm *vm.MM, addr uint64)
}

func (m meddler) Int3(k *sim.K, mm *vm.MM, addr uint64) (uprobes.Trap, []byte) {
	trap, insn := m.Scheme.Int3(k, mm, addr)
	m.meddle(k, mm, addr)
	return trap, insn
}

// guestOf explores a program with a probe that one design has put in, and another
// one meddles with.
func guestOf(t *testing.T, image *vm.Image, meddle func(k *sim.K, mm *vm.MM, addr uint64)) *explore.Result {
	t.Helper()
	var d uprobes.Design
	for _, o := range uprobes.Designs() {
		if o.Name == "2013-register-rwsem" {
			d = *o
		}
	}
	inner := d.New
	d.New = func(k *sim.K) uprobes.Scheme {
		s := inner(k)
		return meddler{s, s.(vm.Hooks), meddle}
	}
	r, err := explore.Run(context.Background(), func(m *sim.Machine) {
		w := newWorld(m, &d, image)
		file := w.File(pagecache.Ramfs)
		mm := w.Space("victim")
		g := w.Guest(mm, 5)
		p := w.Probe(file, image.Symbol, 0)
		must(w.K, w.Mmap(w.K, mm, file))
		g.Fetch(w.K)
		must(w.K, w.Register(w.K, p))
		m.Go("program", func(k *sim.K) { g.Run(k, p) })
	}, explore.Options{SelfCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestProgramsThatAreChanged holds the checks of guests to finding what a design
// does to registers, to the way through the text, and to memory.
func TestProgramsThatAreChanged(t *testing.T) {
	write := func(at uint64, p ...byte) func(*sim.K, *vm.MM, uint64) {
		return func(k *sim.K, mm *vm.MM, addr uint64) {
			if at >= guestStack {
				addr = 0
			}
			vm.AccessRemoteVM(k, mm, addr+at, p, true)
		}
	}
	for _, c := range []struct {
		name   string
		meddle func(*sim.K, *vm.MM, uint64)
		want   string
	}{
		{"nothing", func(*sim.K, *vm.MM, uint64) {}, ""},
		{"text behind the instruction", write(1, 0x90, 0x90, 0x90), "BUG: program changed by a probe in execute"},
		{"another way", write(1, 0xeb, 0x10, 0x90), "BUG: program changed by a probe in execute"},
		{"below the stack", write(guestStack+pagecache.PageSize/2-128, 1), "BUG: program changed by a probe in guest"},
		{"return address", write(guestStack+pagecache.PageSize/2, 1), "BUG: program changed by a probe in execute"},
	} {
		r := guestOf(t, vm.DefaultImage(), c.meddle)
		switch {
		case c.want == "" && (len(r.Findings) > 0 || !r.Complete || r.Blocked > 0):
			t.Errorf("%s: %s, %v", c.name, r.Coverage(), r.Findings)
		case c.want != "" && (len(r.Findings) != 1 || r.Findings[0].Violation.Title != c.want):
			t.Errorf("%s: %s", c.name, r.Coverage())
			for _, f := range r.Findings {
				t.Error(f.Violation.Title, f.Violation.Subject)
			}
		}
	}
}

// TestGuestsOfAllKinds executes functions that begin with an instruction that is
// emulated, one that is stepped, and one whose copy is rewritten.
func TestGuestsOfAllKinds(t *testing.T) {
	for name, code := range map[string]string{
		"push":               "\x55\x48\x89\xe5\x5d\xc3",
		"nop":                "\x90\xb8\x01\x00\x00\x00\xc3",
		"jump":               "\xeb\x01\xcc\xb8\x01\x00\x00\x00\xc3",
		"call":               "\xe8\x01\x00\x00\x00\xc3\xb8\x01\x00\x00\x00\xc3",
		"out of line":        "\x48\x83\xec\x08\x48\x83\xc4\x08\xc3",
		"relative to rip":    "\x48\x8b\x05\x00\x00\x00\x00\xc3",
		"return":             "\xc3",
		"through a register": "\x54\xff\x34\x24\x58\x58\xc3",
		"flags":              "\x9c\x58\x50\x9d\xc3",
	} {
		elf := vm.Victim()
		image, err := vm.LoadImage(name, elf, "work")
		if err != nil {
			t.Fatal(err)
		}
		copy(elf[image.Offset:], code)
		if image, err = vm.LoadImage(name, elf, "work"); err != nil {
			t.Fatal(err)
		}
		r := guestOf(t, image, func(*sim.K, *vm.MM, uint64) {})
		if len(r.Findings) > 0 || !r.Complete || r.Executions == 0 {
			t.Errorf("%s: %s", name, r.Coverage())
			for _, f := range r.Findings {
				t.Error(f.Violation.Title, f.Violation.Subject)
			}
		}
	}
}

// TestProgramThatIsNotCut holds RunUntilCut to telling SIGBUS from other signals.
func TestProgramThatIsNotCut(t *testing.T) {
	for _, c := range []struct {
		name string
		take func(k *sim.K, w *World, mm *vm.MM, file *pagecache.Inode) error
		want int
	}{
		{"cut", func(k *sim.K, _ *World, _ *vm.MM, file *pagecache.Inode) error {
			return pagecache.DoTruncate(k, file, 0)
		}, 0},
		{"unmapped", func(k *sim.K, w *World, mm *vm.MM, _ *pagecache.Inode) error { return w.Munmap(k, mm) }, 1},
	} {
		r, err := explore.Run(context.Background(), func(m *sim.Machine) {
			w := newWorld(m, uprobes.Designs()[0], vm.DefaultImage())
			file := w.File(pagecache.Ramfs)
			mm := w.Space("victim")
			g := w.Guest(mm, 1)
			must(w.K, w.Mmap(w.K, mm, file))
			g.Fetch(w.K)
			m.Go("program", func(k *sim.K) { g.RunUntilCut(k) })
			m.Go(c.name, func(k *sim.K) { must(k, c.take(k, w, mm, file)) })
		}, explore.Options{})
		if err != nil || len(r.Findings) != c.want || c.want > 0 && r.Findings[0].Violation.Kind.Name != SpuriousFault.Name {
			t.Errorf("%s: %v, %d findings", c.name, err, len(r.Findings))
		}
	}
}
