package explore_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"trapline/sim"
)

// act is one operation of a drawn program, with the operations inside it.
type act struct {
	verb  string
	which int // of two words, two page locks, ...
	value int
	body  []act
}

func (a act) String() string {
	s := fmt.Sprint(a.verb, a.which)
	if a.value != 0 {
		s += fmt.Sprint("=", a.value)
	}
	if len(a.body) > 0 {
		s += fmt.Sprint(a.body)
	}
	return s
}

// program is what each task does.
type program [][]act

func (p program) String() string {
	var b strings.Builder
	for i, t := range p {
		fmt.Fprintf(&b, "\n\tt%d: %v", i, t)
	}
	return b.String()
}

// The verbs that a program is drawn from. Those of quiet break no rule unless
// they are nested in an unlucky way; a task that waits for ever is no violation
// where all are daemons.
var (
	plain = []string{"read", "write", "xchg", "cmpxchg", "choose", "choose", "complete", "wake"}
	quiet = append([]string{
		"if", "page", "mutex", "trylock", "down_read", "down_write", "wait", "wait_event", "irq", "cell", "touch",
	}, plain...)
	wild = append([]string{
		"mutex1", "spin", "spin_irq", "use", "free", "get", "set", "get_in", "up_read", "unlock", "nil", "bump", "page_leak",
	}, quiet...)
	nests = map[string]bool{
		"if": true, "page": true, "mutex": true, "mutex1": true, "trylock": true, "down_read": true, "down_write": true,
		"spin": true, "spin_irq": true, "irq": true, "touch": true,
		"rw_read": true, "rw_write": true, "percpu_read": true, "percpu_write": true, "seq_write": true, "down_try": true,
	}
)

// acts draws the operations of a task or of a block of one.
func acts(verbs []string, most, depth int) *rapid.Generator[[]act] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		a := act{
			verb:  rapid.SampledFrom(verbs).Draw(t, "verb"),
			which: rapid.IntRange(0, 1).Draw(t, "which"),
		}
		if a.verb == "write" || a.verb == "xchg" || a.verb == "cmpxchg" {
			a.value = rapid.IntRange(0, 2).Draw(t, "value")
		}
		if nests[a.verb] && depth > 0 {
			a.body = acts(verbs, 2, depth-1).Draw(t, "body")
		}
		return a
	}), 1, most)
}

// programs draws programs of two or three tasks.
func programs(verbs []string) *rapid.Generator[program] {
	return rapid.Custom(func(t *rapid.T) program {
		p := make(program, rapid.IntRange(2, 3).Draw(t, "tasks"))
		for i := range p {
			p[i] = acts(verbs, 6-len(p), 2).Draw(t, fmt.Sprint("t", i))
		}
		return p
	})
}

// world is what the tasks of a drawn program share.
type world struct {
	x      [2]sim.Word[int]
	page   [2]sim.Object
	extra  sim.Object
	mutex  [2]sim.Mutex
	try    sim.Mutex
	rwsem  sim.RWSem
	spin   sim.SpinLock
	done   sim.Completion
	queue  sim.WaitQueue
	life   sim.Life
	in     sim.Word[int]
	inCell sim.Cell[int]
	cell   sim.Cell[int]
	lockWorld
	log map[string][]int // by task, what it has seen
}

var (
	opLockPage   = sim.NewOp("lock_page(%s)")
	opUnlockPage = sim.NewOp("unlock_page(%s)")
	opBump       = sim.NewOp("atomic_inc(&%s)")

	_ = sim.Plumbing("law_act", "law_acts")
)

func newWorld(k *sim.K) *world {
	w := &world{log: map[string][]int{}}
	for i := range 2 {
		w.x[i].Init(k, fmt.Sprint("x", i), 0)
		w.page[i].Init(k, fmt.Sprint("page", i))
		w.page[i].Allow(1)
		k.MutexInit(&w.mutex[i], fmt.Sprint("mutex", i))
	}
	w.extra.Init(k, "extra")
	k.MutexInit(&w.try, "try")
	k.InitRWSem(&w.rwsem, "rwsem")
	k.SpinLockInit(&w.spin, "spin")
	k.InitCompletion(&w.done, "done")
	k.InitWaitqueueHead(&w.queue, "queue")
	k.Born(&w.life, "life")
	w.in.Init(k, "in", 0)
	w.in.In(&w.life)
	w.inCell.Init(k, "in_cell")
	w.inCell.In(&w.life)
	w.cell.Init(k, "cell")
	w.lockWorld.init(k)
	return w
}

// end is the state in which an execution has ended.
func (w *world) end() string {
	var b strings.Builder
	fmt.Fprint(&b, w.x[0].Peek(), w.x[1].Peek(), w.in.Peek(), w.cell.Peek(), w.life.Alive())
	fmt.Fprint(&b, " ", w.log) // in the order of the keys
	return b.String()
}

