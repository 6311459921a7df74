package sim_test

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"trapline/sim"
)

// What the tasks of the reports do, in functions whose names the titles are to
// name: uprobe_register and the like.

func uprobeRegister(k *sim.K, w *world) {
	k.MutexLock(&w.a)
	insertProbe(k, w)
	k.MutexUnlock(&w.a)
}

func insertProbe(k *sim.K, w *world) {
	k.MutexLock(&w.b)
	k.MutexUnlock(&w.b)
}

func uprobeMunmap(k *sim.K, w *world) {
	k.MutexLock(&w.b)
	k.MutexLock(&w.a)
	k.MutexUnlock(&w.a)
	k.MutexUnlock(&w.b)
}

func lockTwice(k *sim.K, w *world) {
	k.DownRead(&w.sem)
	k.DownRead(&w.sem)
}

func readHandler(k *sim.K, w *world)  { w.in.Read(k) }
func writeHandler(k *sim.K, w *world) { w.in.Write(k, 1) }

func newProbe(k *sim.K, w *world) {
	w.y.Read(k)
	k.Born(&w.life, "uprobe")
}

func freeProbe(k *sim.K, w *world) { k.Kfree(&w.life) }

func makeAndFree(k *sim.K, w *world) {
	newProbe(k, w)
	freeProbe(k, w)
}

func freeAgain(k *sim.K, w *world) {
	makeAndFree(k, w)
	freeProbe(k, w)
}

func updateProbe(k *sim.K, w *world)   { w.y.Read(k); w.data.Set(k, 1) }
func probeCallback(k *sim.K, w *world) { w.y.Read(k); w.data.Get(k) }

func allocProbe(k *sim.K, _ *world) {
	var l sim.Life
	_ = k.Kzalloc(&l, "uprobe", sim.GFPKernel)
}

func allocUnderLock(k *sim.K, w *world) {
	k.SpinLock(&w.spin)
	allocProbe(k, w)
}

func allocInHandler(k *sim.K, w *world) {
	w.x.Read(k)
	k.Interrupt("timer", func(k *sim.K) { allocProbe(k, w) })
}

func irqHandler(k *sim.K, w *world) {
	w.x.Read(k)
	k.Interrupt("timer", func(k *sim.K) { k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) })
}

func taskLock(k *sim.K, w *world) { w.x.Read(k); k.SpinLock(&w.spin); k.SpinUnlock(&w.spin) }

func waitForReaders(k *sim.K, w *world) {
	k.MutexLock(&w.a)
	k.WaitForCompletion(&w.done)
	k.MutexUnlock(&w.a)
}

func readerNeedsLock(k *sim.K, w *world) {
	w.x.Read(k)
	k.MutexLock(&w.a)
	k.MutexUnlock(&w.a)
	k.Complete(&w.done)
}

func derefNil(k *sim.K, w *world) {
	var nowhere *inode
	w.x.Read(k)
	w.seen[0] = nowhere.size
}

func ring(one, two func(w *world) *sim.Mutex) task {
	return func(k *sim.K, w *world) { lockPair(k, one(w), two(w)) }
}

func lockPair(k *sim.K, one, two *sim.Mutex) {
	k.MutexLock(one)
	k.MutexLock(two)
	k.MutexUnlock(two)
	k.MutexUnlock(one)
}

// address is what a lock may be printed with.
var address = regexp.MustCompile(`ffff[0-9a-f]{12} `)

var lineNumber = regexp.MustCompile(`\.go:\d+`)

