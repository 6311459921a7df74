package trace_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/trace"
)

// perfetto is the expression by which Perfetto takes a line apart
// (systrace_line_tokenizer.cc).
var perfetto = regexp.MustCompile(`-(\d+)\s+\(?\s*(\d+|-+)?\)?\s?\[(\d+)\]\s*[a-zA-Z0-9.]{0,5}\s*(\d+\.\d+):\s+(\S+):`)

// render is the lines below the header.
func render(t *testing.T, records ...sim.Record) []string {
	t.Helper()
	var b strings.Builder
	if err := trace.Ftrace(&b, records, 2); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func TestFtraceLayout(t *testing.T) {
	var b strings.Builder
	err := trace.Ftrace(&b, []sim.Record{
		{Step: 414, Name: "victim", PID: 101, Preempt: 1, Text: "lock_page(page 3)"},
		{Step: 1_000_415, Name: "tracer", PID: 102, CPU: 1, IRQsOff: true, Remark: "zfree_entry", Text: "(0x446420) arg1=0x446420 arg2=0x4f"},
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := `# tracer: nop
#
# entries-in-buffer/entries-written: 2/2   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
          victim-101     [000] ...1.     0.000413: lock_page: page 3
          tracer-102     [001] d....     1.000414: zfree_entry: (0x446420) arg1=0x446420 arg2=0x4f
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestFtraceEvents(t *testing.T) {
	for _, c := range []struct{ text, note, want string }{
		{"mutex_lock(&inode->i_mutex)", "", "lock_acquire: 000000009d9b7cce inode->i_mutex"},
		{"mutex_unlock(&inode->i_mutex)", "", "lock_release: 000000009d9b7cce inode->i_mutex"},
		{"down_read(&mm->mmap_sem)", "", "lock_acquire: 00000000d4266c8b read mm->mmap_sem"},
		{"raw_spin_lock_irq(&rq->lock)", "", "lock_acquire: 000000003ff77720 rq->lock"},
		{"read_lock_bh(&tasklist_lock)", "", "lock_acquire: 00000000ba81b81e read tasklist_lock"},
		{"percpu_up_read(&dup_mmap_sem)", "", "lock_release: 00000000d8aa85f4 dup_mmap_sem"},
		{"schedule() on mm->mmap_sem", "", "schedule: on mm->mmap_sem"},
		{"mutex_trylock(&inode->i_mutex)", "", "mutex_trylock: &inode->i_mutex"},
		{"READ_ONCE(page->flags)", "= 5", "READ_ONCE: page->flags = 5"},
		{"schedule() on page_waitqueue(page 3)", "", "schedule: on page_waitqueue(page 3)"},
		{"memcpy(buf, container_of(x))", "[0x10]", "memcpy: buf, container_of(x) [0x10]"},
		{"mapping->a_ops->readpage", "= ramfs_readpage", "step: mapping->a_ops->readpage = ramfs_readpage"},
		{"f(a", "", "step: f(a"},
		{"choose", "kzalloc of u: 1 of 2", "step: choose kzalloc of u: 1 of 2"},
		{"synchronize_sched()", "", "synchronize_sched:"},
		{"printk(a\nb)", "", "printk: a b"},
	} {
		line := render(t, sim.Record{Step: 1, Name: "t", PID: 101, Text: c.text, Note: c.note})[0]
		if _, got, _ := strings.Cut(line, "0.000000: "); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.text, c.note, got, c.want)
		}
	}
}

// A lock that somebody else has is acquired when it is passed on.
func TestFtraceOfLocksThatArePassedOn(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	schedule, err := sim.ParseSchedule("reader@1,fork@3")
	if err != nil {
		t.Fatal(err)
	}
	replay := sim.NewReplay(schedule)
	m.Record(func(m *sim.Machine) {
		var sem sim.RWSem
		var tasklist sim.RWLock
		m.Setup().InitRWSem(&sem, "sem")
		m.Setup().RWLockInit(&tasklist, "tasklist")
		m.Go("writer", func(k *sim.K) {
			k.DownWrite(&sem)
			k.WriteLock(&tasklist)
			k.WriteUnlock(&tasklist)
			k.UpWrite(&sem)
		})
		m.Go("reader", func(k *sim.K) {
			k.DownRead(&sem)
			k.UpRead(&sem)
		})
		m.Go("fork", func(k *sim.K) {
			k.ReadLock(&tasklist)
			k.ReadUnlock(&tasklist)
		})
	}, replay)
	if err := replay.Done(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range render(t, m.Records()...) {
		_, what, _ := strings.Cut(line, ": ")
		event, what, _ := strings.Cut(what, ": ")
		_, what, _ = strings.Cut(what, " ")
		got = append(got, event+" "+what)
	}
	want := []string{
		"lock_acquire sem", "lock_acquire read sem", "lock_acquire tasklist", "lock_acquire read tasklist", "lock_release tasklist",
		"lock_release sem", "lock_acquired sem", "lock_release sem", "lock_acquired tasklist", "lock_release tasklist",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFtraceFlags(t *testing.T) {
	for _, c := range []struct {
		r    sim.Record
		want string
	}{
		{sim.Record{}, "....."},
		{sim.Record{BHOff: true}, "b...."},
		{sim.Record{IRQsOff: true}, "d...."},
		{sim.Record{IRQsOff: true, BHOff: true, Preempt: 3}, "D..3."},
		{sim.Record{IRQsOff: true, Context: sim.HardIRQ, Preempt: 0x1c}, "d.hc."},
		{sim.Record{Context: sim.SoftIRQ}, "..s.."},
		{sim.Record{Context: sim.HardIRQ, Below: sim.SoftIRQ, IRQsOff: true}, "d.H.."},
		{sim.Record{Context: sim.NMI, Below: sim.SoftIRQ, IRQsOff: true}, "d.z.."},
		{sim.Record{Context: sim.NMI, Below: sim.HardIRQ, IRQsOff: true}, "d.Z.."},
		{sim.Record{Context: sim.Trap, IRQsOff: true}, "d.z.."},
	} {
		c.r.Text = "f()"
		if line := render(t, c.r)[0]; !strings.Contains(line, "[000] "+c.want+" ") {
			t.Errorf("%+v: got %q, want the flags %s", c.r, line, c.want)
		}
	}
}

// TestPerfettoReadsEveryLine also holds names of tasks to what they must not
// do: a newer tokenizer looks for the first number in brackets.
func TestPerfettoReadsEveryLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sim.Record{
			Step: rapid.IntRange(1, 3_000_000).Draw(t, "step"),
			Name: rapid.String().Draw(t, "name"),
			PID:  rapid.IntRange(1, 123456).Draw(t, "pid"),
			CPU:  rapid.IntRange(0, 300).Draw(t, "cpu"),
			Text: rapid.String().Draw(t, "text"),
			Note: rapid.String().Draw(t, "note"),
		}
		if rapid.Bool().Draw(t, "a remark") {
			r.Remark = rapid.StringN(1, 20, -1).Draw(t, "remark")
		}
		var b strings.Builder
		if err := trace.Ftrace(&b, []sim.Record{r}, 2); err != nil {
			t.Fatal(err)
		}
		_, line, _ := strings.Cut(b.String(), "|         |\n")
		if strings.Count(line, "\n") != 1 {
			t.Fatalf("not one line: %q", line)
		}
		m := perfetto.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("Perfetto does not read %q", line)
		}
		if first := regexp.MustCompile(`\[\d+\]`).FindStringIndex(line); line[first[0]+1:first[1]-1] != m[3] {
			t.Fatalf("the first number in brackets of %q is not the CPU", line)
		}
	})
}

func ExampleFtrace() {
	m := sim.NewMachine()
	defer m.Close()
	var l sim.SpinLock
	m.Record(func(m *sim.Machine) {
		m.Setup().SpinLockInit(&l, "inode_lock")
		m.Go("iput", func(k *sim.K) {
			k.SpinLock(&l)
			k.SpinUnlock(&l)
		})
	}, sim.Undisturbed)
	if err := trace.Ftrace(os.Stdout, m.Records(), 1); err != nil {
		panic(err)
	}
	// Output:
	// # tracer: nop
	// #
	// # entries-in-buffer/entries-written: 2/2   #P:1
	// #
	// #                                _-----=> irqs-off/BH-disabled
	// #                               / _----=> need-resched
	// #                              | / _---=> hardirq/softirq
	// #                              || / _--=> preempt-depth
	// #                              ||| / _-=> migrate-disable
	// #                              |||| /     delay
	// #           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
	// #              | |         |   |||||     |         |
	//             iput-101     [000] ...1.     0.000000: lock_acquire: 000000007178c6ba inode_lock
	//             iput-101     [000] ...1.     0.000001: lock_release: 000000007178c6ba inode_lock
}
