package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
)

// locks are one lock of every kind for each letter.
type locks struct {
	mutex  [4]sim.Mutex
	spin   [4]sim.SpinLock
	raw    [4]sim.SpinLock
	rw     [4]sim.RWLock
	sem    [4]sim.RWSem
	percpu [4]sim.PercpuRWSem
	seq    [4]sim.SeqLock
}

const letters = "abcd"

func newLocks(k *sim.K) *locks {
	l := &locks{}
	for i, c := range letters {
		k.MutexInit(&l.mutex[i], "mutex_"+string(c))
		k.SpinLockInit(&l.spin[i], "spin_"+string(c))
		k.RawSpinLockInit(&l.raw[i], "raw_"+string(c))
		k.RWLockInit(&l.rw[i], "rw_"+string(c))
		k.InitRWSem(&l.sem[i], "sem_"+string(c))
		k.PercpuInitRWSem(&l.percpu[i], "percpu_"+string(c))
		k.SeqlockInit(&l.seq[i], "seq_"+string(c))
	}
	return l
}

// script is a program of tasks, apart from each other by bars. What stands behind
// hard or soft is done by an interrupt of the task. A word is a verb and the letter
// of a lock, with a subclass behind it or none. In the verbs m is a mutex, s a
// spinlock, raw a raw one, r and w a reader and a writer of an rwlock, R and W of a
// semaphore, PR and PW of a per-CPU one, and q a seqlock, qr its reader; b, i and s
// behind that are for _bh, _irq and _irqsave; + is to lock, ? to try and - to unlock.
func script(text string) sim.Program {
	return func(m *sim.Machine) {
		l := newLocks(m.Setup())
		for i, words := range strings.Split(text, "|") {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { l.lockScript(k, strings.Fields(words)) })
		}
	}
}

func (l *locks) lockScript(k *sim.K, words []string) {
	var flags []int // a stack
	for i, word := range words {
		rest := func(k *sim.K) { l.lockScript(k, words[i+1:]) }
		switch word {
		case "hard":
			k.Interrupt("irq", rest)
			return
		case "soft":
			k.RaiseSoftirq("irq", rest)
			return
		}
		flags = l.lockWord(k, word, flags)
	}
}