// TestReports holds every kind of report to its golden text. Line numbers are
// left out there, or each change of this file would be one of the reports.
func TestReports(t *testing.T) {
	for _, test := range []struct {
		name  string // of the golden file
		title string
		tasks []task
		order []string
	}{
		{"deadlock", "INFO: task hung in wait_for_readers", []task{waitForReaders, readerNeedsLock}, nil},
		{"lock-order", "possible deadlock in uprobe_munmap", []task{uprobeRegister, uprobeMunmap}, nil},
		{"lock-order-three", "possible deadlock in lock_pair", []task{ring(lockA, lockB), ring(lockB, lockC), ring(lockC, lockA)}, nil},
		{"claimed-order", "claimed lock order broken in uprobe_munmap", []task{uprobeMunmap}, []string{"a", "b"}},
		{"recursive-lock", "possible deadlock in lock_twice", []task{lockTwice}, nil},
		{"irq-unsafe-lock", "inconsistent lock state in task_lock", []task{irqHandler, taskLock}, nil},
		{"irq-unsafe-lock-in-irq", "inconsistent lock state in irq_handler", []task{taskLock, irqHandler}, nil},
		{"bad-unlock", "WARNING: bad unlock balance in unlock", []task{unlock}, nil},
		{"lock-not-held", "WARNING: lock not held in assert", []task{assert}, nil},
		{"held-at-exit", "BUG: still has locks held in forget", []task{forget}, nil},
		{"sleep-in-atomic", "BUG: sleeping function called from invalid context in alloc_probe", []task{allocUnderLock}, nil},
		{"sleep-in-irq", "BUG: sleeping function called from invalid context in alloc_probe", []task{allocInHandler}, nil},
		{"use-after-free-read", "KASAN: slab-use-after-free Read in read_handler", []task{makeAndFree, readHandler}, nil},
		{"use-after-free-write", "KASAN: slab-use-after-free Write in write_handler", []task{makeAndFree, writeHandler}, nil},
		{"double-free", "KASAN: double-free in free_probe", []task{freeAgain}, nil},
		{"leak", "memory leak in alloc_probe", []task{forgetProbe}, nil},
		{"data-race", "KCSAN: data-race in probe_callback / update_probe", []task{updateProbe, probeCallback}, nil},
		{"data-race-with-itself", "KCSAN: data-race in update_probe", []task{updateProbe, updateProbe}, nil},
		{"not-initialised", "INFO: trying to register non-static key in use_before_init", []task{useBeforeInit}, nil},
		{"held-lock-freed", "WARNING: held lock freed in free_locked", []task{freeLocked}, nil},
		{"preemptible-seqcount-writer", "WARNING in write_preemptible", []task{writePreemptible}, nil},
		{"oops", "BUG: unable to handle kernel paging request in deref_nil", []task{derefNil}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := program(test.tasks, nil)
			o := undisturbed(t, func(m *sim.Machine) {
				m.ClaimOrder(test.order)
				p(m)
			})
			v := o.Violation
			if v == nil {
				t.Fatal("no rule is broken")
			}
			if v.Title != test.title {
				t.Errorf("the title is %q, want %q", v.Title, test.title)
			}
			if v.Error() != v.Title {
				t.Errorf("as an error it says %q", v)
			}
			text := v.Title + "\n\n" + v.Report
			if len(v.Waits) > 0 {
				text += "\n" + strings.Join(v.Waits, "\n") + "\n"
			}
			text = strings.ReplaceAll(text, "sim_test/", "sim/")
			golden(t, test.name, lineNumber.ReplaceAllString(text, ".go:N"))
		})
	}
}

func freeLocked(k *sim.K, w *world) { k.MutexLock(&w.inLock); k.Kfree(&w.life) }

func writePreemptible(k *sim.K, _ *world) {
	var s sim.SeqCount
	k.SeqcountInit(&s, "seq")
	k.WriteSeqcountBegin(&s)
}

func unlock(k *sim.K, w *world) { k.MutexUnlock(&w.a) }

func assert(k *sim.K, w *world) { w.x.Read(k); k.AssertHeld(&w.a) }

func forget(k *sim.K, w *world) { k.MutexLock(&w.a) }

func forgetProbe(k *sim.K, w *world) { w.x.Read(k); allocProbe(k, w) }

func useBeforeInit(k *sim.K, _ *world) {
	var w sim.Word[int]
	w.Read(k)
}

