package sim

import (
	"fmt"
	"runtime"
	"strings"
)

// Kind is a rule that simulated code can break.
type Kind struct {
	// Name is the rule in one word, for tables and for JSON.
	Name string
	// Class is how the kernel's own report of it begins, and so the first half
	// of the title of a violation.
	Class string
}

// The rules that the machine itself watches in every execution. Packages that
// model more of the kernel add their own.
var (
	Deadlock       = Kind{"deadlock", "INFO: task hung"}
	Livelock       = Kind{"livelock", "BUG: soft lockup"}
	LockOrder      = Kind{"lock-order", "possible deadlock"}
	ClaimedOrder   = Kind{"claimed-order", "claimed lock order broken"}
	Recursive      = Kind{"recursive-lock", "possible deadlock"}
	IRQUnsafe      = Kind{"irq-unsafe-lock", "inconsistent lock state"}
	BadUnlock      = Kind{"bad-unlock", "WARNING: bad unlock balance"}
	NotHeld        = Kind{"lock-not-held", "WARNING: lock not held"}
	AtomicAtExit   = Kind{"atomic-at-exit", "BUG: scheduling while atomic"}
	HeldAtExit     = Kind{"held-at-exit", "BUG: still has locks held"}
	Atomic         = Kind{"sleep-in-atomic", "BUG: sleeping function called from invalid context"}
	UseAfterFree   = Kind{"use-after-free", "KASAN: slab-use-after-free"}
	DoubleFree     = Kind{"double-free", "KASAN: double-free"}
	Leak           = Kind{"leak", "memory leak"}
	DataRace       = Kind{"data-race", "KCSAN: data-race"}
	NotInitialised = Kind{"not-initialised", "INFO: trying to register non-static key"}
	Oops           = Kind{"oops", "BUG: unable to handle kernel paging request"}
)

func (k Kind) hash() uint64 { return hashString(k.Name) }

// Violation is a rule broken by simulated code: never a mistake of the user of
// trapline, an error that the kernel would return, or a fault of the machine.
type Violation struct {
	Kind Kind
	// Subject names the object or says in a few words what is wrong.
	Subject string
	// Key tells violations of one program apart without a recording, but for
	// those whose title names other places than that of the violation (a
	// deadlock, a leak, a data race). It holds for this process only.
	Key uint64

	// The rest is known only when the execution was recorded.

	// Title is "class in function", after the rule by which syzkaller names
	// reports: the function is the innermost one that is not plumbing.
	Title string
	// Report is what the kernel would have printed.
	Report string
	// Waits says for a deadlock who waits for what.
	Waits []string

	life    *Life   // the object of a memory error
	mode    Mode    // how it was used
	how     how     // and what else reports say of that
	asked   *Object // the lock that was asked for, or the data of a race
	askedAs int16   // the class of that lock, and how it was asked for
	taking  taking
	holding held    // the lock that is in the way of asked
	under   []held  // all that were held
	other   *access // the earlier access of a data race
	chain   []edge  // how asked came before holding, in the past

	// write, if not nil, writes the report of a rule that is not one of those
	// in report.go.
	write func(r *splat)
}

// Error is the title, or before there is one the rule and its subject.
func (v *Violation) Error() string {
	if v.Title != "" {
		return v.Title
	}
	return v.Kind.Name + ": " + v.Subject
}

// Fail ends the execution with v. It does not return.
func (k *K) Fail(v *Violation) {
	m := k.m
	if !m.aborting {
		m.fail(k, v)
	}
	panic(errUnwind)
}

func (m *Machine) fail(k *K, v *Violation) {
	if m.trial.k != nil { // an execution that does not count
		m.decide(ends)
		return
	}
	m.outcome.Violation = v
	m.aborting = true
	v.Key = mix(mix(v.Kind.hash(), hashString(v.Subject)), site())
	if m.recording {
		m.report(k, v, callers())
		r := k.line()
		r.Remark, r.Text = "violation", v.Title
		m.records = append(m.records, r)
		m.cure(k)
	}
}

