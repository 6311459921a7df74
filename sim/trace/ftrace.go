package trace

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"io"
	"regexp"
	"strings"

	"trapline/sim"
)

// FtraceHeader is the format of what the kernel prints above the lines (print_event_info
// and print_func_help_header_irq in kernel/trace/trace.c, 6.12): the number of lines,
// twice, and that of processors.
const FtraceHeader = `# tracer: nop
#
# entries-in-buffer/entries-written: %d/%d   #P:%d
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`

// Ftrace writes an execution as ftrace text, in the layout of Linux 6.12, for a
// machine with the given number of CPUs. A step takes a microsecond; a remark
// has the time of its step.
//
// The steps that take and release locks are the kernel's own events of lockdep,
// other steps are events with the name of the function and its arguments.
func Ftrace(w io.Writer, records []sim.Record, cpus int) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, FtraceHeader, len(records), len(records), cpus)
	asked := map[sim.TaskID]string{} // the lock that a task has asked for in its last step
	for i := range records {
		r := &records[i]
		name, text, lock := event(r, asked[r.Task])
		if r.Remark == "" {
			asked[r.Task] = lock
		}
		line := fmt.Sprintf("%16s-%-7d [%03d] %s %5d.%06d: %s: %s", comm(r.Name), r.PID, r.CPU, flags(r),
			step(r)/1e6, step(r)%1e6, name, oneLine(text))
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	return b.Flush()
}

// comm is a task's name as readers of the text can take it apart: without
// blanks, and without brackets, which enclose the CPU.
func comm(name string) string {
	if name == "" {
		return "<...>"
	}
	return commReplacer.Replace(name)
}

var commReplacer = strings.NewReplacer(" ", "_", "\t", "_", "\n", "_", "[", "(", "]", ")")

// oneLine keeps a text from breaking the line that it stands in.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// flags are the five characters between the CPU and the time.
func flags(r *sim.Record) string {
	irqs, context, preempt := '.', '.', "."
	switch {
	case r.IRQsOff && r.BHOff:
		irqs = 'D'
	case r.IRQsOff:
		irqs = 'd'
	case r.BHOff:
		irqs = 'b'
	}
	switch r.Context {
	case sim.NMI, sim.Trap: // a trap of the kernel counts as one
		context = 'z'
		if r.Below == sim.HardIRQ {
			context = 'Z'
		}
	case sim.HardIRQ:
		context = 'h'
		if r.Below == sim.SoftIRQ {
			context = 'H'
		}
	case sim.SoftIRQ:
		context = 's'
	}
	if depth := r.Preempt & 0xf; depth > 0 {
		preempt = fmt.Sprintf("%x", depth)
	}
	return fmt.Sprintf("%c.%c%s.", irqs, context, preempt)
}

// call matches the beginning of a text that is a call in C.
var call = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\(`)

// splitCall takes a call apart: the function, its arguments, and what follows
// the bracket that closes them.
func splitCall(text string) (name, args, rest string, ok bool) {
	m := call.FindStringSubmatch(text)
	if m == nil {
		return "", "", "", false
	}
	inner, depth := text[len(m[0]):], 1
	for i, c := range inner {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return m[1], inner[:i], inner[i+1:], true
		}
	}
	return "", "", "", false
}

// notName matches what cannot stand in the name of an event.
var notName = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// event is the name and the text of the line for a record, of a task that has just
// asked for the given lock or for none, and the lock that it asks for now.
func event(r *sim.Record, asked string) (name, text, asks string) {
	if r.Remark != "" {
		return notName.ReplaceAllString(r.Remark, "_"), r.Text, ""
	}
	name, args, rest, ok := splitCall(r.Text)
	if !ok {
		return "step", r.Text + " " + r.Note, ""
	}
	if waits, ok := strings.CutPrefix(rest, " on "); ok && asked != "" && waits == asked {
		// The last holder of a lock has passed it on.
		return "lock_acquired", pointer(asked) + " " + asked + " " + r.Note, ""
	}
	if e, ok := lockEvents[lockVerb(name)]; ok {
		lock := strings.TrimPrefix(args, "&")
		if e.name == "lock_acquire" {
			asks = lock
		}
		return e.name, pointer(lock) + " " + e.how + lock + " " + r.Note, asks
	}
	return name, args + " " + rest + " " + r.Note, ""
}

// lockEvents are the events of lockdep (include/trace/events/lock.h) for the
// verbs that take and release locks. The trylocks are not among them, for the
// kernel has no event for one that fails.
var lockEvents = map[string]struct{ name, how string }{
	"mutex_lock":   {"lock_acquire", ""},
	"mutex_unlock": {"lock_release", ""},
	"spin_lock":    {"lock_acquire", ""},
	"spin_unlock":  {"lock_release", ""},
	"read_lock":    {"lock_acquire", "read "},
	"read_unlock":  {"lock_release", ""},
	"write_lock":   {"lock_acquire", ""},
	"write_unlock": {"lock_release", ""},
	"down_read":    {"lock_acquire", "read "},
	"up_read":      {"lock_release", ""},
	"down_write":   {"lock_acquire", ""},
	"up_write":     {"lock_release", ""},
}

// lockVerb is a verb without what it says of the kind of lock and of interrupts.
func lockVerb(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "raw_"), "percpu_")
	for _, off := range []string{"_bh", "_irq", "_irqsave", "_irqrestore"} {
		name = strings.TrimSuffix(name, off)
	}
	return name
}

// pointer stands where the kernel prints a lock's hashed address. There are no
// addresses here, so it is made from the name: locks of one name share it.
func pointer(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("%016x", h.Sum32())
}
