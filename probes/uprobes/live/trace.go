package live

import (
	"fmt"
	"io"
	"slices"

	"trapline/probes/uprobes/events"
	ftrace "trapline/sim/trace"
)

// A Line is a record of the trace buffer.
type Line struct {
	Comm string
	PID  int   // of the thread
	Run  int   // which call of [Kernel.Run] the thread belongs to, from 1
	Time int64 // in nanoseconds
	Text string
}

// A trace is the trace buffer, and where records are put together.
type trace struct {
	comms map[thread]string // saved_cmdlines: the last name of each

	buffer events.Buffer
	busy   bool // somebody puts a record together: ucb->mutex
	lines  []Line
	was    map[*events.Event]bool // has been enabled
}

// A thread of any of the runs.
type thread struct{ run, pid int }

// Comm is the name of the thread of a line as the trace shows it: the last one that
// was seen, as saved_cmdlines has it.
func (k *Kernel) Comm(l Line) string { return k.trace.comms[thread{l.Run, l.PID}] }

// Trace is what the trace buffer holds, oldest first.
func (k *Kernel) Trace() []Line { return slices.Clone(k.trace.lines) }

// WriteTrace writes the file trace as tracefs prints it, for a machine of so many
// processors.
func (k *Kernel) WriteTrace(w io.Writer, cpus int) error {
	n := len(k.trace.lines)
	if _, err := fmt.Fprintf(w, ftrace.FtraceHeader, n, n, cpus); err != nil {
		return err
	}
	for _, l := range k.trace.lines {
		l.Comm = k.Comm(l)
		if _, err := fmt.Fprintln(w, l.String()); err != nil {
			return err
		}
	}
	return nil
}

// String is the line of the file trace.
func (l Line) String() string {
	us := l.Time / 1000
	return fmt.Sprintf("%16s-%-7d [000] ..... %5d.%06d: %s", l.Comm, l.PID, us/1e6, us%1e6, l.Text)
}

// Profile is the file uprobe_profile.
func (k *Kernel) Profile() []string {
	var lines []string
	for _, p := range k.registry.Probes() {
		lines = append(lines, p.Profile())
	}
	return lines
}
