package events

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
)

// registry makes one in which the lines have been written.
func registry(t *testing.T, lines ...string) *Registry {
	t.Helper()
	r := New(oracleFiles{})
	if _, err := r.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
	return r
}

func shown(r *Registry) string {
	var lines []string
	for _, p := range r.Probes() {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func TestRefusalIsReportedAsInErrorLog(t *testing.T) {
	r := New(oracleFiles{})
	_, err := r.Write([]byte("p:g/e   bin/basic:0x10\t%rax"))
	var refusal *Refusal
	if !errors.As(err, &refusal) || !errors.Is(err, sim.EINVAL) {
		t.Fatalf("%v", err)
	}
	want := "trace_uprobe: error: Invalid register name\n" +
		"  Command: p:g/e bin/basic:0x10 %rax\n" +
		"                                ^\n"
	if got := refusal.Report(); got != want {
		t.Errorf("\n%swant\n%s", got, want)
	}
	for range 20 {
		_, _ = r.Write([]byte("p bin/basic:0x10 %no"))
	}
	if log := r.Log(); len(log) != 8 || log[0].Command != "p bin/basic:0x10 %no" {
		t.Errorf("%d entries, first %q", len(log), log[0].Command)
	}
}

func TestWriteTakesLinesAsTheKernel(t *testing.T) {
	const one, two = "p:g/a bin/basic:0x10", "p:g/b bin/basic:0x20"
	long := one + strings.Repeat(" ", 4095-len(one))
	for _, c := range []struct {
		name, data, events string
		err                error
	}{
		{"two lines", one + "\n" + two, "a b", nil},
		{"a line without an end", one, "a", nil},
		{"empty lines and comments", "\n\n# p:g/x bin/basic:1\n" + one + "#" + two + "\n", "a", nil},
		{"stops at the first error", one + "\np:g/x bin/none:0x10\n" + two, "a", sim.ENOENT},
		{"the longest line", long[:4094] + "\n" + two, "a b", nil},
		{"a line that fills the buffer", long + "\n", "", sim.EINVAL},
		{"a line across the end of the buffer", one + "\n" + strings.Repeat("#", 4000) + "\n" + strings.Repeat("#", 50) + "\n" + two + "\n", "a b", nil},
		{"a zero ends the data", one + "\n\x00" + two, "a", sim.EINVAL},
		{"a zero at the end of a line", one + "\x00\n" + two, "", sim.EINVAL},
	} {
		r := New(oracleFiles{})
		n, err := r.Write([]byte(c.data))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && n != len(c.data) {
			t.Errorf("%s: %d bytes of %d", c.name, n, len(c.data))
		}
		var names []string
		for _, p := range r.Probes() {
			names = append(names, p.Event.Name)
		}
		if got := strings.Join(names, " "); got != c.events {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestEnabledEventsAreBusy(t *testing.T) {
	r := registry(t, "p:g/a bin/basic:0x10", "p:g/b bin/basic:0x20", "p:g/b bin/basic:0x30")
	r.Event("g", "a").Enabled = true
	r.Event("g", "b").Enabled = true
	if err := r.Clear(); err != sim.EBUSY {
		t.Errorf("Clear: %v", err)
	}
	if err := r.Command("-:g/a"); err != sim.EBUSY {
		t.Errorf("-:g/a: %v", err)
	}
	// The kernel frees all but the last probe of an enabled event.
	if err := r.Command("-:g/b"); err != sim.EBUSY {
		t.Errorf("-:g/b: %v", err)
	}
	if got, want := shown(r), "p:g/a bin/basic:0x0000000000000010\np:g/b bin/basic:0x0000000000000030"; got != want {
		t.Errorf("left:\n%s", got)
	}
	r.Event("g", "a").Enabled = false
	r.Event("g", "b").Enabled = false
	if err := r.Clear(); err != nil || len(r.Probes()) != 0 {
		t.Errorf("Clear: %v, %d left", err, len(r.Probes()))
	}
}

func TestRemovalMatchesPlaceAndArguments(t *testing.T) {
	lines := []string{"p:g/a bin/basic:0x10 x=%ax y=%bx", "p:h/a bin/basic:0x20(0x8)", "p:g/c bin/basic:0x30"}
	for _, c := range []struct{ command, left string }{
		{"-:a", "c"},
		{"-:g/", "a"},
		{"-:h/", "a c"},
		{"-:g/a bin/basic:0x0000000000000010", "a c"},
		{"-:g/a bin/basic:0x0000000000000010 x=%ax", "a c"},
		{"-:g/a bin/basic:0x0000000000000010 x=%ax y=%bx", "a c"},
		{"-:g/a bin/basic:0x0000000000000010 x=%ax y=%cx", ""},
		{"-:g/a bin/basic:0x0000000000000010 x=%ax y=%bx z=%cx", ""},
		{"-:a bin/basic:0x0000000000000020(0x8)", "a c"},
		{"-:a bin/basic:0x0000000000000020", ""},
	} {
		r := registry(t, lines...)
		err := r.Command(c.command)
		if c.left == "" {
			if err != sim.ENOENT || len(r.Probes()) != 3 {
				t.Errorf("%s: %v, %d left", c.command, err, len(r.Probes()))
			}
			continue
		}
		var left []string
		for _, p := range r.Probes() {
			left = append(left, p.Event.Name)
		}
		if got := strings.Join(left, " "); err != nil || got != c.left {
			t.Errorf("%s: %v, left %s", c.command, err, got)
		}
	}
}

func TestReferenceCountersMustAgree(t *testing.T) {
	r := registry(t, "p:g/a bin/basic:0x10(0x100)")
	if err := r.Command("p:g/b /oracle/bin/basic:0x10(0x200)"); err != sim.EINVAL {
		t.Errorf("another counter of the same place: %v", err)
	}
	if err := r.Command("p:g/b /oracle/bin/basic:0x10(0x100)"); err != nil {
		t.Errorf("the same counter: %v", err)
	}
	if err := r.Command("p:g/c /oracle/bin/basic:0x20"); err != nil {
		t.Errorf("another place: %v", err)
	}
}

func TestReservedEvents(t *testing.T) {
	r := New(oracleFiles{})
	r.Reserve(func(group, name string) bool { return group == "sched" && name == "sched_switch" })
	if err := r.Command("p:sched/sched_switch bin/basic:0x10"); !errors.Is(err, sim.EEXIST) {
		t.Errorf("sched_switch: %v", err)
	}
	if err := r.Command("p:ftrace/print bin/basic:0x10"); err != nil {
		t.Errorf("ftrace/print, which this kernel does not have: %v", err)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add([]byte("p:g/e bin/basic:0x10%return a=+u8(-0x10($stack3)):b3@2/32[4] \\\"x\" @+12:string"))
	f.Add([]byte("-:g/e\n#\nr5:g.e bin/basic:010(0x20) $comm[2]"))
	for _, s := range []string{"p bin/basic:1 %ax:u8", "r bin/basic:1 $retval:s8 +0(\\5)", "p:a/\xe9 bin/basic:1\xa0%ip"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := New(oracleFiles{})
		_, _ = r.Write(data)
		// What is read back defines the same events.
		again := New(oracleFiles{})
		for _, p := range r.Probes() {
			if err := again.Command(p.String()); err != nil {
				t.Fatalf("%q, read back from %q: %v", p.String(), data, err)
			}
		}
		if shown(r) != shown(again) {
			t.Fatalf("%q, read back from %q as %q", shown(again), data, shown(r))
		}
		var b Buffer
		for _, p := range r.Probes() {
			h := &Hit{Memory: holes{}, Comm: "fuzz"}
			h.Regs.R = [16]uint64{0x1000, 0x2000, 0xfff, 8: 0x1ff0}
			if line := p.Event.Print(b.Record(p, h)); !strings.HasPrefix(line, p.Event.Name+": (0x0") {
				t.Fatalf("%q prints %q", p.String(), line)
			}
			if !slices.Contains(strings.Split(p.Event.Format(1), "\n"), "print fmt: "+p.Event.PrintFmt()) {
				t.Fatalf("%q has no print fmt", p.String())
			}
		}
	})
}

// holes is a memory whose odd pages are not there.
type holes struct{}

func (holes) Read(addr uint64, p []byte) int {
	for i := range p {
		a := addr + uint64(i)
		if a>>12&1 != 0 {
			return i
		}
		p[i] = byte(a * 7 >> 3)
	}
	return len(p)
}
