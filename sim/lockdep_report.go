package sim

import "fmt"

// irqState is the state of a task in a report about interrupts.
func (r *splat) irqState(does string) {
	k := r.k
	r.line("%s [HC%[2]d[%[2]d]:SC%[3]d[%[3]d]:HE%[4]d:SE%[5]d] %[6]s:", k.who(),
		flag(k.ctx >= HardIRQ), flag(k.ctx == SoftIRQ), flag(!k.IRQsDisabled()), flag(k.ctx == Task && k.bhOff == 0), does)
}

// state is a use of a class in an interrupt of a kind, or outside, as lockdep
// names it.
func (q irqKind) state(u usage) string {
	switch u {
	case inNMI, inNMI << byReader:
		return "IN-NMI"
	case initialUse:
		return "INITIAL USE"
	case initialUse << byReader:
		return "INITIAL READ USE"
	}
	name := "IN-" + q.name
	if u.any(q.on) {
		name = q.name + "-ON"
	}
	if u>>byReader != 0 {
		return name + "-R"
	}
	return name + "-W"
}

// seen is the use of a class that bit names, by writers if there were any.
func (d *lockdep) seen(class int16, bit usage) usage {
	if d.irq.usage[class]&bit == 0 {
		return bit << byReader
	}
	return bit
}

// inconsistent is the report of a class that interrupts take and that is also
// taken where they can come, one of which is so now.
func (r *splat) inconsistent(q irqKind, now usage) {
	d, v := &r.k.m.lockdep, r.v
	was := q.on
	if now.any(q.in) {
		now &= q.in | q.in<<byReader
	} else {
		now &= q.on | q.on<<byReader
		was = q.in
	}
	was = d.seen(v.askedAs, was)
	r.rule(32, "WARNING: inconsistent lock state")
	r.line("inconsistent {%s} -> {%s} usage.", q.state(was), q.state(now))
	r.irqState("takes")
	r.line("%s", r.lock(v.asked, v.askedAs, top(r.stack)))
	r.line("{%s} state was registered at:", q.state(was))
	r.frames("  ", d.irq.first[usedAs{v.askedAs, was}])
	name := d.names[v.askedAs]
	r.unsafe("lock("+name+");", "<Interrupt>", "  lock("+name+");")
	r.locks(r.k)
	r.backtrace()
}

// irqOrder is the report of a dependency that leads from a class that interrupts
// take to one whose holder they can stop.
func (r *splat) irqOrder(i inversion, last edge) {
	d, q, v := &r.k.m.lockdep, irqKinds[i.kind-1], r.v
	chain := d.chain(i)
	r.rule(53, fmt.Sprintf("WARNING: %s-safe -> %s-unsafe lock order detected", q.name, q.name))
	r.irqState("is trying to acquire")
	r.line("%s", r.lock(v.asked, v.askedAs, top(r.stack)))
	r.line("")
	r.line("and this task is already holding:")
	r.line("%s", r.held(v.holding))
	r.line("which would create a new lock dependency:")
	r.line(" %s -> %s", r.class(last.from), r.class(last.to))
	r.line("")
	r.line("but this new dependency connects a %s-irq-safe lock:", q.name)
	r.line(" %s", r.class(i.safe))
	r.line("")
	r.line("... which became %s-irq-safe at:", q.name)
	r.frames("  ", d.irq.first[usedAs{i.safe, d.seen(i.safe, q.in)}])
	r.line("")
	r.line("to a %s-irq-unsafe lock:", q.name)
	r.line(" %s", r.class(i.unsafe))
	r.line("")
	r.line("... which became %s-irq-unsafe at:", q.name)
	r.line("...")
	r.frames("  ", d.irq.first[usedAs{i.unsafe, d.seen(i.unsafe, q.on)}])
	r.irqScenario(i, chain)
	r.locks(r.k)
	r.line("")
	r.line("the dependencies between %s-irq-safe lock and the holding lock:", q.name)
	after := 0
	for n, e := range chain {
		if e.from == last.from && e.to == last.to {
			after = n
		}
	}
	r.dependencies(i.safe, chain[:after])
	r.line("")
	r.line("the dependencies between the lock to be acquired")
	r.line(" and %s-irq-unsafe lock:", q.name)
	r.dependencies(last.to, chain[after+1:])
	r.backtrace()
}

