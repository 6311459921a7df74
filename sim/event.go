package sim

// TaskID names one task of a machine: a kernel thread, a process in the kernel
// or an interrupt. It is a small dense number, stable for the life of the
// machine: the same spawn gets the same TaskID in every execution.
type TaskID int32

// ObjID names one shared object (a lock, a word, a page) that steps act on. It
// is a small dense number, stable for the life of the machine: the n-th object
// that a task makes has the same ObjID in every execution.
type ObjID int32

// Mode says how a step uses an object. Two steps of different tasks commute
// unless they use a common object in modes that conflict.
type Mode uint8

const (
	// Read leaves the object as it is; reads commute.
	Read Mode = iota
	// Write changes the object, or takes or releases a lock.
	Write
	// Add changes the object by an amount that does not matter to others who do
	// the same (a reference count that is raised or dropped); additions commute
	// with each other. Which of several comes last is not explored: what it does for that
	// reason belongs into [K.AsLast].
	Add
)

// Conflicts reports whether steps that use one object in modes a and b are
// ordered: exchanging them may change what follows.
func (a Mode) Conflicts(b Mode) bool {
	return a != b || a == Write
}

// Access is one object used by a step.
type Access struct {
	Obj  ObjID
	Mode Mode
	// Follows says of a use that counts as known that it was not asked for, but follows
	// from those that were.
	Follows bool
	// Need is what the object must allow for the step to be possible, zero
	// if it never blocks the step, and Before what it allowed just before.
	Need, Before Wait
	// Last says that the step comes after all others that have added to the object, and
	// ByLast of the uses behind it that whichever of them had come last would have
	// made them, see [K.AsLast].
	Last, ByLast bool
	// Since is how often the object has changed since a task that goes round a
	// loop looked at it last, if the step is to wait for such a change.
	Since uint32
	// Idle says that the step turned out to change nothing, although it might
	// have (a cmpxchg that failed).
	Idle bool
	// Passes says that the step took or gave back a lock, and has learnt nothing of
	// what others did with it. It is noted for tasks that go round a loop only.
	Passes bool
}

// Wait is a set of ways in which a step can be blocked by its object: one of
// them must be open, see [Object.Allow]. A zero Wait never blocks.
type Wait uint16

// Event is one step that an execution took. The slice of accesses lives in the
// machine until the next execution: copy what must be kept.
type Event struct {
	Task TaskID
	Op   Op
	// Choice is the value taken by a data choice, and Choices how many there
	// were: zero for every step that is not a choice.
	Choice, Choices int16
	// Known is how many of its accesses the step was known to make before it
	// was taken; the others turned out as it went.
	Known       int32
	first, last int32
}

// Op is a kind of step: mutex_lock, find_get_page, and so on. Packages make
// their own with [NewOp].
type Op uint16

type opInfo struct {
	format string
	key    uint64
	store  bool // a plain store, which learns nothing of what others did
}

var ops = []opInfo{{format: "none"}}

// NewOp returns a new kind of step, to be called from package variables. The
// format is the call in C, with %s where the name of the object goes:
// "mutex_lock(&%s)".
func NewOp(format string) Op {
	if len(ops) > 1<<16-1 {
		panic("sim: too many kinds of step")
	}
	ops = append(ops, opInfo{format: format, key: hashString(format)})
	return Op(len(ops) - 1)
}

// newStoreOp is NewOp for a plain store, which publishes what its task did
// before but learns nothing of what others did.
func newStoreOp(format string) Op {
	op := NewOp(format)
	ops[op].store = true
	return op
}

// String returns the C form of the step with the object left open.
func (op Op) String() string { return ops[op].format }

// Ops lists the C forms of all kinds of steps, by Op.
func Ops() []string {
	all := make([]string, len(ops))
	for i := range ops {
		all[i] = ops[i].format
	}
	return all
}

// hashString is 64-bit FNV-1a.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix folds x into the running hash h. It is the finaliser of splitmix64,
// which spreads every input bit over the whole word.
func mix(h, x uint64) uint64 {
	h ^= x + 0x9e3779b97f4a7c15 + (h << 6) + (h >> 2)
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9
	h = (h ^ (h >> 27)) * 0x94d049bb133111eb
	return h ^ (h >> 31)
}
