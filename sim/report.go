package sim

import (
	"fmt"
	"strings"
)

// release stands where reports of a real kernel have its version.
const release = "6.12.0-trapline-sim #1"

// report fills in what a reader of the kernel's log would see of v, which k
// caused at the given place.
func (m *Machine) report(k *K, v *Violation, stack []Frame) {
	r := &splat{k: k, v: v, stack: stack}
	v.Title = v.Kind.Class + " in " + guilty(stack)
	r.line("# simulated by trapline; not a kernel")
	switch v.Kind {
	case Deadlock:
		r.hung(m)
	case LockOrder:
		r.circular(m)
	case Recursive:
		r.recursive()
	case IRQUnsafe:
		r.inconsistent()
	case BadUnlock:
		r.rule(37, "WARNING: bad unlock balance detected!")
		r.line("%s is trying to release lock (%s) at:", k.who(), v.Subject)
		r.backtrace()
	case HeldAtExit:
		r.rule(36, "WARNING: "+k.who()+" still has locks held!")
		r.locks(k)
		r.backtrace()
	case Atomic:
		r.atomic()
	case UseAfterFree:
		v.Title = v.Kind.Class + " " + r.access() + " in " + guilty(stack)
		r.kasan("slab-use-after-free")
	case DoubleFree:
		r.kasan("double-free")
	case DataRace:
		r.kcsan()
	case Leak:
		r.line("unreferenced object (%s):", v.Subject)
		r.line("  comm %q, pid %d", k.name, k.pid())
		r.line("  backtrace:")
		r.frames("    ", stack)
	default:
		r.line("%s: %s", v.Kind.Class, v.Subject)
		r.backtrace()
	}
	v.Report = r.b.String()
}

// splat writes a report in the form of the kernel's own.
type splat struct {
	b     strings.Builder
	k     *K
	v     *Violation
	stack []Frame
}

func (r *splat) line(format string, args ...any) {
	fmt.Fprintf(&r.b, format, args...)
	r.b.WriteByte('\n')
}

// rule opens a report of lockdep: a title between rules of the given width.
func (r *splat) rule(width int, title string) {
	r.line("%s", strings.Repeat("=", width))
	r.line("%s", title)
	r.line("%s Not tainted", release)
	r.line("%s", strings.Repeat("-", width))
}

func (r *splat) frames(indent string, stack []Frame) {
	for _, f := range stack {
		r.line("%s%s", indent, f)
	}
}

func (r *splat) backtrace() {
	r.line("")
	r.line("stack backtrace:")
	r.trace(r.k, r.stack)
}

func (r *splat) trace(k *K, stack []Frame) {
	r.line("CPU: %d UID: 0 PID: %d Comm: %s Not tainted %s", k.cpu(), k.pid(), k.name, release)
	r.line("Call Trace:")
	r.line(" <TASK>")
	r.frames(" ", stack)
	r.line(" </TASK>")
}

// who is comm/pid, as lockdep names a task.
func (k *K) who() string { return fmt.Sprintf("%s/%d", k.name, k.pid()) }

// locks lists what k holds.
func (r *splat) locks(k *K) {
	switch n := len(k.held); n {
	case 0:
		r.line("no locks held by %s.", k.who())
		return
	case 1:
		r.line("1 lock held by %s:", k.who())
	default:
		r.line("%d locks held by %s:", n, k.who())
	}
	for i, h := range k.held {
		r.line(" #%d: (%s){+.+.}, at: %s", i, h.o.name, h.where)
	}
}

func (r *splat) hung(m *Machine) {
	for _, k := range m.live {
		if k.daemon {
			continue
		}
		r.line("INFO: task %s:%d blocked for more than 120 seconds.", k.name, k.pid())
		r.line("      Not tainted %s", release)
		r.line(`"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.`)
		r.line("task:%-15.15s state:D stack:0     pid:%-5d tgid:%-5d ppid:2      flags:0x00004000", k.name, k.pid(), k.pid())
		r.line("Call Trace:")
		r.line(" <TASK>")
		r.frames(" ", k.at)
		r.line(" </TASK>")
	}
	r.line("")
	r.line("Showing all locks held in the system:")
	for _, k := range m.live {
		if len(k.held) > 0 {
			r.locks(k)
		}
	}
}

func (r *splat) circular(m *Machine) {
	d := &m.lockdep
	k, last := r.k, r.v.last
	from, to := d.names[last.from], d.names[last.to]
	chain := d.path(last.to, last.from)
	r.rule(54, "WARNING: possible circular locking dependency detected")
	r.line("%s is trying to acquire lock:", k.who())
	r.line("(%s){+.+.}, at: %s", to, top(r.stack))
	r.line("")
	r.line("but task is already holding lock:")
	r.line("(%s){+.+.}, at: %s", from, heldAt(k, from))
	r.line("")
	r.line("which lock already depends on the new lock.")
	r.line("")
	r.line("the existing dependency chain (in reverse order) is:")
	for i := len(chain) - 1; i >= 0; i-- {
		e := chain[i]
		r.line("")
		r.line("-> #%d (%s){+.+.}:", i+1, d.names[e.to])
		r.frames("       ", e.stack)
	}
	r.line("")
	r.line("-> #0 (%s){+.+.}:", to)
	r.frames("       ", r.stack)
	r.line("")
	r.line("other info that might help us debug this:")
	r.line("")
	if len(chain) > 1 {
		names := []string{to}
		for _, e := range chain {
			names = append(names, d.names[e.to])
		}
		r.line("Chain exists of:")
		r.line("  %s", strings.Join(names, " --> "))
		r.line("")
	}
	r.line(" Possible unsafe locking scenario:")
	r.line("")
	r.line("       CPU0                    CPU1")
	r.line("       ----                    ----")
	r.line("  lock(%s);", from)
	r.line("                               lock(%s);", to)
	r.line("                               lock(%s);", from)
	r.line("  lock(%s);", to)
	r.line("")
	r.line(" *** DEADLOCK ***")
	r.line("")
	r.locks(k)
	r.backtrace()
}

