package sim_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// afterYou is a philosopher who takes one fork, and puts it back if he does not get
// the other.
func afterYou(one, other func(w *world) *sim.Mutex, relax func(k *sim.K)) task {
	return func(k *sim.K, w *world) {
		for {
			k.MutexLock(one(w))
			if k.MutexTrylock(other(w)) {
				break
			}
			k.MutexUnlock(one(w))
			relax(k)
		}
		k.MutexUnlock(other(w))
		k.MutexUnlock(one(w))
	}
}

func forkA(w *world) *sim.Mutex { return &w.a }
func forkC(w *world) *sim.Mutex { return &w.c }
func forkB(w *world) *sim.Mutex { return &w.b }

// courtesy is a task that shows its flag and takes it back if the other's is up.
func courtesy(k *sim.K, mine, other *sim.Word[int]) {
	for {
		mine.Write(k, 1)
		if other.Read(k) == 0 {
			break
		}
		mine.Write(k, 0)
		k.CPURelax()
	}
	mine.Write(k, 0)
}

// dekker is courtesy by turns, which keeps the tasks apart and lets both go on.
func dekker(k *sim.K, me int, mine, other *sim.Word[int], w *world) {
	mine.Write(k, 1)
	for other.Read(k) == 1 {
		if w.in.Read(k) == me {
			k.CPURelax()
			continue
		}
		mine.Write(k, 0)
		for w.in.Read(k) != me {
			k.CPURelax()
		}
		mine.Write(k, 1)
	}
	w.data.Set(k, w.data.Get(k)+1)
	w.in.Write(k, 1-me)
	mine.Write(k, 0)
}

// undo claims x and then needs y, which the other claims first, and gives up its claim.
func undo(me int) task {
	return func(k *sim.K, w *world) {
		mine, other := &w.x, &w.y
		if me == 2 {
			mine, other = other, mine
		}
		for {
			if mine.Cmpxchg(k, 0, me) == 0 {
				if other.Cmpxchg(k, 0, me) == 0 {
					break
				}
				mine.Cmpxchg(k, me, 0)
			}
		}
		other.Write(k, 0)
		mine.Write(k, 0)
	}
}

// last is a task that goes on if nobody has come after it.
func last(me int) task {
	return func(k *sim.K, w *world) {
		for {
			w.x.Write(k, me)
			if w.x.Read(k) == me {
				return
			}
		}
	}
}

func tryInc(k *sim.K, w *world) {
	for {
		v := w.x.Read(k)
		if w.x.Cmpxchg(k, v, v+1) == v {
			return
		}
	}
}

func poll(k *sim.K, w *world) {
	for {
		k.SpinLock(&w.spin)
		done := w.data.Get(k) != 0
		k.SpinUnlock(&w.spin)
		if done {
			return
		}
		k.CPURelax()
	}
}

func finish(k *sim.K, w *world) {
	k.SpinLock(&w.spin)
	w.data.Set(k, 1)
	k.SpinUnlock(&w.spin)
}