// inversion is the report of a class that is now taken in an interrupt, or where
// one can come, and so makes a path between two classes one that an interrupt can
// turn round.
func (r *splat) inversion(i inversion, forwards bool) {
	d, q, v := &r.k.m.lockdep, irqKinds[i.kind-1], r.v
	chain := d.chain(i)
	r.rule(56, "WARNING: possible irq lock inversion dependency detected")
	r.line("%s just changed the state of lock:", r.k.who())
	r.line("%s", r.lock(v.asked, v.askedAs, top(r.stack)))
	if forwards {
		r.line("but this lock took another, %s-unsafe lock in the past:", q.name)
		r.line(" %s", r.class(i.unsafe))
	} else {
		r.line("but this lock was taken by another, %s-safe lock in the past:", q.name)
		r.line(" %s", r.class(i.safe))
	}
	r.line("")
	r.line("")
	r.line("and interrupts could create inverse lock ordering between them.")
	r.line("")
	r.irqScenario(i, chain)
	r.locks(r.k)
	r.line("")
	r.line("the shortest dependencies between 2nd lock and 1st lock:")
	r.dependencies(i.safe, chain)
	r.backtrace()
}

// irqScenario is the picture of an interrupt that turns a lock order round.
func (r *splat) irqScenario(i inversion, chain []edge) {
	names := r.k.m.lockdep.names
	r.line("")
	r.line("other info that might help us debug this:")
	r.line("")
	if len(chain) > 1 {
		r.chainExists(i.safe, chain)
	}
	r.line(" Possible interrupt unsafe locking scenario:")
	r.line("")
	r.line("       CPU0                    CPU1")
	r.line("       ----                    ----")
	r.line("  lock(%s);", names[i.unsafe])
	r.line("                               local_irq_disable();")
	r.line("                               lock(%s);", names[i.safe])
	r.line("                               lock(%s);", names[chain[0].to])
	r.line("  <Interrupt>")
	r.line("    lock(%s);", names[i.safe])
	r.line("")
	r.line(" *** DEADLOCK ***")
	r.line("")
}

// dependencies lists the classes on a path, with where each followed the one
// before.
func (r *splat) dependencies(from int16, path []edge) {
	r.line("-> %s", r.class(from))
	for n, e := range path {
		r.line("%*s-> %s", n+1, "", r.class(e.to))
		r.frames("    ", e.stack)
	}
}

// invalidWait is the report of a lock that waits in a way that is not allowed here.
func (r *splat) invalidWait() {
	k, v := r.k, r.v
	r.rule(29, "[ BUG: Invalid wait context ]")
	r.line("%s is trying to lock:", k.who())
	r.line("%s", r.lock(v.asked, v.askedAs, top(r.stack)))
	r.line("other info that might help us debug this:")
	r.line("context-{%d:%d}", k.waitContext(), k.waitContext())
	r.locks(k)
	r.backtrace()
}

// heldLockFreed is the report of memory that is freed with a lock in it that the
// task holds.
func (r *splat) heldLockFreed() {
	address := r.k.m.address(&r.v.life.o)
	r.rule(25, "WARNING: held lock freed!")
	r.line("%s is freeing memory %016x-%016x, with a lock still held there!", r.k.who(), address, address+nominalObject-1)
	r.line("%s", r.held(r.v.holding))
	r.locks(r.k)
	r.backtrace()
}

// preemptible is the report of a writer of a seqcount that can be preempted.
func (r *splat) preemptible() {
	k := r.k
	at := top(r.stack)
	r.line("------------[ cut here ]------------")
	r.line("WARNING: CPU: %d PID: %d at %s:%d %s", k.cpu(), k.pid(), at.File, at.Line, at.Func+"+0x0/0x0")
	r.trace(k, r.stack)
	r.line("---[ end trace 0000000000000000 ]---")
}
