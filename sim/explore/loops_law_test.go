package explore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// The laws of loops that wait: of programs of tasks that poll, try again and make way
// for each other.

// loopVerbs are what such a program is drawn from.
var loopVerbs = []string{
	"read", "write", "write", "xchg", "cell", "mutex", "trylock", "is_locked",
	"poll", "poll2", "cas", "poll_locked", "try", "try_rw", "try_sem", "try_bit", "poll_bit", "poll_pointer",
	"poll_count", "poll_slot", "seq", "back_off", "back_off_any", "show", "pulse",
}

// looping draws programs of two or three tasks.
func looping() *rapid.Generator[program] {
	return rapid.Custom(func(t *rapid.T) program {
		p := make(program, rapid.IntRange(2, 3).Draw(t, "tasks"))
		for i := range p {
			p[i] = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
				return act{
					verb:  rapid.SampledFrom(loopVerbs).Draw(t, "verb"),
					which: rapid.IntRange(0, 1).Draw(t, "which"),
					value: rapid.IntRange(0, 1).Draw(t, "value"),
				}
			}), 1, 5-len(p)).Draw(t, fmt.Sprint("t", i))
		}
		return p
	})
}

// loopWorld is what the tasks share.
type loopWorld struct {
	x    [2]sim.Word[int]
	l    [2]sim.Mutex
	rw   sim.RWLock
	sem  sim.RWSem
	bits sim.Flags
	ptr  sim.RCUPointer[int]
	refs sim.Refcount
	slot sim.PerCPUInt[int]
	seq  sim.SeqCount
	cell sim.Cell[int]
	log  map[string][]int
	done int
	// rounds is how often a loop goes round before it gives up, 0 if it waits.
	rounds int
}

// loops makes a program that calls observe with every end state in which all tasks
// have done what they were to do. If rounds is not 0, loops do not wait, but give up
// after so many.
func (p program) loops(rounds int, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &loopWorld{log: map[string][]int{}, rounds: rounds}
		for i := range 2 {
			w.x[i].Init(k, fmt.Sprint("x", i), 0)
			k.MutexInit(&w.l[i], fmt.Sprint("l", i))
		}
		k.RWLockInit(&w.rw, "rw")
		k.InitRWSem(&w.sem, "sem")
		w.bits.Init(k, "bits", 0)
		w.ptr.Init(k, "ptr", nil)
		w.refs.Init(k, "refs", 0)
		w.slot.Init(k, "slot", len(p))
		k.SeqcountInit(&w.seq, "seq")
		w.cell.Init(k, "cell")
		for i, acts := range p {
			m.Daemon(fmt.Sprint("t", i), func(k *sim.K) {
				for i, a := range acts {
					if !places[i](w, k, a) {
						return
					}
				}
				w.done++
			})
		}
		m.After(func(*sim.K) {
			if w.done == len(p) {
				observe(fmt.Sprint(w.x[0].Peek(), w.x[1].Peek(), w.cell.Peek(), w.log))
			}
		})
	}
}

// places does an operation, each in a place of its own in the source: which loop it is
// that a task goes round is known by the place.
var places = [...]func(w *loopWorld, k *sim.K, a act) bool{
	func(w *loopWorld, k *sim.K, a act) bool { return w.act(k, a) },
	func(w *loopWorld, k *sim.K, a act) bool { return w.act(k, a) },
	func(w *loopWorld, k *sim.K, a act) bool { return w.act(k, a) },
}

// until does rounds of a loop until one says that it was the last. It returns false
// if the loop gives up.
func (w *loopWorld) until(k *sim.K, round func() bool) bool {
	for i := 0; w.rounds == 0 || i < w.rounds; i++ {
		if round() {
			return true
		}
		if w.rounds == 0 {
			k.CPURelax()
		}
	}
	return false
}