func (l *locks) lockWord(k *sim.K, word string, flags []int) []int {
	verb, which, _ := strings.Cut(word, ":")
	i, sub := strings.IndexByte(letters, which[0]), 0
	if len(which) > 1 {
		sub = int(which[2] - '0')
	}
	held := func(ok bool) {
		if !ok {
			panic("the trylock failed")
		}
	}
	push := func(f int) { flags = append(flags, f) }
	pop := func() int {
		f := flags[len(flags)-1]
		flags = flags[:len(flags)-1]
		return f
	}
	mutex, spin, raw, rw, sem, percpu, seq := &l.mutex[i], &l.spin[i], &l.raw[i], &l.rw[i], &l.sem[i], &l.percpu[i], &l.seq[i]
	switch verb {
	case "m+":
		k.MutexLockNested(mutex, sub)
	case "m?":
		held(k.MutexTrylock(mutex))
	case "m-":
		k.MutexUnlock(mutex)
	case "s+":
		k.SpinLockNested(spin, sub)
	case "s?":
		held(k.SpinTrylock(spin))
	case "s-":
		k.SpinUnlock(spin)
	case "sb+":
		k.SpinLockBH(spin)
	case "sb-":
		k.SpinUnlockBH(spin)
	case "si+":
		k.SpinLockIRQ(spin)
	case "si-":
		k.SpinUnlockIRQ(spin)
	case "ss+":
		push(k.SpinLockIRQSave(spin))
	case "ss-":
		k.SpinUnlockIRQRestore(spin, pop())
	case "raw+":
		k.SpinLock(raw)
	case "raw?":
		held(k.SpinTrylock(raw))
	case "raw-":
		k.SpinUnlock(raw)
	case "r+":
		k.ReadLock(rw)
	case "r?":
		held(k.ReadTrylock(rw))
	case "r-":
		k.ReadUnlock(rw)
	case "rb+":
		k.ReadLockBH(rw)
	case "rb-":
		k.ReadUnlockBH(rw)
	case "rs+":
		push(k.ReadLockIRQSave(rw))
	case "rs-":
		k.ReadUnlockIRQRestore(rw, pop())
	case "w+":
		k.WriteLock(rw)
	case "w?":
		held(k.WriteTrylock(rw))
	case "w-":
		k.WriteUnlock(rw)
	case "wb+":
		k.WriteLockBH(rw)
	case "wb-":
		k.WriteUnlockBH(rw)
	case "ws+":
		push(k.WriteLockIRQSave(rw))
	case "ws-":
		k.WriteUnlockIRQRestore(rw, pop())
	case "R+":
		k.DownReadNested(sem, sub)
	case "R?":
		held(k.DownReadTrylock(sem))
	case "R-":
		k.UpRead(sem)
	case "W+":
		k.DownWriteNested(sem, sub)
	case "W?":
		held(k.DownWriteTrylock(sem))
	case "W-":
		k.UpWrite(sem)
	case "W>R":
		k.DowngradeWrite(sem)
	case "PR+":
		k.PercpuDownRead(percpu)
	case "PR?":
		held(k.PercpuDownReadTrylock(percpu))
	case "PR-":
		k.PercpuUpRead(percpu)
	case "PW+":
		k.PercpuDownWrite(percpu)
	case "PW-":
		k.PercpuUpWrite(percpu)
	case "q+":
		k.WriteSeqlock(seq)
	case "q-":
		k.WriteSequnlock(seq)
	case "qs+":
		push(k.WriteSeqlockIRQSave(seq))
	case "qs-":
		k.WriteSequnlockIRQRestore(seq, pop())
	case "qr":
		k.ReadSeqretry(seq, k.ReadSeqbegin(seq))
	default:
		panic("no verb " + word)
	}
	return flags
}

// The titles that scripts are held to.
const (
	silent     = ""
	order      = "possible deadlock in lock_word"
	state      = "inconsistent lock state in lock_word"
	balance    = "WARNING: bad unlock balance in lock_word"
	leaves     = "BUG: still has locks held in lock_word"
	atomic     = "BUG: sleeping function called from invalid context in lock_word"
	waitType   = "BUG: Invalid wait context in lock_word"
	noSubclass = "BUG: looking up invalid subclass in lock_word"
)

// tryScript holds what lockdep says of a script to a title, both when the tasks
// run one after the other, before the interrupts, and the other way round: nothing
// has to go wrong for it.
func tryScript(t *testing.T, text, want string, options ...func(m *sim.Machine)) {
	t.Helper()
	last := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return slices.Index(p.Tasks, slices.Max(p.Tasks)) })
	for _, s := range []sim.Strategy{sim.Undisturbed, last} {
		m := sim.NewMachine()
		defer m.Close()
		for _, o := range options {
			o(m)
		}
		v := m.Record(script(text), s).Violation
		switch {
		case v == nil && want != "":
			t.Errorf("%s: silent, want %q", text, want)
		case v != nil && v.Title != want:
			t.Errorf("%s: %q, want %q\n%s", text, v.Title, want, v.Report)
		}
		if v != nil && v.Kind == sim.Deadlock {
			t.Errorf("%s: deadlocked", text)
		}
	}
}