// t0, t1 and t2 stand on the stacks of the tasks, so that titles name the task.
func t0(k *sim.K, w *world, acts []act) { w.lawActs(k, acts) }
func t1(k *sim.K, w *world, acts []act) { w.lawActs(k, acts) }
func t2(k *sim.K, w *world, acts []act) { w.lawActs(k, acts) }

// program makes a program for the machine that calls observe with every end
// state that broke no rule. If the tasks are daemons that includes those in
// which somebody waits for ever.
func (p program) program(daemons bool, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		w := newWorld(m.Setup())
		add := m.Go
		if daemons {
			add = m.Daemon
		}
		for i, acts := range p {
			body := []func(*sim.K, *world, []act){t0, t1, t2}[i]
			add(fmt.Sprint("t", i), func(k *sim.K) { body(k, w, acts) })
		}
		m.After(func(*sim.K) { observe(w.end()) })
	}
}

func (w *world) lawActs(k *sim.K, acts []act) {
	for _, a := range acts {
		w.lawAct(k, a)
	}
}

// lawAct does one operation. Whatever it sees goes into the log of its task.
func (w *world) lawAct(k *sim.K, a act) {
	x, page := &w.x[a.which], &w.page[a.which]
	saw := func(v int) { w.log[k.Name()] = append(w.log[k.Name()], v) }
	body := func() { w.lawActs(k, a.body) }
	switch a.verb {
	case "read":
		saw(x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "xchg":
		saw(x.Xchg(k, a.value))
	case "cmpxchg":
		saw(x.Cmpxchg(k, 0, a.value))
	case "bump":
		k.Step(opBump, page, sim.Add)
	case "if":
		if x.Read(k) != 0 {
			body()
		}
	case "choose":
		v := k.Choose(2+a.which, "a way")
		saw(v)
		if v == 1 {
			x.Write(k, 2)
		}
	case "page":
		k.MightSleep("page")
		k.StepWait(opLockPage, page, sim.Write, 1)
		page.Forbid(1)
		body()
		k.Step(opUnlockPage, page, sim.Write)
		page.Allow(1)
	case "touch": // a lock whose steps use something else as well
		k.MightSleep("page")
		k.StepWait(opLockPage, page, sim.Write, 1)
		page.Forbid(1)
		k.Touch(&w.extra, sim.Write)
		body()
		k.Step(opUnlockPage, page, sim.Write)
		page.Allow(1)
		k.Touch(&w.extra, sim.Write)
	case "page_leak":
		k.MightSleep("page")
		k.StepWait(opLockPage, page, sim.Write, 1)
		page.Forbid(1)
	case "mutex":
		k.MutexLock(&w.mutex[0])
		body()
		k.MutexUnlock(&w.mutex[0])
	case "mutex1":
		k.MutexLock(&w.mutex[1])
		body()
		k.MutexUnlock(&w.mutex[1])
	case "unlock":
		k.MutexUnlock(&w.mutex[a.which])
	case "trylock":
		if k.MutexTrylock(&w.try) {
			saw(1)
			body()
			k.MutexUnlock(&w.try)
		}
	case "down_read":
		k.DownRead(&w.rwsem)
		body()
		k.UpRead(&w.rwsem)
	case "up_read":
		k.UpRead(&w.rwsem)
	case "down_write":
		k.DownWrite(&w.rwsem)
		body()
		k.UpWrite(&w.rwsem)
	case "spin":
		k.SpinLock(&w.spin)
		body()
		k.SpinUnlock(&w.spin)
	case "spin_irq":
		flags := k.SpinLockIRQSave(&w.spin)
		body()
		k.SpinUnlockIRQRestore(&w.spin, flags)
	case "complete":
		if a.which == 1 {
			k.CompleteAll(&w.done)
			break
		}
		k.Complete(&w.done)
	case "wait":
		k.WaitForCompletion(&w.done)
	case "wake":
		k.WakeUp(&w.queue)
	case "wait_event":
		k.WaitEvent(&w.queue, func() bool { return x.Read(k) != 0 })
	case "irq":
		k.Interrupt("irq", func(k *sim.K) { w.lawActs(k, a.body) })
	case "cell": // the mutex keeps it from being a race
		k.MutexLock(&w.mutex[0])
		w.cell.Set(k, w.cell.Get(k)+1)
		saw(w.cell.Get(k))
		k.MutexUnlock(&w.mutex[0])
	case "get":
		saw(w.cell.Get(k))
	case "set":
		w.cell.Set(k, 1)
	case "get_in":
		saw(w.inCell.Get(k))
	case "use":
		saw(w.in.Read(k))
	case "free":
		k.Kfree(&w.life)
	case "forget": // what it has seen, but not where it is
		delete(w.log, k.Name())
		k.Forget(a.value)
	case "nil":
		var nowhere *world
		saw(len(nowhere.log))
	default:
		w.lockAct(k, a, body, saw)
	}
}
