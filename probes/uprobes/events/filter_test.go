package events

import (
	"errors"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/sim"
)

// filtered defines the event that the tests of filters use, and a hit of it.
func filtered(t testing.TB) (*Registry, *Event, []byte) {
	t.Helper()
	r := New(oracleFiles{})
	if err := r.Command(filterLine); err != nil {
		t.Fatal(err)
	}
	h := &Hit{Comm: "prog", PID: 77, Memory: bytesAt{
		0x1000: "hello 42\x00", 0x3000: "\x05" + strings.Repeat("\x00", 15),
	}}
	h.Regs.IP = 0x401000
	h.Regs.R[0], h.Regs.R[1], h.Regs.R[3], h.Regs.R[6] = 5, ^uint64(0), 0x1000, 0x3000
	e := r.Probes()[0].Event
	return r, e, (&Buffer{Defects: defects.Linux618}).Record(r.Probes()[0], h)
}

const filterLine = "p:g/e bin/basic:0x10 a=%ax m=%cx:s32 b=%cx:u8 s=+0(%bx):string none=+0(%dx):string v=+0(%si):u8[8] w=+0(%si):u32[3]"

func TestFilterDecides(t *testing.T) {
	for _, c := range []struct {
		expr string
		want bool
	}{
		{"a == 5", true}, {"a==5", true}, {"a != 5", false}, {"a == 0x5", true}, {"a == 05", true}, {"a < 5", false}, {"a <= 5", true},
		{"a > 4", true}, {"a >= 6", false}, {"a & 4", true}, {"a & 2", false}, {"a&4", true},
		{"m == -1", true}, {"m < 0", true}, {"m > 4294967295", false}, {"m == 4294967295", true}, {"b == 255", true}, {"b == 511", true}, {"b > 254", true},
		{`s == "hello 42"`, true}, {`s == 'hello 42'`, true}, {`s == "hello"`, false}, {`s != "x"`, true}, {`s ~ "hello*"`, true},
		{`s ~ "*42"`, true}, {`s ~ "*lo*"`, true}, {`s ~ "*xx*"`, false}, {`s ~ "h?llo*2"`, true}, {`s ~ "[f-h]*[!5]"`, true}, {`s ~ "*"`, true},
		{`s ~ "!hello*"`, false}, {`s ~ "h\ello 42"`, true}, {`s ~ "h[llo 42"`, false}, {`s ~ "hello"`, false},
		{`none == ""`, true}, {`none ~ "*"`, false},
		{`comm == "prog"`, true}, {`COMM ~ "pr*"`, true}, {`comm ~ "*og"`, false}, {`comm != "prog"`, false},
		{"common_pid == 77", true}, {"common_pid == 78", false}, {"__probe_ip == 0x401000", true}, {"common_flags == 0", true},
		{"cpu == 0", true}, {"CPU > 0", false}, {"common_cpu < 1", true}, {"cpu & CPUS{0-3}", true}, {"cpu == CPUS{0}", true}, {"cpu == CPUS{0,1}", false},
		{"cpu != CPUS{0,1}", true}, {"a & CPUS{4-6}", true}, {"a & CPUS{7,8}", false}, {"a == CPUS{5}", true}, {"a & CPUS{0-9:1/5}", true},
		{"cpu == CPUS{,}", false}, {"cpu != CPUS{,}", true}, {"cpu & CPUS{,}", false}, {"a != CPUS{,}", true}, {"m != CPUS{1,2}", false},
		{"v == 5", true}, {"w == 5", false}, {"w != 5", false}, {"stacktrace == 0", false},
		{"a == 5 && b == 255", true}, {"a == 5 && b == 1", false}, {"a == 1 || b == 255", true}, {"a == 1 || b == 1", false},
		{"a == 1 && b == 1 || m == -1", true}, {"m == -1 || a == 1 && b == 1", true}, {"(m == -1 || a == 1) && b == 1", false},
		{"!(a == 5)", false}, {"!a == 5", false}, {"!!a == 5", true}, {"!(a == 1 || b == 1)", true}, {"!(a == 1 && b == 255) && m == -1", true},
		{"a == 5 && !(!b == 255 || (m == 3 && a == 5)) || m == 8", true}, {"((a == 5))", true}, {"a == 5 &&", true},
		{" a == 5", true}, {"a == 5 \n", true}, {"a.ustring == 5", true},
	} {
		r, e, rec := filtered(t)
		if err := r.SetFilter(e, c.expr); err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if got := e.Passes(rec, Context{Comm: "prog"}); got != c.want {
			t.Errorf("%s: passes %v", c.expr, got)
		}
		if shown := strings.TrimRight(c.expr, " \n"); e.Filter() != shown {
			t.Errorf("%s: the file shows %q", c.expr, e.Filter())
		}
	}
}