// The lines of the splats that tools look for, by the widths of the rules that
// lockdep prints around the titles.
func TestReportsHaveTheKernelsForm(t *testing.T) {
	for _, test := range []struct {
		tasks []task
		want  []string
	}{
		{[]task{uprobeRegister, uprobeMunmap}, []string{
			strings.Repeat("=", 54) + "\nWARNING: possible circular locking dependency detected\n",
			"t1/102 is trying to acquire lock:\n(a){",
			"but task is already holding lock:\n(b){",
			"-> #1 (b){", "-> #0 (a){",
			"       CPU0                    CPU1\n",
			"  lock(b);\n                               lock(a);\n                               lock(b);\n  lock(a);\n",
			" *** DEADLOCK ***", "1 lock held by t1/102:",
		}},
		{[]task{lockTwice}, []string{strings.Repeat("=", 44) + "\nWARNING: possible recursive locking detected\n"}},
		{[]task{irqHandler, taskLock}, []string{
			strings.Repeat("=", 32) + "\nWARNING: inconsistent lock state\n",
			"inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.",
		}},
		{[]task{unlock}, []string{strings.Repeat("=", 37) + "\nWARNING: bad unlock balance detected!\n"}},
		{[]task{makeAndFree, readHandler}, []string{
			strings.Repeat("=", 66) + "\nBUG: KASAN: slab-use-after-free in read_handler+0x0/0x0",
			"Read of ", "Freed by task 101:",
		}},
		{[]task{updateProbe, probeCallback}, []string{"BUG: KCSAN: data-race in probe_callback / update_probe\n"}},
		{[]task{waitForReaders, readerNeedsLock}, []string{"INFO: task t0:101 blocked for more than 120 seconds.\n", "Showing all locks held in the system:\n1 lock held by t0/101:\n"}},
		{[]task{allocUnderLock}, []string{"\nBUG: sleeping function called from invalid context at sim", "in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 101, name: t0\npreempt_count: 1, expected: 0\n"}},
		{[]task{allocInHandler}, []string{"in_atomic(): 1, irqs_disabled(): 1,"}},
	} {
		v := undisturbed(t, program(test.tasks, nil)).Violation
		if v == nil {
			t.Fatalf("no rule is broken, want %q", test.want)
		}
		if !strings.HasPrefix(v.Report, "# simulated by trapline; not a kernel\n") {
			t.Errorf("%s: the report does not begin with what it is", v)
		}
		for _, want := range test.want {
			if !strings.Contains(address.ReplaceAllString(v.Report, ""), want) {
				t.Errorf("%s: no %q in\n%s", v, want, v.Report)
			}
		}
	}
}

// A report says nothing of the host: neither who ran the machine, nor what it
// had run before.
func TestReportsAreTheSameEverywhere(t *testing.T) {
	p := program([]task{freeProbe, readHandler}, nil) // what the setup allocated
	first := undisturbed(t, p).Violation.Report
	m := sim.NewMachine()
	defer m.Close()
	m.Run(threeTasks(), sim.Undisturbed)
	again := func() string { return m.Record(p, sim.Undisturbed).Violation.Report }()
	if again != first {
		t.Errorf("got\n%s\nand on a used machine\n%s", first, again)
	}
	for _, host := range []string{"testing.go", "t_runner", "undisturbed"} {
		if strings.Contains(first, host) {
			t.Errorf("the report names %s, which is no part of the kernel:\n%s", host, first)
		}
	}
}

// The lines of a stack are those of the source.
func TestReportNamesTheLine(t *testing.T) {
	_, _, line, _ := runtime.Caller(0)
	f := func(k *sim.K, w *world) { k.MutexUnlock(&w.a) } // the line after
	v := undisturbed(t, program([]task{f}, nil)).Violation
	if want := fmt.Sprintf("report_test.go:%d\n", line+1); !strings.Contains(v.Report, want) {
		t.Errorf("no %q in\n%s", want, v.Report)
	}
}

func TestRecordsSayWhatHappened(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	m.Record(program([]task{
		func(k *sim.K, w *world) {
			flags := k.SpinLockIRQSave(&w.spin)
			w.x.Write(k, w.x.Read(k)+1)
			k.SpinUnlockIRQRestore(&w.spin, flags)
		},
		func(k *sim.K, w *world) {
			w.seen[0] = k.Choose(2, "a way")
			if k.Tracing() {
				k.Event("probe_hit", "(0x%x)", 0x401000)
			}
			w.y.Cmpxchg(k, 0, 5)
		},
	}, nil), sim.Undisturbed)
	var got strings.Builder
	for _, r := range m.Records() {
		fmt.Fprintf(&got, "%d %s-%d [%03d] %d%t%t %s%s %q\n", r.Step, r.Name, r.PID, r.CPU, r.Preempt, r.IRQsOff, r.BHOff, r.Remark, r.Text, r.Note)
	}
	golden(t, "records", got.String())
}