// The loops that wait, and change something while they do.
func TestLoopsThatTryAgain(t *testing.T) {
	relax, nothing := (*sim.K).CPURelax, func(*sim.K) {}
	for _, test := range []struct {
		name     string
		title    string // none if the program is legal
		complete bool
		tasks    []task
	}{
		{"a lock is polled", "", true, []task{poll, finish}},
		{"two tasks poll a lock before a third ends it", "", true, []task{poll, poll, finish}},
		{"a lock is polled in vain", "BUG: soft lockup in poll", true, []task{poll, poll}},
		{"a lock is polled by one that nobody helps", "BUG: soft lockup in poll", true, []task{poll}},
		{"cond_resched", "", true, []task{func(k *sim.K, w *world) {
			for {
				k.MutexLock(&w.a)
				done := w.data.Get(k) != 0
				k.MutexUnlock(&w.a)
				if done {
					return
				}
				k.CondResched()
			}
		}, func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			w.data.Set(k, 1)
			k.MutexUnlock(&w.a)
		}}},
		{"trylock is a wait", "", true, []task{func(k *sim.K, w *world) {
			for !k.SpinTrylock(&w.spin) {
			}
			k.SpinUnlock(&w.spin)
		}, func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			k.SpinUnlock(&w.spin)
		}}},
		{"trylock with cpu_relax", "", true, []task{func(k *sim.K, w *world) {
			for !k.MutexTrylock(&w.a) {
				k.CPURelax()
			}
			k.MutexUnlock(&w.a)
		}, func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
		}}},
		{"trylock of readers and writers", "", true, []task{func(k *sim.K, w *world) {
			for !k.DownReadTrylock(&w.sem) {
				k.CPURelax()
			}
			k.UpRead(&w.sem)
		}, func(k *sim.K, w *world) {
			for !k.DownWriteTrylock(&w.sem) {
				k.CPURelax()
			}
			k.UpWrite(&w.sem)
		}}},
		{"trylock of what is never given back", "BUG: soft lockup in test_loops_that_try_again", true, []task{func(k *sim.K, w *world) {
			k.SpinLock(&w.spin)
			for !k.MutexTrylock(&w.a) {
			}
			k.MutexUnlock(&w.a)
			k.SpinUnlock(&w.spin)
		}, func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.SpinLock(&w.spin)
			k.SpinUnlock(&w.spin)
			k.MutexUnlock(&w.a)
		}}},
		{"mutex_is_locked", "", true, []task{func(k *sim.K, w *world) {
			for k.MutexIsLocked(&w.a) {
				k.CPURelax()
			}
		}, func(k *sim.K, w *world) {
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
		}}},
		{"after you, philosophers", "BUG: soft lockup in after_you", false, []task{afterYou(forkA, forkB, relax), afterYou(forkB, forkA, relax)}},
		{"philosophers who do not relax", "BUG: soft lockup in after_you", false, []task{afterYou(forkA, forkB, nothing), afterYou(forkB, forkA, nothing)}},
		{"three philosophers", "BUG: soft lockup in after_you", false, []task{
			afterYou(forkA, forkB, nothing), afterYou(forkB, forkC, nothing), afterYou(forkC, forkA, nothing),
		}},
		{"one philosopher goes first", "", true, []task{afterYou(forkA, forkB, relax), afterYou(forkA, forkB, relax)}},
		{"only one philosopher gives way", "", true, []task{afterYou(forkA, forkB, relax), func(k *sim.K, w *world) {
			k.MutexLock(&w.b)
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
			k.MutexUnlock(&w.b)
		}}},
		{"courtesy", "BUG: soft lockup in courtesy", false, []task{
			func(k *sim.K, w *world) { courtesy(k, &w.x, &w.y) },
			func(k *sim.K, w *world) { courtesy(k, &w.y, &w.x) },
		}},
		{"a flag that is always up when it is looked at", "BUG: soft lockup in courtesy", true, []task{
			func(k *sim.K, w *world) { courtesy(k, &w.x, &w.y) },
			func(k *sim.K, w *world) {
				w.y.Write(k, 1)
				for w.x.Read(k) != 0 {
					k.CPURelax()
				}
				w.y.Write(k, 0)
			},
		}},
		{"two undo what the other does", "BUG: soft lockup in undo", false, []task{undo(1), undo(2)}},
		{"whoever comes last owns it", "BUG: soft lockup in last", false, []task{last(1), last(2)}},
		{"increments that try again", "", true, []task{tryInc, tryInc, tryInc}},
		{"readers that try again", "", true, []task{
			func(k *sim.K, w *world) {
				for w.in.Read(k)%2 == 1 || w.x.Read(k) != w.y.Read(k) {
				}
			},
			func(k *sim.K, w *world) {
				for i := range 2 {
					w.in.Write(k, 2*i+1)
					w.x.Write(k, i)
					w.y.Write(k, i)
					w.in.Write(k, 2*i+2)
				}
			},
		}},
		{"Dekker's algorithm", "", true, []task{
			func(k *sim.K, w *world) { dekker(k, 0, &w.x, &w.y, w) },
			func(k *sim.K, w *world) { dekker(k, 1, &w.y, &w.x, w) },
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, strategy := range []string{explore.DPOR, explore.Bounded} {
				if strategy == explore.Bounded && strings.HasPrefix(test.name, "whoever") {
					continue // each round takes preemptions
				}
				r, err := explore.Run(context.Background(), program(test.tasks, nil), explore.Options{
					Strategy: strategy, Preemptions: 20, SelfCheck: true, MinimiseExecutions: 500,
					Setup: func(m *sim.Machine) { m.MaxSteps = 2000 },
				})
				if err != nil {
					t.Fatal(err)
				}
				var titles []string
				for _, f := range r.Findings {
					titles = append(titles, f.Violation.Title)
				}
				if want := strings.Fields(test.title); (len(want) > 0) != (len(titles) > 0) || len(titles) > 0 && !slices.Equal(titles, []string{test.title}) {
					t.Errorf("%s: %q, want %q; %s", strategy, titles, test.title, r.Coverage())
				}
				if r.Complete != test.complete || test.complete && r.Blocked+r.Cut != 0 {
					t.Errorf("%s: %s", strategy, r.Coverage())
				}
			}
		})
	}
}

// The report of a livelock has the steps of one round, and its schedule replays it.
func TestLivelockReport(t *testing.T) {
	p := program([]task{
		afterYou(forkA, forkB, (*sim.K).CPURelax),
		afterYou(forkB, forkA, (*sim.K).CPURelax),
	}, nil)
	short := func(m *sim.Machine) { m.MaxSteps = 2000 }
	r, err := explore.Run(context.Background(), p, explore.Options{Setup: short})
	if err != nil || len(r.Findings) != 1 {
		t.Fatal(err, r.Coverage())
	}
	f := r.Findings[0]
	if f.Violation.Kind != sim.Livelock || len(f.Violation.Waits) != 2 || r.Verdict() != explore.Violation {
		t.Errorf("%+v", f)
	}
	_, rest, _ := strings.Cut(f.Violation.Report, "\n")
	golden(t, "livelock", rest)
	m := sim.NewMachine()
	defer m.Close()
	short(m)
	replay := sim.NewReplay(f.Schedule)
	if o := m.Record(p, replay); replay.Done() != nil || o.Hash != f.Hash || !o.Endless || o.Violation.Title != f.Violation.Title {
		t.Errorf("the replay is %+v, %v", o, replay.Done())
	}
}

