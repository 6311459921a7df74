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
	v.Title = v.Kind.Class + " in " + k.guilty(stack)
	r.line("# simulated by trapline; not a kernel")
	if v.write != nil {
		v.write(r)
		v.Report = r.b.String()
		return
	}
	switch v.Kind {
	case Deadlock:
		r.hung(m)
	case LockOrder:
		r.circular(m)
	case Recursive:
		r.recursive()
	case BadUnlock:
		r.rule(37, "WARNING: bad unlock balance detected!")
		r.line("%s is trying to release lock (%s) at:", k.who(), v.Subject)
		r.line("[<0>] %s", top(stack))
		r.line("but there are no more locks to release!")
		r.line("")
		r.line("other info that might help us debug this:")
		r.locks(k)
		r.backtrace()
	case HeldAtExit:
		// The task has returned; whoever took the lock is to blame.
		v.Title = v.Kind.Class + " in " + k.held[len(k.held)-1].where.Func
		r.rule(36, "WARNING: "+k.who()+" still has locks held!")
		r.locks(k)
		r.backtrace()
	case Atomic:
		r.atomic()
	case UseAfterFree:
		v.Title = v.Kind.Class + " " + r.access() + " in " + k.guilty(stack)
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
	context := "TASK"
	switch k.ctx {
	case Task:
	case NMI:
		context = "NMI"
	default:
		context = "IRQ"
	}
	r.line(" <%s>", context)
	r.frames(" ", stack)
	r.line(" </%s>", context)
}

// address is where an object would be: a number made from its identity, the same
// on every machine.
func (m *Machine) address(o *Object) uint64 {
	return 0xffff888000000000 | m.objects[o.id].key&0x7ffffff8
}

// lock is a lock of a class as lockdep prints it: address, name, usage in
// interrupts, and the kind of context that may wait for it.
func (r *splat) lock(o *Object, class int16, at Frame) string {
	what := "(" + o.name + "){....}-{1:3}" // no lock, but held: a reader of RCU
	if class != 0 {
		what = r.class(class)
	}
	return fmt.Sprintf("%016x %s, at: %s", r.k.m.address(o), what, at)
}

// held is lock for one that is held.
func (r *splat) held(h held) string { return r.lock(h.o, h.class, h.where) }

// class is a lock class as lockdep prints it.
func (r *splat) class(c int16) string {
	d := &r.k.m.lockdep
	wait := r.k.m.waitType(d.wait[c])
	return fmt.Sprintf("(%s){%s}-{%d:%d}", d.names[c], d.irq.usage[c], wait, wait)
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
		r.line(" #%d: %s", i, r.held(h))
	}
}