func (w *loopWorld) act(k *sim.K, a act) bool {
	x, y, l, m := &w.x[a.which], &w.x[1-a.which], &w.l[a.which], &w.l[1-a.which]
	saw := func(v int) { w.log[k.Name()] = append(w.log[k.Name()], v) }
	add := func() { w.cell.Set(k, w.cell.Get(k)+1) }
	flag := func(b bool) {
		if b {
			saw(1)
		} else {
			saw(0)
		}
	}
	switch a.verb {
	case "read":
		saw(x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "xchg":
		saw(x.Xchg(k, a.value))
	case "cell":
		k.MutexLock(&w.l[0])
		add()
		saw(w.cell.Get(k))
		k.MutexUnlock(&w.l[0])
	case "mutex":
		k.MutexLock(l)
		saw(x.Read(k))
		k.MutexUnlock(l)
	case "trylock":
		ok := k.MutexTrylock(l)
		flag(ok)
		if ok {
			x.Write(k, a.value)
			k.MutexUnlock(l)
		}
	case "is_locked":
		flag(k.MutexIsLocked(l))
	case "pulse":
		x.Write(k, 1)
		x.Write(k, 0)
	case "poll":
		return w.until(k, func() bool { return x.Read(k) == a.value })
	case "poll2":
		return w.until(k, func() bool { return x.Read(k) == a.value || y.Read(k) == 1 })
	case "cas":
		return w.until(k, func() bool { return x.Cmpxchg(k, a.value, 1-a.value) == a.value })
	case "poll_locked":
		return w.until(k, func() bool {
			k.MutexLock(&w.l[0])
			defer k.MutexUnlock(&w.l[0])
			return w.cell.Get(k) > a.value
		})
	case "try":
		if !w.until(k, func() bool { return k.MutexTrylock(l) }) {
			return false
		}
		saw(y.Read(k))
		k.MutexUnlock(l)
	case "try_rw":
		if a.value == 0 {
			if !w.until(k, func() bool { return k.ReadTrylock(&w.rw) }) {
				return false
			}
			saw(x.Read(k))
			k.ReadUnlock(&w.rw)
			break
		}
		if !w.until(k, func() bool { return k.WriteTrylock(&w.rw) }) {
			return false
		}
		x.Write(k, 1)
		k.WriteUnlock(&w.rw)
	case "try_sem":
		if a.value == 0 {
			if !w.until(k, func() bool { return k.DownReadTrylock(&w.sem) }) {
				return false
			}
			saw(x.Read(k))
			k.UpRead(&w.sem)
			break
		}
		if !w.until(k, func() bool { return k.DownWriteTrylock(&w.sem) }) {
			return false
		}
		x.Write(k, 1)
		k.UpWrite(&w.sem)
	case "try_bit":
		if !w.until(k, func() bool { return !k.TestAndSetBitLock(a.which, &w.bits) }) {
			return false
		}
		saw(y.Read(k))
		k.ClearBitUnlock(a.which, &w.bits)
	case "poll_bit":
		if a.value == 0 {
			k.ChangeBit(2, &w.bits)
			break
		}
		return w.until(k, func() bool { return k.TestBit(2, &w.bits) })
	case "poll_pointer":
		if a.value == 0 {
			w.ptr.Assign(k, new(int))
			break
		}
		return w.until(k, func() bool { return w.ptr.Access(k) != nil })
	case "poll_count":
		if a.value == 0 {
			k.RefcountSet(&w.refs, int32(1+a.which))
			break
		}
		return w.until(k, func() bool { return k.RefcountIncNotZero(&w.refs) })
	case "poll_slot":
		if a.value == 0 {
			w.slot.Write(k, 1)
			break
		}
		return w.until(k, func() bool { return w.slot.Sum(k) > a.which })
	case "seq":
		if a.value == 0 {
			k.RawWriteSeqcountBegin(&w.seq)
			x.Write(k, 1)
			k.RawWriteSeqcountEnd(&w.seq)
			break
		}
		return w.until(k, func() bool {
			seq := k.RawSeqcountBegin(&w.seq)
			v := x.Read(k)
			if k.ReadSeqcountRetry(&w.seq, seq) {
				return false
			}
			saw(v)
			return true
		})
	case "back_off":
		if !w.until(k, func() bool {
			k.MutexLock(l)
			if k.MutexTrylock(m) {
				return true
			}
			k.MutexUnlock(l)
			return false
		}) {
			return false
		}
		saw(x.Read(k))
		k.MutexUnlock(m)
		k.MutexUnlock(l)
	case "back_off_any":
		if !w.until(k, func() bool {
			if k.MutexTrylock(l) {
				return true
			}
			for range k.Choose(2, "for how long") {
				k.CPURelax()
			}
			return false
		}) {
			return false
		}
		saw(x.Read(k))
		k.MutexUnlock(l)
	case "show":
		return w.until(k, func() bool {
			x.Write(k, 1)
			if y.Read(k) == a.value {
				return true
			}
			x.Write(k, 0)
			return false
		})
	default:
		panic("no verb " + a.verb)
	}
	return true
}

// mostLoopSteps bounds the steps of each task in these laws: some of the programs go
// on for ever.
const mostLoopSteps = 14

// retrying has a machine watch for loops that change something from the start.
func retrying(m *sim.Machine) {
	m.MaxSteps = 400
	s, err := sim.ParseSchedule("!retry")
	if err != nil {
		panic(err)
	}
	m.Run(func(*sim.Machine) {}, sim.NewReplay(s))
}

// allLoops visits every execution of a program, within the bound: its end states, and
// whether its tasks may go round for ever together.
func allLoops(p program, most int) (ends map[string]bool, forever, ok bool) {
	m := sim.NewMachine()
	defer m.Close()
	m.MaxTaskSteps = mostLoopSteps
	retrying(m)
	ends = map[string]bool{}
	program := p.loops(0, func(e string) { ends[e] = true })
	s := new(every)
	for range most {
		o := m.Run(program, s)
		if o.Learnt {
			clear(ends)
			*s, forever = every{}, false
			continue
		}
		if o.Violation != nil && !o.Endless {
			panic(o.Violation)
		}
		forever = forever || o.Endless
		if !s.next() {
			return ends, forever, true
		}
	}
	return nil, false, false
}

// loopEnds are the end states that a search finds.
func loopEnds(t rapid.TB, p program, rounds int, o explore.Options) (map[string]bool, *explore.Result) {
	t.Helper()
	var mu sync.Mutex // several workers may see them
	ends := map[string]bool{}
	r, err := explore.Run(context.Background(), p.loops(rounds, func(e string) {
		mu.Lock()
		defer mu.Unlock()
		ends[e] = true
	}), o)
	if err != nil {
		t.Fatalf("%v%v", err, p)
	}
	for _, f := range r.Findings {
		if f.Violation.Kind != sim.Livelock {
			t.Fatalf("%v, %s%v", f.Violation, r.Coverage(), p)
		}
	}
	return ends, r
}

// The searches see of programs that wait in loops what a search without reduction
// sees, and none is begun in vain.
func TestSearchesOfLoops(t *testing.T) {
	checked := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := looping().Draw(rt, "program")
		want, forever, ok := allLoops(p, mostExecutions)
		if !ok {
			return
		}
		checked++
		for _, o := range []explore.Options{
			{SelfCheck: true},
			{Workers: 2},
			{Strategy: explore.Bounded, Preemptions: 40},
			{Strategy: explore.Delays, Delays: 100},
			{Strategy: explore.States, SelfCheck: true},
		} {
			o.TaskSteps, o.Setup, o.MinimiseExecutions = mostLoopSteps, retrying, 1
			got, r := loopEnds(rt, p, 0, o)
			if forever || len(r.Findings) > 0 {
				if !forever || !slices.Equal(sorted(got), slices.DeleteFunc(sorted(got), func(e string) bool { return !want[e] })) {
					rt.Errorf("%s %s: %d findings, %q, want %q%v", o.Strategy, r.Coverage(), len(r.Findings), sorted(got), sorted(want), p)
				}
				continue
			}
			if !maps.Equal(got, want) || !r.Complete || r.Blocked > 0 && o.Workers == 0 {
				rt.Errorf("%s %s: %q, want %q%v", o.Strategy, r.Coverage(), sorted(got), sorted(want), p)
			}
		}
	})
	if checked == 0 {
		t.Error("every program was too large")
	}
}