func (r *splat) recursive() {
	k := r.k
	r.rule(44, "WARNING: possible recursive locking detected")
	r.line("%s is trying to acquire lock:", k.who())
	r.line("(%s){+.+.}, at: %s", r.v.Subject, top(r.stack))
	r.line("")
	r.line("but task is already holding lock:")
	r.line("(%s){+.+.}, at: %s", r.v.Subject, heldAt(k, r.v.Subject))
	r.line("")
	r.line("other info that might help us debug this:")
	r.line(" Possible unsafe locking scenario:")
	r.line("")
	r.line("       CPU0")
	r.line("       ----")
	r.line("  lock(%s);", r.v.Subject)
	r.line("  lock(%s);", r.v.Subject)
	r.line("")
	r.line(" *** DEADLOCK ***")
	r.line("")
	r.line(" May be due to missing lock nesting notation")
	r.line("")
	r.locks(k)
	r.backtrace()
}

func (r *splat) inconsistent() {
	k := r.k
	was, now := "HARDIRQ-ON-W", "IN-HARDIRQ-W"
	if k.ctx != HardIRQ {
		was, now = now, was
	}
	r.rule(32, "WARNING: inconsistent lock state")
	r.line("inconsistent {%s} -> {%s} usage.", was, now)
	r.line("%s takes:", k.who())
	r.line("(%s){?.+.}, at: %s", r.v.Subject, top(r.stack))
	r.line("")
	r.line(" Possible unsafe locking scenario:")
	r.line("")
	r.line("       CPU0")
	r.line("       ----")
	r.line("  lock(%s);", r.v.Subject)
	r.line("  <Interrupt>")
	r.line("    lock(%s);", r.v.Subject)
	r.line("")
	r.line(" *** DEADLOCK ***")
	r.line("")
	r.locks(k)
	r.backtrace()
}

func (r *splat) atomic() {
	k := r.k
	at := top(r.stack)
	r.line("BUG: sleeping function called from invalid context at %s:%d", at.File, at.Line)
	r.line("in_atomic(): %d, irqs_disabled(): %d, non_block: 0, pid: %d, name: %s", flag(k.preempt > 0 || k.ctx != Task), flag(k.irqOff > 0 || k.ctx == HardIRQ), k.pid(), k.name)
	r.line("preempt_count: %x, expected: 0", k.preempt)
	r.line("it might wait for: %s", r.v.Subject)
	r.locks(k)
	r.trace(k, r.stack)
}

// access is how the task at fault used freed memory.
func (r *splat) access() string {
	if r.v.mode == Read {
		return "Read"
	}
	return "Write"
}

func (r *splat) kasan(class string) {
	l := r.v.life
	r.line("%s", strings.Repeat("=", 66))
	r.line("BUG: KASAN: %s in %s", class, top(r.stack))
	if class == "double-free" {
		r.line("Free of %s by task %s", l.o.name, r.k.who())
	} else {
		r.line("%s of %s by task %s", r.access(), r.v.Subject, r.k.who())
	}
	r.line("")
	r.trace(r.k, r.stack)
	r.line("")
	r.line("Allocated by task %d:", l.by.pid())
	r.frames(" ", l.where)
	if l.freeBy != nil {
		r.line("")
		r.line("Freed by task %d:", l.freeBy.pid())
		r.frames(" ", l.freed)
	}
	r.line("")
	r.line("The buggy address belongs to the object %s", l.o.name)
	r.line("%s", strings.Repeat("=", 66))
}

func (r *splat) kcsan() {
	a := r.v.other
	one, two := guilty(a.at), guilty(r.stack)
	if one > two {
		one, two = two, one
	}
	r.v.Title = r.v.Kind.Class + " in " + one + " / " + two
	if one == two {
		r.v.Title = r.v.Kind.Class + " in " + one
	}
	r.line("%s", strings.Repeat("=", 66))
	r.line("BUG: %s in %s / %s", r.v.Kind.Class, one, two)
	r.line("")
	r.line("access to %s by task %d on cpu %d:", r.v.Subject, r.k.pid(), r.k.cpu())
	r.frames(" ", r.stack)
	r.line("")
	r.line("access to %s by task %d on cpu %d:", r.v.Subject, a.k.pid(), a.k.cpu())
	r.frames(" ", a.at)
	r.line("%s", strings.Repeat("=", 66))
}

// top is the innermost call of a stack.
func top(stack []Frame) Frame {
	if len(stack) == 0 {
		return Frame{Func: "setup"}
	}
	return stack[0]
}

func heldAt(k *K, name string) Frame {
	for _, h := range k.held {
		if h.o.name == name {
			return h.where
		}
	}
	return Frame{}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