// The cases are after the ideas of the kernel's own lib/locking-selftest.c; a name in
// capitals is one of its.
func TestLockdepOrderOfEveryKindOfLock(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"AA", "+:a +:a", order},
		{"A B", "+:a -:a +:b -:b", silent},
		{"ABAB", "+:a +:b -:b -:a | +:a +:b -:b -:a", silent},
		{"ABBA", "+:a +:b -:b -:a | +:b +:a -:a -:b", order},
		{"ABBA in one task", "+:a +:b -:b -:a +:b +:a", order},
		{"ABBCCA", "+:a +:b -:b -:a | +:b +:c -:c -:b | +:c +:a -:a -:c", order},
		{"ABCABC", "+:a +:b -:b -:a | +:c +:a -:a -:c | +:b +:c -:c -:b", order},
		{"ABBCCDDA", "+:a +:b -:b -:a | +:b +:c -:c -:b | +:c +:d -:d -:c | +:d +:a -:a -:d", order},
		{"ABCDBDDA", "+:a +:b -:b -:a | +:c +:d -:d -:c | +:b +:d -:d -:b | +:d +:a -:a -:d", order},
		{"ABCDBCDA", "+:a +:b -:b -:a | +:c +:d -:d -:c | +:b +:c -:c -:b | +:d +:a -:a -:d", order},
		{"ABBCCDAD", "+:a +:b -:b -:a | +:b +:c -:c -:b | +:c +:d -:d -:c | +:a +:d -:d -:a", silent},
		{"left in another order", "+:a +:b -:a +:c -:b -:c | +:a +:b +:c -:c -:b -:a", silent},
		{"left before the next one", "+:a +:b -:a +:c -:b -:c | +:c +:a -:a -:c", order},
		{"held at the end", "+:a", leaves},
		{"DOUBLE UNLOCK", "+:a -:a -:a", balance},
	} {
		for _, kind := range []string{"m", "s", "raw", "w", "W", "PW", "q"} {
			t.Run(test.name+" "+kind, func(t *testing.T) {
				tryScript(t, strings.NewReplacer("+:", kind+"+:", "-:", kind+"-:").Replace(test.script), test.want)
			})
		}
	}
}