// A loop that waits reaches what one reaches that goes round a number of times, and
// nothing else.
func TestLoopsReachWhatUnrolledOnesReach(t *testing.T) {
	checked := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := looping().Draw(rt, "program")
		want, r := loopEnds(rt, p, 0, explore.Options{TaskSteps: 40, Executions: 1000, Setup: retrying})
		if !r.Complete || r.Cut > 0 || len(r.Findings) > 0 {
			return
		}
		checked++
		for _, rounds := range []int{2, 5} {
			got, r := loopEnds(rt, p, rounds, explore.Options{Executions: 1000})
			for e := range got {
				if !want[e] {
					rt.Errorf("%d rounds end in %s, which waiting does not: %q%v", rounds, e, sorted(want), p)
				}
			}
			if rounds == 5 && r.Complete && !maps.Equal(got, want) {
				rt.Errorf("waiting ends in %q, five rounds in %q%v", sorted(want), sorted(got), p)
			}
		}
	})
	if checked == 0 {
		t.Error("every program was too large")
	}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// roundVerbs are what a round of a loop is drawn from, and what others look at it with.
var (
	roundVerbs = []string{"write", "write", "mutex", "trylock", "mutex_pair", "read", "cell"}
	lookVerbs  = []string{"read", "read", "trylock", "mutex", "is_locked", "cell_get", "write"}
)

