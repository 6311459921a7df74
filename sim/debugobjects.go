package sim

// The rules of deferred work, after lib/debugobjects.c and the warnings of timers,
// workqueues and kernel threads.
var (
	// ActiveObject is a timer or a work item that is freed or initialised while it
	// is pending.
	ActiveObject = Kind{"active-object", "WARNING: ODEBUG bug"}
	// Misused is a call that warns of its caller.
	Misused = Kind{"misuse", "WARNING"}
)

// active fails because a pending item is freed or initialised again.
func (k *K) active(d *deferred, does string) {
	kind, hint := d.debug()
	k.Fail(&Violation{Kind: ActiveObject, Subject: does + " active object type: " + kind + ", " + d.name, write: func(r *splat) {
		r.warning("ODEBUG: %s active (active state 0) object: %016x object type: %s hint: %s+0x0/0x0", does, k.m.address(&d.o), kind, hint)
	}})
}

// debug is what debugobjects calls d, and its hint.
func (d *deferred) debug() (kind, hint string) {
	switch {
	case d.delayed:
		return "timer_list", "delayed_work_timer_fn"
	case d.context == SoftIRQ:
		return "timer_list", snake(d.name)
	default:
		return "work_struct", snake(d.name)
	}
}

// misused fails because k made a call that it must not make now.
func (k *K) misused(text string) {
	k.Fail(&Violation{Kind: Misused, Subject: text, write: func(r *splat) { r.warning("%s", text) }})
}

// warning is the form of WARN().
func (r *splat) warning(format string, args ...any) {
	at := top(r.stack)
	r.line("------------[ cut here ]------------")
	r.line(format, args...)
	r.line("WARNING: CPU: %d PID: %d at %s:%d %s+0x0/0x0", r.k.cpu(), r.k.pid(), at.File, at.Line, at.Func)
	r.trace(r.k, r.stack)
	r.line("---[ end trace 0000000000000000 ]---")
}