func TestLockdepCases(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		// Readers of an rwlock get in past writers that wait.
		{"read in read", "r+:a r+:a r-:a r-:a", silent},
		{"read in read with another between", "r+:a r+:b r+:a r-:a r-:b r-:a", silent},
		{"write in read", "r+:a w+:a", order},
		{"read in write", "w+:a r+:a", order},
		{"writers under readers, crossed", "r+:a w+:b w-:b r-:a | r+:b w+:a w-:a r-:b", order},
		{"readers under readers, crossed", "r+:a r+:b r-:b r-:a | r+:b r+:a r-:a r-:b", silent},
		{"reader under a writer, writer under a reader", "w+:a r+:b r-:b w-:a | r+:b w+:a w-:a r-:b", silent},
		{"reader under a writer, reader under a reader", "w+:a r+:b r-:b w-:a | r+:b r+:a r-:a r-:b", silent},
		{"writer under a writer, reader under a reader", "w+:a w+:b w-:b w-:a | r+:b r+:a r-:a r-:b", order},
		{"readers under writers, crossed", "w+:a r+:b r-:b w-:a | w+:b r+:a r-:a w-:b", order},

		// Those of a semaphore do not.
		{"down_read in down_read", "R+:a R+:a", order},
		{"down_write in down_read", "R+:a W+:a", order},
		{"down_read in down_write", "W+:a R+:a", order},
		{"readers of semaphores, crossed", "R+:a R+:b R-:b R-:a | R+:b R+:a R-:a R-:b", order},
		{"readers of semaphores", "R+:a R+:b R-:b R-:a | R+:a R+:b R-:b R-:a", silent},
		{"reader between two mutexes", "m+:a R+:b m+:c m-:c R-:b m-:a | m+:c m+:a m-:a m-:c", order},
		{"reader over a mutex", "R+:a m+:b m-:b R-:a | m+:b R+:a R-:a m-:b", order},
		{"percpu_down_read in itself", "PR+:a PR+:a", order},
		{"percpu_down_read, crossed", "PR+:a PR+:b PR-:b PR-:a | PR+:b PR+:a PR-:a PR-:b", order},
		{"percpu_down_read, one after the other", "PR+:a PR-:a PR+:a PR-:a", silent},

		// A path ends where it comes by a recursive reader to what is held by readers.
		{"W1R2_W2R3_W3W1", "w+:a r+:b r-:b w-:a | w+:b r+:c r-:c w-:b | w+:c w+:a w-:a w-:c", order},
		{"W1R2_R2R3_W3W1", "w+:a r+:b r-:b w-:a | r+:b r+:c r-:c r-:b | w+:c w+:a w-:a w-:c", silent},
		{"W1W2_R2R3_W3W1", "w+:a w+:b w-:b w-:a | r+:b r+:c r-:c r-:b | w+:c w+:a w-:a w-:c", order},
		{"W1W2_R2R3_R3W1", "w+:a w+:b w-:b w-:a | r+:b r+:c r-:c r-:b | r+:c w+:a w-:a r-:c", silent},
		{"both ways to come", "w+:a r+:b w-:a r-:b | w+:a w+:b w-:a w-:b | r+:b w+:a w-:a r-:b", order},
		{"around a reader in the middle", "w+:a r+:b w+:c w-:c r-:b w-:a | w+:c w+:a w-:a w-:c", order},

		// Trylocks wait for nobody, but who asks under them does.
		{"trylock against the order", "m+:a m+:b m-:b m-:a | m+:b m?:a m-:a m-:b", silent},
		{"spin_trylock against the order", "s+:a s+:b s-:b s-:a | s+:b s?:a s-:a s-:b", silent},
		{"raw_spin_trylock against the order", "raw+:a raw+:b raw-:b raw-:a | raw+:b raw?:a raw-:a raw-:b", silent},
		{"down_read_trylock against the order", "R+:a R+:b R-:b R-:a | R+:b R?:a R-:a R-:b", silent},
		{"down_write_trylock against the order", "W+:a W+:b W-:b W-:a | W+:b W?:a W-:a W-:b", silent},
		{"read_trylock against the order", "w+:a w+:b w-:b w-:a | w+:b r?:a r-:a w-:b", silent},
		{"write_trylock against the order", "w+:a w+:b w-:b w-:a | w+:b w?:a w-:a w-:b", silent},
		{"percpu_down_read_trylock against the order", "PR+:a PR+:b PR-:b PR-:a | PR+:b PR?:a PR-:a PR-:b", silent},
		{"down_read_trylock of what is read", "R+:a R?:a R-:a R-:a", silent},
		{"trylocks only, crossed", "m?:a m?:b m-:b m-:a | m?:b m?:a m-:a m-:b", silent},
		{"lock under a trylock", "m?:a m+:b m-:b m-:a | m+:b m+:a m-:a m-:b", order},
		{"lock under a trylock under a lock, outer", "m+:a m?:b m+:c m-:c m-:b m-:a | m+:c m+:a m-:a m-:c", order},
		{"lock under a trylock under a lock, inner", "m+:a m?:b m+:c m-:c m-:b m-:a | m+:c m+:b m-:b m-:c", order},

		{"downgrade", "W+:a W>R:a R-:a", silent},
		{"downgrade, up_write", "W+:a W>R:a W-:a", balance},
		{"downgrade of a reader", "R+:a W>R:a", balance},
		{"downgrade of what nobody holds", "W>R:a", balance},
		{"down_read after downgrade", "W+:a W>R:a R+:a", order},

		{"the same mutex as another subclass", "m+:a m+:a/1", order},
		{"subclasses of one lock, one after the other", "s+:a/1 s-:a s+:a/7 s-:a s+:a s-:a", silent},
		{"no such subclass", "m+:a/8", noSubclass},

		{"mutex under a spinlock", "s+:a m+:b", atomic},
		{"semaphore under an rwlock", "r+:a R+:b", atomic},
		{"per-CPU semaphore under an rwlock", "w+:a PR+:b", atomic},
		{"per-CPU trylock under an rwlock", "w+:a PR?:b PR-:b w-:a", silent},
		{"mutex under a trylock of a spinlock", "s?:a m+:b", atomic},
		{"mutex under a trylock of an rwlock", "r?:a m+:b", atomic},
		{"mutex after locks that spin", "s+:a s-:a r+:a r-:a w+:a w-:a r?:a r-:a w?:a w-:a q+:a q-:a m+:a m-:a", silent},
		{"mutex under a seqlock", "q+:a m+:b", atomic},
		{"spinlock under a raw one", "raw+:a s+:b s-:b raw-:a", silent},
	} {
		t.Run(test.name, func(t *testing.T) { tryScript(t, test.script, test.want) })
	}
}