func TestFilterIsRefused(t *testing.T) {
	for _, c := range []struct {
		expr, text string
		errno      sim.Errno
		column     int
	}{
		{"", "Error", sim.EINVAL, 0},
		{"x == 1", "Field not found", sim.EINVAL, 2},
		{"a == 1 && x == 1", "Field not found", sim.EINVAL, 12},
		{"a = 1", "Invalid operator", sim.EINVAL, 3},
		{"a", "Invalid operator", sim.EINVAL, 2},
		{"a == b", "Invalid value (did you forget quotes)?", sim.EINVAL, 6},
		{"a ==", "Invalid value (did you forget quotes)?", sim.EINVAL, 5},
		{"a && b", "Invalid value (did you forget quotes)?", sim.EINVAL, 4},
		{"a == 1x", "Illegal integer value", sim.EINVAL, 6},
		{"a == -1", "Illegal integer value", sim.EINVAL, 6},
		{"a == 99999999999999999999999", "Illegal integer value", sim.EINVAL, 6},
		{"a == 999999999999999999999999", "Operand too long", sim.EINVAL, 30},
		{"a ~ 5", "Illegal operation for field type", sim.EINVAL, 5},
		{`a == "5"`, "Expecting numeric field", sim.EINVAL, 6},
		{"s == 5", "Expecting string field", sim.EINVAL, 6},
		{`s > "a"`, "Illegal operation for field type", sim.EINVAL, 5},
		{`s == "a`, "Missing matching quote", 3, 5},
		{`s == "` + strings.Repeat("x", 256) + `"`, "Operand too long", sim.EINVAL, 263},
		{"(a == 1", "Too many '('", 2, 0},
		{"a == 1)", "Too few '('", 1, 6},
		{"a == 1 b == 1", "Too many terms in predicate expression", 1, 7},
		{"a == 1 & b == 1", "Too many terms in predicate expression", 1, 7},
		{"== 1", "Error", 1, 0},
		{"a == 1 && && b == 1", "Error", 1, 0},
		{"()", "Error", sim.EINVAL, 0},
		{"a == 1 || b == 1 &&", "Error", sim.EINVAL, 0},
		{"a == CPUS", "Missing '{'", sim.EINVAL, 11},
		{"a == CPUS{1", "Missing '}'", sim.EINVAL, 12},
		{"a == CPUS{}", "Invalid cpulist", sim.EINVAL, 11},
		{"a == CPUS{x}", "Invalid cpulist", sim.EINVAL, 12},
		{"a < CPUS{1}", "Illegal operation for field type", sim.EINVAL, 5},
		{"a.function == nothing", "Function not found", sim.EINVAL, 22},
		{"b.function == nothing", "Illegal operation for field type", sim.EINVAL, 15},
		{"a.function > 5", "Invalid operator", sim.EINVAL, 14},
	} {
		r, e, rec := filtered(t)
		if err := r.SetFilter(e, "a == 1"); err != nil {
			t.Fatal(err)
		}
		err := r.SetFilter(e, c.expr)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Errno != c.errno || refusal.Text != c.text || refusal.Column != c.column {
			t.Errorf("%s: %+v", c.expr, err)
			continue
		}
		if !e.Passes(rec, Context{}) {
			t.Errorf("%s: the filter before is still there", c.expr)
		}
		if log := r.Log(); len(log) != 1 || log[0] != refusal {
			t.Errorf("%s: error_log has %v", c.expr, log)
		}
	}
}