// Tasks that go round break no rule if somebody never gets a turn, if no round repeats
// another, or if there are only so many.
func TestNoLivelock(t *testing.T) {
	for _, test := range []struct {
		name  string
		cut   bool
		tasks []task
	}{
		{"a count of rounds", false, []task{lastOf(1, 300), lastOf(2, 300)}},
		{"rounds that differ", true, []task{countUp, countUp}},
		{"rounds that differ in plain data", true, []task{countData}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := sim.NewMachine()
			defer m.Close()
			m.MaxSteps = 5000
			lockstep := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return min(1, p.N-1) })
			o := m.Run(program(test.tasks, nil), lockstep)
			for o.Learnt {
				o = m.Run(program(test.tasks, nil), lockstep)
			}
			if o.Violation != nil || o.Cut != test.cut {
				t.Errorf("%+v", o)
			}
		})
	}
}

// lastOf is last that tries only so often.
func lastOf(me, tries int) task {
	return func(k *sim.K, w *world) {
		for range tries {
			w.x.Write(k, me)
			if w.x.Read(k) == me {
				return
			}
		}
	}
}

func countUp(k *sim.K, w *world) {
	for i := 0; w.y.Read(k) == 0; i++ {
		w.x.Write(k, i)
	}
}

func countData(k *sim.K, w *world) {
	for i := 0; w.y.Read(k) == 0; i++ {
		w.x.Write(k, 1)
		w.data.Set(k, i)
	}
}

// A loop that would end by itself does so.
func TestRelaxInALoopThatEnds(t *testing.T) {
	try := func(k *sim.K, w *world) {
		for range 3 {
			k.MutexLock(&w.b)
			ok := k.MutexTrylock(&w.a)
			k.MutexUnlock(&w.b)
			if ok {
				k.MutexUnlock(&w.a)
				w.seen[0] = 1
				return
			}
			k.CPURelax()
		}
		w.seen[0] = 2 // the fallback
	}
	wantEnds(t, seen(1), []string{"1", "2"}, try, func(k *sim.K, w *world) {
		k.MutexLock(&w.a)
		k.MutexUnlock(&w.a)
	})
	wantEnds(t, seen(1), []string{"2"}, func(k *sim.K, w *world) {
		for range 5 {
			k.CondResched()
		}
		for range 4 {
			w.x.Write(k, 1)
			w.x.Write(k, 0)
			k.CondResched()
		}
		w.seen[0] = 2
	})
}

// What a round takes back before its end can be seen by others each time round.
func TestRoundsOfARelaxingLoopAreSeen(t *testing.T) {
	show := func(w *world) string { return fmt.Sprint(w.seen[1]) }
	wantEnds(t, show, []string{"0", "1", "2", "3"}, func(k *sim.K, w *world) {
		for {
			w.x.Write(k, 1)
			w.x.Write(k, 0)
			if w.y.Read(k) == 1 {
				return
			}
			k.CPURelax()
		}
	}, func(k *sim.K, w *world) {
		for range 3 {
			w.seen[1] += w.x.Read(k)
		}
		w.y.Write(k, 1)
	})
	// So can a lock that it holds for a while.
	wantEnds(t, show, []string{"0", "1", "2"}, func(k *sim.K, w *world) {
		for {
			k.MutexLock(&w.a)
			k.MutexUnlock(&w.a)
			if w.y.Read(k) == 1 {
				return
			}
			k.CPURelax()
		}
	}, func(k *sim.K, w *world) {
		for range 2 {
			if k.MutexTrylock(&w.a) {
				k.MutexUnlock(&w.a)
			} else {
				w.seen[1]++
			}
		}
		w.y.Write(k, 1)
	})
}

// However often others come into a round: whatever they have seen so far, the next
// thing that they see may be either.
func TestOthersComeIntoRounds(t *testing.T) {
	var want []string
	for i := range 32 {
		want = append(want, fmt.Sprintf("%05b", i))
	}
	wantEnds(t, func(w *world) string { return fmt.Sprintf("%05b", w.seen[1]) }, want, func(k *sim.K, w *world) {
		for {
			w.x.Write(k, 1)
			w.x.Write(k, 0)
			if w.y.Read(k) == 1 {
				return
			}
		}
	}, func(k *sim.K, w *world) {
		for range 5 {
			w.seen[1] = w.seen[1]<<1 | w.x.Read(k)
		}
		w.y.Write(k, 1)
	})
}