// rounds makes a program of a task that does rounds until it is told to stop, and of
// others that do something and then say so. If most is not 0 it is the number of rounds
// after which the first task gives up.
func (p program) rounds(most int, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &loopWorld{log: map[string][]int{}}
		var stop [2]sim.Word[int]
		for i := range 2 {
			w.x[i].Init(k, fmt.Sprint("x", i), 0)
			stop[i].Init(k, fmt.Sprint("stop", i), 0)
			k.MutexInit(&w.l[i], fmt.Sprint("l", i))
		}
		w.cell.Init(k, "cell")
		w.cell.Set(k, 0)
		m.Daemon("loop", func(k *sim.K) {
			for i := 0; most == 0 || i < most; i++ {
				for _, a := range p[0] {
					w.round(k, a, func(int) {})
				}
				stopped := true
				for j := range p[1:] {
					stopped = stopped && stop[j].Read(k) == 1
				}
				if stopped {
					w.done++
					return
				}
			}
		})
		for j, acts := range p[1:] {
			m.Daemon(fmt.Sprint("t", j), func(k *sim.K) {
				for _, a := range acts {
					w.round(k, a, func(v int) { w.log[k.Name()] = append(w.log[k.Name()], v) })
				}
				stop[j].Write(k, 1)
			})
		}
		m.After(func(*sim.K) {
			stopped := true
			for j := range p[1:] {
				stopped = stopped && stop[j].Peek() == 1
			}
			if w.done == 1 {
				observe(fmt.Sprint(w.log))
			} else if most == 0 && stopped {
				observe("it has not been woken")
			}
		})
	}
}

func (w *loopWorld) round(k *sim.K, a act, saw func(int)) {
	x, l := &w.x[a.which], &w.l[a.which]
	yes := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	switch a.verb {
	case "read":
		saw(x.Read(k))
	case "write":
		x.Write(k, a.value)
	case "mutex":
		k.MutexLock(l)
		k.MutexUnlock(l)
	case "mutex_pair": // keeps what it does from those who take the lock
		k.MutexLock(l)
		w.x[1-a.which].Write(k, a.value)
		k.MutexUnlock(l)
	case "trylock":
		ok := k.MutexTrylock(l)
		saw(yes(ok))
		if ok {
			k.MutexUnlock(l)
		}
	case "is_locked":
		saw(yes(k.MutexIsLocked(l)))
	case "cell":
		k.MutexLock(&w.l[0])
		w.cell.Set(k, a.value)
		k.MutexUnlock(&w.l[0])
	case "cell_get":
		k.MutexLock(&w.l[0])
		saw(w.cell.Get(k))
		k.MutexUnlock(&w.l[0])
	}
}

// A task that waits shows others all that one shows them that goes round as often as
// they look, and nothing else.
func TestOthersSeeWhatRoundsDo(t *testing.T) {
	draw := func(verbs []string, least, most int) *rapid.Generator[[]act] {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
			return act{
				verb:  rapid.SampledFrom(verbs).Draw(t, "verb"),
				which: rapid.IntRange(0, 1).Draw(t, "which"),
				value: rapid.IntRange(0, 1).Draw(t, "value"),
			}
		}), least, most)
	}
	checked := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := program{draw(roundVerbs, 1, 3).Draw(rt, "round")}
		looks := 0
		others := rapid.IntRange(1, 2).Draw(rt, "others")
		for range others {
			acts := draw(lookVerbs, 1, 7-len(p)-2*others).Draw(rt, "looks")
			p, looks = append(p, acts), looks+len(acts)
		}
		seen := func(most int, setup func(m *sim.Machine)) (map[string]bool, *explore.Result) {
			ends := map[string]bool{}
			r, err := explore.Run(context.Background(), p.rounds(most, func(e string) { ends[e] = true }), explore.Options{Setup: setup, Executions: 4000})
			if err != nil || len(r.Findings) > 0 {
				rt.Fatalf("%v, %v%v", err, r, p)
			}
			return ends, r
		}
		got, r := seen(0, retrying)
		if !r.Complete {
			return
		}
		if r.Blocked > 0 {
			rt.Errorf("%s%v", r.Coverage(), p)
		}
		want, r := seen(looks+3, nil)
		for e := range want {
			if !got[e] {
				rt.Errorf("waiting shows %q, and not %s%v", sorted(got), e, p)
			}
		}
		if !r.Complete {
			return
		}
		checked++
		if !maps.Equal(got, want) {
			rt.Errorf("waiting shows %q, rounds show %q%v", sorted(got), sorted(want), p)
		}
	})
	if checked == 0 {
		t.Error("every program was too large")
	}
}