// Where raw spinlocks are told from others, one that would sleep on PREEMPT_RT is
// not asked for under one that would spin.
func TestLockdepRawLockNesting(t *testing.T) {
	for _, test := range []struct{ script, want string }{
		{"raw+:a s+:b", waitType},
		{"raw+:a r+:b", waitType},
		{"raw+:a w+:b", waitType},
		{"raw+:a raw+:b raw-:b raw-:a", silent},
		{"s+:a raw+:b raw-:b s-:a", silent},
		{"s+:a s+:b s-:b s-:a", silent},
		{"raw+:a s?:b s-:b raw-:a", silent}, // trylocks do not wait
		{"raw?:a s+:b", waitType},
		{"raw+:a qr:b raw-:a", silent},
		{"m+:d m-:d hard s+:a s-:a", silent}, // handlers are threads there
		{"m+:d m-:d hard raw+:a s+:b", waitType},
		{"m+:d m-:d soft s+:a s-:a", silent},
		{"s+:a m+:b", atomic}, // might_sleep() comes first
	} {
		t.Run(test.script, func(t *testing.T) {
			tryScript(t, test.script, test.want, func(m *sim.Machine) { m.ProveRawLockNesting = true })
		})
	}
}

// Every way to take a lock in an interrupt, beside every way to take it in a task.
func TestLockdepUsageInInterrupts(t *testing.T) {
	type way struct {
		take    string
		reader  bool
		bh, irq bool // switches off softirqs, or all interrupts
	}
	families := [][]way{
		{{"s", false, false, false}, {"sb", false, true, false}, {"ss", false, true, true}, {"si", false, true, true}},
		{
			{"w", false, false, false}, {"wb", false, true, false}, {"ws", false, true, true},
			{"r", true, false, false}, {"rb", true, true, false}, {"rs", true, true, true},
		},
	}
	for _, ways := range families {
		for _, irq := range ways {
			if irq.bh { // interrupts have no need of it
				continue
			}
			for _, task := range ways {
				for _, context := range []string{"hard", "soft"} {
					want := state
					if irq.reader && task.reader || task.irq || context == "soft" && task.bh {
						want = silent
					}
					tryScript(t, fmt.Sprintf("%[1]s+:a %[1]s-:a | m+:d m-:d %[2]s %[3]s+:a %[3]s-:a", task.take, context, irq.take), want)
				}
			}
		}
	}
	for _, test := range []struct{ name, script, want string }{
		{"softirq and hardirq", "m+:d m-:d hard s+:a s-:a | m+:d m-:d soft s+:a s-:a", state},
		{"softirq with interrupts off and hardirq", "m+:d m-:d hard s+:a s-:a | m+:d m-:d soft ss+:a ss-:a", silent},
		{"two hardirqs", "m+:d m-:d hard s+:a s-:a | m+:d m-:d hard s+:a s-:a", silent},
		{"trylock in a hardirq", "s+:a s-:a | m+:d m-:d hard s?:a s-:a", silent},
		{"trylock in a task", "s?:a s-:a | m+:d m-:d hard s+:a s-:a", state},
		{"interrupts come while it is held", "si+:b s+:a si-:b s-:a | m+:d m-:d hard s+:a s-:a", state},
		{"interrupts come when it is not held", "si+:b s+:a s-:a si-:b | m+:d m-:d hard s+:a s-:a", silent},
		{"irqrestore to off", "ss+:c ss+:b s+:a ss-:b s-:a ss-:c | m+:d m-:d hard s+:a s-:a", silent},
		{"unlock_irq to on", "ss+:c si+:b s+:a si-:b s-:a ss-:c | m+:d m-:d hard s+:a s-:a", state},
		{"softirqs come while it is held", "sb+:b s+:a sb-:b s-:a | m+:d m-:d soft s+:a s-:a", state},
		{"softirqs off twice", "sb+:c sb+:b s+:a sb-:b s-:a sb-:c | m+:d m-:d soft s+:a s-:a", silent},
		{"seqlock read in a hardirq", "q+:a q-:a | m+:d m-:d hard qr:a", state},
		{"seqlock written with interrupts off", "qs+:a qs-:a | m+:d m-:d hard qr:a", silent},
		{"seqlock written in a hardirq", "qr:a | m+:d m-:d hard q+:a q-:a", silent},
		{"seqlock read by its writer", "q+:a qr:a", order},
	} {
		t.Run(test.name, func(t *testing.T) { tryScript(t, test.script, test.want) })
	}
}

