package sim

// What simulated code says of itself that must not be.
var (
	// Bug is a condition of BUG_ON() that holds.
	Bug = Kind{"bug", "kernel BUG"}
	// Warning is a condition of WARN_ON() that holds.
	Warning = Kind{"warning", "WARNING"}
)

// BugOn is BUG_ON(): the condition must not hold. The subject says in a few words
// what is wrong if it does. It ends the execution.
func (k *K) BugOn(condition bool, subject string) {
	if condition {
		k.Fail(&Violation{Kind: Bug, Subject: subject, write: func(r *splat) {
			r.line("------------[ cut here ]------------")
			r.line("kernel BUG at %s:%d!", top(r.stack).File, top(r.stack).Line)
			r.line("%s", subject)
			r.line("Oops: invalid opcode: 0000 [#1] SMP")
			r.trace(k, r.stack)
			r.line("---[ end trace 0000000000000000 ]---")
		}})
	}
}

// WarnOn is WARN_ON(): BugOn for what the kernel would survive.
func (k *K) WarnOn(condition bool, subject string) {
	if condition {
		k.Fail(&Violation{Kind: Warning, Subject: subject, write: func(r *splat) {
			at := top(r.stack)
			r.line("------------[ cut here ]------------")
			r.line("%s", subject)
			r.line("WARNING: CPU: %d PID: %d at %s:%d %s+0x0/0x0", k.cpu(), k.pid(), at.File, at.Line, at.Func)
			r.line("Modules linked in:")
			r.trace(k, r.stack)
			r.line("---[ end trace 0000000000000000 ]---")
		}})
	}
}