func TestFilterFile(t *testing.T) {
	r, e, rec := filtered(t)
	if e.Filter() != "none" {
		t.Errorf("without a filter: %q", e.Filter())
	}
	err := r.SetFilter(e, "a == 1 && x == 1")
	if want := "a == 1 && x == 1\n            ^\nparse_error: Field not found\n"; err == nil || e.Filter() != want {
		t.Errorf("%q, want %q", e.Filter(), want)
	}
	want := "event filter parse error: error: Field not found\n  Command: a == 1 && x == 1\n                       ^\n"
	if got := r.Log()[0].Report(); got != want {
		t.Errorf("error_log:\n%s", got)
	}
	if err := r.SetFilter(e, "== 1"); err == nil || e.Filter() != "== 1\nError: (0)\n" {
		t.Errorf("%q", e.Filter())
	}
	if err := r.SetFilter(e, "a == 1"); err != nil || e.Passes(rec, Context{}) {
		t.Errorf("a new filter: %v", err)
	}
	if err := r.SetFilter(e, " 0 \n"); err != nil || e.Filter() != "none" || !e.Passes(rec, Context{}) {
		t.Errorf("0: %v, %q", err, e.Filter())
	}
	if err := r.SetFilter(e, strings.Repeat(" ", maxFilter)); err != sim.EINVAL {
		t.Errorf("a page: %v", err)
	}
}

func TestFilterOfAGroup(t *testing.T) {
	r, e, rec := filtered(t)
	if err := r.Command("p:g/other bin/basic:0x20 x=%ax"); err != nil {
		t.Fatal(err)
	}
	other := r.Event("g", "other")
	if err := r.SetGroupFilter("g", "x == 1"); err != nil {
		t.Error(err)
	}
	want := "x == 1\n^\nparse_error: Couldn't find or set field in one of a subsystem's events\n"
	if e.Filter() != want || other.Filter() != "x == 1" || !e.Passes(rec, Context{}) || other.Passes(rec, Context{}) {
		t.Errorf("%q and %q", e.Filter(), other.Filter())
	}
	if log := r.Log(); len(log) != 1 || log[0].Column != 0 || log[0].Text != filterBadGroup {
		t.Errorf("error_log has %v", log)
	}
	if err := r.SetGroupFilter("h", "x == 1"); err != sim.ENOENT {
		t.Errorf("a group that is not there: %v", err)
	}
	if err := r.SetGroupFilter("g", strings.Repeat(" ", maxFilter)); err != sim.EINVAL {
		t.Errorf("a page: %v", err)
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"a == 5 && !(b > 1 || s ~ \"*x[a-z]\")", "comm != 'x' || cpu & CPUS{0-3,5:1/2}", "((a==1)", "a == 1 || b == 1 &&", "!a&&"} {
		f.Add(s)
	}
	r, e, rec := filtered(f)
	f.Fuzz(func(t *testing.T, s string) {
		err := r.SetFilter(e, s)
		first := e.Passes(rec, Context{Comm: "prog"})
		shown := e.Filter()
		if err != nil && !first {
			t.Fatalf("%q is refused (%v), and something is filtered", s, err)
		}
		if err == nil && shown != "none" {
			if again := r.SetFilter(e, shown); again != nil || e.Passes(rec, Context{Comm: "prog"}) != first {
				t.Fatalf("%q shows %q, which is another filter: %v", s, shown, again)
			}
		}
	})
}