// A lock that interrupts take must not come before one whose holder they can stop.
func TestLockdepOrderThroughInterrupts(t *testing.T) {
	const (
		hard = " | m+:d m-:d hard "
		soft = " | m+:d m-:d soft "
	)
	for _, test := range []struct{ name, script, want string }{
		{"one step", "s+:b s-:b | si+:a s+:b s-:b si-:a" + hard + "s+:a s-:a", order},
		{"one step, inner with interrupts off", "si+:b si-:b | si+:a s+:b s-:b si-:a" + hard + "s+:a s-:a", silent},
		{"one step the other way", "s+:b si+:a si-:a s-:b" + hard + "s+:a s-:a", silent},
		{"one step, nobody interrupts", "s+:b s-:b | si+:a s+:b s-:b si-:a", silent},
		{"two steps", "s+:c s-:c | si+:a s+:b s-:b si-:a | si+:b s+:c s-:c si-:b" + hard + "s+:a s-:a", order},
		{"two steps apart", "s+:c s-:c | si+:a s+:b s-:b si-:a | si+:b si-:b" + hard + "s+:a s-:a", silent},
		{"within the interrupt", "s+:b s-:b" + hard + "s+:a s+:b s-:b s-:a", state},
		{"softirq", "s+:b s-:b | sb+:a s+:b s-:b sb-:a" + soft + "s+:a s-:a", order},
		{"softirq, inner with softirqs off", "sb+:b sb-:b | sb+:a s+:b s-:b sb-:a" + soft + "s+:a s-:a", silent},
		{"hardirq, inner with softirqs off", "sb+:b sb-:b | si+:a s+:b s-:b si-:a" + hard + "s+:a s-:a", order},
		{"trylock of the inner one", "s+:b s-:b | si+:a s?:b s-:b si-:a" + hard + "s+:a s-:a", silent},
		{"trylock of the outer one", "s+:b s-:b | m+:c s?:a s+:b s-:b s-:a m-:c" + soft + "s+:c s-:c", silent},

		{"interrupts read, held by a reader", "s+:b s-:b | rs+:a s+:b s-:b rs-:a" + hard + "r+:a r-:a", silent},
		{"interrupts read, held by a writer", "s+:b s-:b | ws+:a s+:b s-:b ws-:a" + hard + "r+:a r-:a", order},
		{"interrupts write, held by a reader", "s+:b s-:b | rs+:a s+:b s-:b rs-:a" + hard + "w+:a w-:a", order},
		{"readers stopped, asked for by a reader", "r+:b r-:b | si+:a r+:b r-:b si-:a" + hard + "s+:a s-:a", silent},
		{"readers stopped, asked for by a writer", "r+:b r-:b | si+:a w+:b w-:b si-:a" + hard + "s+:a s-:a", order},
		{"writers stopped, asked for by a reader", "w+:b w-:b | si+:a r+:b r-:b si-:a" + hard + "s+:a s-:a", order},
	} {
		t.Run(test.name, func(t *testing.T) { tryScript(t, test.script, test.want) })
	}
}
