package sim

// Object is a piece of shared state that steps act on, embedded in every lock
// and every shared word. Packages that model kernel objects of their own (the
// page lock, the page tree) give them an Object and use [K.StepWait].
type Object struct {
	id     ObjID
	allow  Wait
	class  int16    // lock class, 0 if it is no lock
	wait   waitKind // how one waits for the lock
	loose  bool     // its sections are steps, see section.go
	name   string
	life   *Life // the allocation that it lies in, nil if it is static
	holder *K    // who holds it, for reports
	// content, if not nil, is what the object is known by in states.
	content content
}

// What a task's own object allows: woken lets a sleeper on a wait queue go on,
// granted one that queues for a lock, and born lets a spawned task begin. timed
// lets the timeout of a sleep come, and expired then ends it. graced lets one go
// on for which a crowd has left.
const (
	woken Wait = 1 << iota
	granted
	born
	timed
	expired
	graced
)

// objectInfo is what the machine keeps of an object beside the object.
type objectInfo struct {
	key uint64
	// stores is what a reader of the object learns, adds what those who only
	// add to it have published and an exclusive user learns as well.
	stores, adds clock
	// version counts the steps that may have changed the object, and awaited
	// says that there is a step that waits for its value.
	version uint32
	awaited bool
	ordered orderedBy // with a model of memory other than SC
}

// Init gives o its name and its identity, as mutex_init() does. It must be
// called once, by the task that makes the object, before anything uses it.
func (o *Object) Init(k *K, name string) { o.init(k, name) }

func (o *Object) init(k *K, name string) {
	m := k.m
	n := k.nobjects
	k.nobjects++
	if n == len(k.objects) {
		k.objects = append(k.objects, m.object(k, n))
	}
	*o = Object{id: k.objects[n], name: name}
	info := &m.objects[o.id]
	info.version, info.ordered = 0, byObject
	info.awaited = m.known.awaited[o.id]
	if m.States {
		m.exists(o)
	}
}

// object is the identity of the n-th object that k makes.
func (m *Machine) object(k *K, n int) ObjID {
	id := m.ids.ofObject(k.id, n)
	for len(m.objects) <= int(id) {
		m.objects = append(m.objects, objectInfo{})
	}
	m.objects[id].key = mix(k.order+1, uint64(n))
	return id
}

// In places o inside the allocation l: using it after l was freed is a
// use after free.
func (o *Object) In(l *Life) { o.life = l }

// Name is the name given to Init.
func (o *Object) Name() string { return o.name }

// Allow opens the ways in w: tasks that wait for one of them can go on.
func (o *Object) Allow(w Wait) { o.allow |= w }

// Forbid closes the ways in w.
func (o *Object) Forbid(w Wait) { o.allow &^= w }

// SetHolder says who holds o, or nil, so that reports can name the task.
func (o *Object) SetHolder(k *K) { o.holder = k }

// mustBe fails if o was not initialised.
func (o *Object) mustBe(k *K) {
	if o.id == 0 {
		k.Fail(&Violation{Kind: NotInitialised, Subject: "object used before it was initialised"})
	}
}

// check fails if o may not be used.
func (o *Object) check(k *K, mode Mode) {
	o.mustBe(k)
	if o.life != nil {
		o.life.mustBeAlive(k, o.name, mode)
	}
}