func (r *splat) hung(m *Machine) {
	for _, k := range m.live {
		if !k.hung() {
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

// asks says which lock the task asks for, and which one it holds that is in the
// way.
func (r *splat) asks() {
	k, v := r.k, r.v
	r.line("%s is trying to acquire lock:", k.who())
	r.line("%s", r.lock(v.asked, v.askedAs, top(r.stack)))
	r.line("")
	r.line("but task is already holding lock:")
	r.line("%s", r.held(v.holding))
}

func (r *splat) circular(m *Machine) {
	names := m.lockdep.names
	k, chain := r.k, r.v.chain
	from, to := r.v.holding.class, r.v.askedAs
	r.rule(54, "WARNING: possible circular locking dependency detected")
	r.asks()
	r.line("")
	r.line("which lock already depends on the new lock.")
	r.line("")
	r.line("the existing dependency chain (in reverse order) is:")
	for i := len(chain) - 1; i >= 0; i-- {
		r.line("")
		r.line("-> #%d %s:", i+1, r.class(chain[i].to))
		r.frames("       ", chain[i].stack)
	}
	r.line("")
	r.line("-> #0 %s:", r.class(to))
	r.frames("       ", r.stack)
	r.line("")
	r.line("other info that might help us debug this:")
	r.line("")
	if len(chain) > 1 {
		r.chainExists(to, chain)
	}
	r.line(" Possible unsafe locking scenario:")
	r.line("")
	r.line("       CPU0                    CPU1")
	r.line("       ----                    ----")
	r.line("  %s(%s);", r.v.holding.how.verb(), names[from])
	r.line("                               lock(%s);", names[chain[len(chain)-1].from])
	r.line("                               lock(%s);", names[from])
	r.line("  %s(%s);", r.v.taking.verb(), names[to])
	r.line("")
	r.line(" *** DEADLOCK ***")
	r.line("")
	r.locks(k)
	r.backtrace()
}

// verb is what the pictures of lockdep call taking a lock.
func (t taking) verb() string {
	if t == exclusive {
		return "lock"
	}
	return "rlock"
}

// chainExists names the classes on a path.
func (r *splat) chainExists(from int16, path []edge) {
	names := r.k.m.lockdep.names
	along := []string{names[from]}
	for _, e := range path {
		along = append(along, names[e.to])
	}
	r.line("Chain exists of:")
	r.line("  %s", strings.Join(along, " --> "))
	r.line("")
}

// unsafe is the picture of one CPU that waits for itself.
func (r *splat) unsafe(does ...string) {
	r.line("")
	r.line("other info that might help us debug this:")
	r.line(" Possible unsafe locking scenario:")
	r.line("")
	r.line("       CPU0")
	r.line("       ----")
	for _, call := range does {
		r.line("  %s", call)
	}
	r.line("")
	r.line(" *** DEADLOCK ***")
	r.line("")
}

func (r *splat) recursive() {
	k := r.k
	r.rule(44, "WARNING: possible recursive locking detected")
	r.asks()
	names := r.k.m.lockdep.names
	r.unsafe("lock("+names[r.v.holding.class]+");", "lock("+names[r.v.askedAs]+");")
	r.line(" May be due to missing lock nesting notation")
	r.line("")
	r.locks(k)
	r.backtrace()
}

// preemptCount is preempt_count(): a byte for preemption, one for softirqs, in
// which switching them off counts double, and then the interrupts.
func (k *K) preemptCount() int {
	n := k.preempt + k.bhOff<<9
	switch k.ctx {
	case SoftIRQ:
		n += 1 << 8
	case HardIRQ:
		n += 1 << 16
	case NMI:
		n += 1<<16 + 1<<20
	}
	return n + k.traps*(1<<16+1<<20)
}

func (r *splat) atomic() {
	k := r.k
	at := top(r.stack)
	r.line("BUG: sleeping function called from invalid context at %s:%d", at.File, at.Line)
	r.line("in_atomic(): %d, irqs_disabled(): %d, non_block: 0, pid: %d, name: %s", flag(k.preemptCount() > 0), flag(k.IRQsDisabled()), k.pid(), k.name)
	r.line("preempt_count: %x, expected: 0", k.preemptCount())
	r.line("RCU nest depth: %d, expected: 0", k.rcuPreemptDepth())
	r.locks(k)
	for i := len(k.held) - 1; i >= 0; i-- {
		if w := k.held[i].o.wait; w == spins || w == alwaysSpins {
			r.line("Preemption disabled at:")
			r.line("[<0>] %s", k.held[i].where)
			break
		}
	}
	r.trace(k, r.stack)
}

// access is how the task at fault used freed memory.
func (r *splat) access() string { return r.v.mode.verb() }

func (m Mode) verb() string {
	if m == Read {
		return "Read"
	}
	return "Write"
}

// What reports say of sizes: objects have none here.
const (
	nominalObject = 64
	nominalAccess = 8
)

func (r *splat) kasan(class string) {
	l := r.v.life
	address := r.k.m.address(&l.o)
	r.line("%s", strings.Repeat("=", 66))
	r.line("BUG: KASAN: %s in %s", class, top(r.stack))
	if class == "double-free" {
		r.line("Free of addr %016x by task %s", address, r.k.who())
	} else {
		r.line("%s of size %d at addr %016x by task %s", r.access(), nominalAccess, address, r.k.who())
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
	r.line("The buggy address belongs to the object at %016x", address)
	r.line(" which belongs to the cache %s of size %d", strings.ReplaceAll(l.o.name, " ", "_"), nominalObject)
	r.line("The buggy address is located 0 bytes inside of")
	r.line(" freed %d-byte region [%016x, %016x)", nominalObject, address, address+nominalObject)
	r.line("%s", strings.Repeat("=", 66))
}

func (r *splat) kcsan() {
	k, a := r.k, r.v.other
	one, two := a.k.guilty(a.at), k.guilty(r.stack)
	if one > two {
		one, two = two, one
	}
	r.v.Title = r.v.Kind.Class + " in " + one + " / " + two
	if one == two {
		r.v.Title = r.v.Kind.Class + " in " + one
	}
	address := k.m.address(r.v.asked)
	access := func(mode Mode, how how, k *K, stack []Frame) {
		r.line("%s to 0x%016x of %d bytes by task %d on cpu %d:", how.verb(mode), address, nominalAccess, k.pid(), k.cpu())
		r.frames(" ", stack)
		r.line("")
	}
	r.line("%s", strings.Repeat("=", 66))
	r.line("BUG: %s in %s / %s", r.v.Kind.Class, one, two)
	r.line("")
	access(r.v.mode, r.v.how, k, r.stack)
	access(a.mode, a.how, a.k, a.at)
	r.line("Reported by Kernel Concurrency Sanitizer on:")
	r.line("CPU: %d UID: 0 PID: %d Comm: %s Not tainted %s", k.cpu(), k.pid(), k.name, release)
	r.line("%s", strings.Repeat("=", 66))
}

// verb is what KCSAN calls an access.
func (h how) verb(mode Mode) string {
	verb := strings.ToLower(mode.verb())
	if h&compound != 0 {
		verb = "read-write"
	}
	if h&marked != 0 {
		verb += " (marked)"
	}
	return verb
}

// top is the innermost call of a stack.
func top(stack []Frame) Frame {
	if len(stack) == 0 {
		return Frame{Func: "setup"}
	}
	return stack[0]
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