// oops turns a run-time error of simulated code, which would have been an oops
// of the kernel, into a violation, unless the execution is over already. It
// returns false if not the simulated code is to blame. It must be called from
// the deferred function that recovered.
func (m *Machine) oops(k *K, r any) bool {
	err, ok := r.(runtime.Error)
	if !ok || m.choosing || ownFault() {
		return false
	}
	if !m.aborting {
		m.fail(k, &Violation{Kind: Oops, Subject: strings.TrimPrefix(err.Error(), "runtime error: ")})
	}
	return true
}

// ownFault says that the panic under way began in package sim, or is passed on
// from a coroutine where that was found already: the first function under the
// runtime's panic tells.
func ownFault() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	inPanic := false
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "runtime.") {
			inPanic = inPanic || strings.Contains(f.Function, "panic")
		} else if inPanic {
			return strings.HasPrefix(f.Function, self) || strings.HasPrefix(f.Function, "iter.")
		}
		if !more {
			return true
		}
	}
}

// plumbing are helpers that wait, lock or look up on behalf of a caller: the
// caller is the one to name in a title.
var plumbing = map[string]bool{}

// Plumbing declares functions, in the kernel's spelling, that a title must not
// blame. It is to be called from package variables.
func Plumbing(functions ...string) struct{} {
	for _, f := range functions {
		plumbing[f] = true
	}
	return struct{}{}
}

// guilty is the function that a title names: for code without a name the task.
func (k *K) guilty(stack []Frame) string {
	for _, f := range stack {
		if !plumbing[f.Func] {
			return f.Func
		}
	}
	if len(stack) > 0 {
		return stack[0].Func
	}
	return k.name
}

// deadlock is the violation of an execution in which nobody can go on. If a task
// goes round a loop it is a livelock: that task does not sleep, and the kernel
// would complain about its CPU before it did about those that do.
func (m *Machine) deadlock() *Violation {
	v := &Violation{Kind: Deadlock, Key: Deadlock.hash()}
	var names []string
	var first *K
	for _, k := range m.live {
		v.Key = mix(mix(v.Key, k.order), hashString(k.pending.call()))
		if !k.hung() {
			continue
		}
		if first == nil {
			first = k
		}
		names = append(names, k.name)
		if k.spins() && v.Kind != Livelock {
			v.Kind, v.write, first = Livelock, (*splat).softLockup, k
			v.Key = mix(v.Key, Livelock.hash())
		}
	}
	v.Subject = strings.Join(names, ", ")
	if m.recording {
		m.report(first, v, first.at)
		for _, k := range m.live {
			v.Waits = append(v.Waits, k.waits())
		}
	}
	return v
}

// holders are the names of the tasks that hold o.
func (m *Machine) holders(o *Object) (names []string) {
	if o == nil {
		return nil
	}
	for _, k := range m.live {
		for _, h := range k.held {
			if h.o == o {
				names = append(names, k.name)
			}
		}
	}
	if len(names) == 0 && o.holder != nil { // no lock of lockdep's
		names = append(names, o.holder.name)
	}
	return names
}

// waits says what k waits for, who has it, and what k has.
func (k *K) waits() string {
	var b strings.Builder
	o, call := k.pending.obj, k.pending.call()
	if k.waitsFor != nil {
		o, call = k.waitsFor, describe(k.inCall, k.waitsFor)
	}
	fmt.Fprintf(&b, "%s waits in %s", k.name, call)
	for i, holder := range k.m.holders(o) {
		switch {
		case i > 0:
			fmt.Fprintf(&b, " and %s", holder)
		case holder == k.name:
			b.WriteString(", locked by itself")
		default:
			fmt.Fprintf(&b, ", held by %s", holder)
		}
	}
	if by := k.occupant(); by != nil {
		fmt.Fprintf(&b, ", while %s has its CPU", by.name)
	}
	if len(k.at) > 0 {
		fmt.Fprintf(&b, ", at %s (%s:%d)", k.at[0].Func, k.at[0].File, k.at[0].Line)
	}
	if len(k.held) > 0 {
		b.WriteString(", holding ")
		for i, h := range k.held {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(h.o.name)
		}
	}
	return b.String()
}
