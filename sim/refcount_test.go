package sim_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// refs is what the programs of these tests share: a counted object and the lock
// of the table that it is in.
type refs struct {
	count sim.Refcount
	kref  sim.Kref
	life  sim.Life
	mutex sim.Mutex
	spin  sim.SpinLock
	found sim.Cell[bool] // it is in the table
}

func refProgram(n int32, observe func(r *refs), tasks ...func(k *sim.K, r *refs)) sim.Program {
	return func(m *sim.Machine) {
		r, k := &refs{}, m.Setup()
		k.Born(&r.life, "uprobe")
		r.count.Init(k, "refs", n)
		r.count.In(&r.life)
		k.KrefInit(&r.kref, "kref")
		r.kref.In(&r.life)
		k.MutexInit(&r.mutex, "table")
		k.SpinLockInit(&r.spin, "table_lock")
		r.found.Init(k, "found")
		r.found.Set(k, true)
		for i, f := range tasks {
			m.Go([]string{"t0", "t1", "t2"}[i], func(k *sim.K) { f(k, r) })
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(r) })
		}
	}
}

func getUprobe(k *sim.K, r *refs)  { k.RefcountInc(&r.count) }
func getUprobe2(k *sim.K, r *refs) { k.RefcountInc(&r.count) }

func putUprobe(k *sim.K, r *refs) {
	if k.RefcountDecAndTest(&r.count) {
		k.Kfree(&r.life)
	}
}

func dropUprobe(k *sim.K, r *refs) { k.RefcountDec(&r.count) }

func tryGetUprobe(k *sim.K, r *refs) {
	if k.RefcountIncNotZero(&r.count) {
		putUprobe(k, r)
	}
}

// Each rule fires in the function that breaks it, on a counter that begins at n,
// and not on its legal look-alike; with CommuteRMW too.
func TestRefcountRules(t *testing.T) {
	type tasks = []func(k *sim.K, r *refs)
	const bug = "WARNING: refcount bug in "
	for _, test := range []struct {
		name  string
		n     int32
		want  []string
		tasks tasks
	}{
		{"inc of none", 0, []string{bug + "get_uprobe"}, tasks{getUprobe}},
		{"inc of none by two", 0, []string{bug + "get_uprobe", bug + "get_uprobe2"}, tasks{getUprobe, getUprobe2}},
		{"inc of one", 1, nil, tasks{getUprobe, getUprobe2}},
		{"inc of what another may drop", 1, []string{"KASAN: slab-use-after-free Write in get_uprobe", bug + "get_uprobe"}, tasks{getUprobe, putUprobe}},
		{"inc of what may be none", 1, []string{"KASAN: slab-use-after-free Write in try_get_uprobe"}, tasks{tryGetUprobe, putUprobe}},
		{"too many puts", 1, []string{"KASAN: slab-use-after-free Write in put_uprobe", bug + "put_uprobe"}, tasks{putUprobe, putUprobe}},
		{"as many puts", 2, nil, tasks{putUprobe, putUprobe}},
		{"dec of the last", 1, []string{bug + "drop_uprobe"}, tasks{dropUprobe}},
		{"dec of what is the last in one order", 1, []string{bug + "drop_uprobe"}, tasks{dropUprobe, getUprobe}},
		{"dec of another than the last", 2, nil, tasks{dropUprobe}},
		{"one too many", math.MaxInt32 - 1, []string{bug + "get_uprobe", bug + "get_uprobe2"}, tasks{getUprobe, getUprobe2}},
		{"as many as can be", math.MaxInt32 - 2, nil, tasks{getUprobe, getUprobe2}},
		{"one too many of what may be none", math.MaxInt32, []string{bug + "try_get_uprobe"}, tasks{tryGetUprobe}},
		{"sub of more than there are", 2, []string{bug + "sub_all"}, tasks{subAll}},
		{"sub of all", 3, nil, tasks{subAll}},
		{"add of fewer than none", 1, []string{bug + "add_less", bug + "get_uprobe"}, tasks{addLess, getUprobe}},
		{"set", 0, nil, tasks{func(k *sim.K, r *refs) { k.RefcountSet(&r.count, 1); getUprobe(k, r) }}},
		{"last but one of none", 0, []string{bug + "put_under_lock"}, tasks{putUnderLock}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, setup := range []func(*sim.Machine){nil, commuting} {
				// The first search is to find them all, without help from the second.
				o := explore.Options{Setup: setup, SelfCheck: true, MinimiseExecutions: 1}
				r, err := explore.Run(context.Background(), refProgram(test.n, nil, test.tasks...), o)
				if err != nil {
					t.Fatal(err)
				}
				var titles []string
				for _, f := range r.Findings {
					titles = append(titles, f.Violation.Title)
				}
				slices.Sort(titles)
				if !slices.Equal(titles, test.want) || !r.Complete {
					t.Errorf("found %q, want %q (commuting: %t); %s", titles, test.want, setup != nil, r.Coverage())
				}
			}
		})
	}
}

func subAll(k *sim.K, r *refs) { k.RefcountSubAndTest(3, &r.count) }

func addLess(k *sim.K, r *refs) { k.RefcountAdd(-1, &r.count); k.RefcountAdd(1, &r.count) }

func putUnderLock(k *sim.K, r *refs) {
	if k.RefcountDecAndMutexLock(&r.count, &r.mutex) {
		r.found.Set(k, false)
		k.MutexUnlock(&r.mutex)
		k.Kfree(&r.life)
	}
}

// Within its limits a counter counts.
func TestRefcountArithmetic(t *testing.T) {
	truth := func(b bool) int32 {
		if b {
			return 1
		}
		return 0
	}
	for _, op := range []struct {
		name  string
		do    func(k *sim.K, r *sim.Refcount) int32
		model func(n int32) (after, result int32)
		least int32 // that it may be used on
	}{
		{"refcount_read", func(k *sim.K, r *sim.Refcount) int32 { return k.RefcountRead(r) }, func(n int32) (int32, int32) { return n, n }, 0},
		{"refcount_set", func(k *sim.K, r *sim.Refcount) int32 { k.RefcountSet(r, 7); return 0 }, func(int32) (int32, int32) { return 7, 0 }, 0},
		{"refcount_inc", func(k *sim.K, r *sim.Refcount) int32 { k.RefcountInc(r); return 0 }, func(n int32) (int32, int32) { return n + 1, 0 }, 1},
		{"refcount_add", func(k *sim.K, r *sim.Refcount) int32 { k.RefcountAdd(3, r); return 0 }, func(n int32) (int32, int32) { return n + 3, 0 }, 1},
		{"refcount_dec", func(k *sim.K, r *sim.Refcount) int32 { k.RefcountDec(r); return 0 }, func(n int32) (int32, int32) { return n - 1, 0 }, 2},
		{"refcount_inc_not_zero", func(k *sim.K, r *sim.Refcount) int32 { return truth(k.RefcountIncNotZero(r)) }, func(n int32) (int32, int32) {
			return n + truth(n > 0), truth(n > 0)
		}, 0},
		{"refcount_add_not_zero", func(k *sim.K, r *sim.Refcount) int32 { return truth(k.RefcountAddNotZero(2, r)) }, func(n int32) (int32, int32) {
			return n + 2*truth(n > 0), truth(n > 0)
		}, 0},
		{"refcount_dec_and_test", func(k *sim.K, r *sim.Refcount) int32 { return truth(k.RefcountDecAndTest(r)) }, func(n int32) (int32, int32) {
			return n - 1, truth(n == 1)
		}, 1},
		{"refcount_sub_and_test", func(k *sim.K, r *sim.Refcount) int32 { return truth(k.RefcountSubAndTest(2, r)) }, func(n int32) (int32, int32) {
			return n - 2, truth(n == 2)
		}, 2},
		{"refcount_dec_if_one", func(k *sim.K, r *sim.Refcount) int32 { return truth(k.RefcountDecIfOne(r)) }, func(n int32) (int32, int32) {
			return n - truth(n == 1), truth(n == 1)
		}, 0},
		{"refcount_dec_not_one", func(k *sim.K, r *sim.Refcount) int32 { return truth(k.RefcountDecNotOne(r)) }, func(n int32) (int32, int32) {
			return n - truth(n != 1), truth(n != 1)
		}, 1},
	} {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.Int32Range(op.least, 4).Draw(t, "n")
			var after, result int32
			m := sim.NewMachine()
			defer m.Close()
			o := m.Record(refProgram(n, func(r *refs) { after = r.count.Peek() }, func(k *sim.K, r *refs) { result = op.do(k, &r.count) }), sim.Undisturbed)
			if a, r := op.model(n); o.Violation != nil || after != a || result != r {
				t.Errorf("%s of %d: is %d and returned %d, want %d and %d; %v", op.name, n, after, result, a, r, o.Violation)
			}
			if r := m.Records(); len(r) != 1 || r[0].Text != op.name+"(&refs)" {
				t.Errorf("%s: the steps are %v", op.name, r)
			}
		})
	}
}

// A saturated counter stays there when its last reference is not dropped.
func TestRefcountSaturated(t *testing.T) {
	const saturated = math.MinInt32 / 2
	undisturbed(t, refProgram(1, nil, func(k *sim.K, r *refs) {
		k.RefcountSet(&r.count, saturated)
		if !k.RefcountDecNotOne(&r.count) || r.count.Peek() != saturated {
			t.Errorf("is %d", r.count.Peek())
		}
	}))
}

// Who looks the object up under the lock of the table either finds it with a
// reference or not at all, if the last reference is dropped under the lock; not if
// it is dropped before.
func TestLastReferenceUnderLock(t *testing.T) {
	lookup := func(k *sim.K, r *refs) {
		k.MutexLock(&r.mutex)
		found := r.found.Get(k)
		if found {
			k.KrefGet(&r.kref)
		}
		k.MutexUnlock(&r.mutex)
		if found {
			krefRelease(k, r)
		}
	}
	lookupSpin := func(k *sim.K, r *refs) {
		k.SpinLock(&r.spin)
		found := r.found.Get(k)
		if found {
			k.KrefGet(&r.kref)
		}
		k.SpinUnlock(&r.spin)
		if found {
			krefReleaseSpin(k, r)
		}
	}
	for _, test := range []struct {
		name   string
		want   string
		lookup func(k *sim.K, r *refs)
		put    func(k *sim.K, r *refs)
	}{
		{"mutex", "", lookup, krefRelease},
		{"spinlock", "", lookupSpin, krefReleaseSpin},
		{"lock too late", "WARNING: refcount bug in test_last_reference_under_lock", lookup, func(k *sim.K, r *refs) {
			k.KrefPut(&r.kref, func(k *sim.K) {
				k.MutexLock(&r.mutex)
				r.found.Set(k, false)
				k.MutexUnlock(&r.mutex)
				k.Kfree(&r.life)
			})
		}},
		{"lock too late, and the lookup knows", "", func(k *sim.K, r *refs) {
			k.MutexLock(&r.mutex)
			found := r.found.Get(k) && k.KrefGetUnlessZero(&r.kref)
			k.MutexUnlock(&r.mutex)
			if found {
				krefReleaseLate(k, r)
			}
		}, krefReleaseLate},
	} {
		t.Run(test.name, func(t *testing.T) {
			freed, ended := 0, 0
			p := refProgram(1, func(r *refs) {
				ended++
				if !r.life.Alive() && r.kref.Peek() == 0 {
					freed++
				}
			}, test.lookup, test.put)
			r := search(t, p)
			switch {
			case test.want == "":
				if len(r.Findings) != 0 || freed != ended || r.Executions < 2 {
					t.Errorf("found %v, and it was freed in %d of %d runs", r.Findings, freed, ended)
				}
			case len(r.Findings) != 1 || r.Findings[0].Violation.Title != test.want:
				t.Errorf("found %v, want %s", r.Findings, test.want)
			}
		})
	}
}

func krefRelease(k *sim.K, r *refs) {
	k.KrefPutMutex(&r.kref, func(k *sim.K) {
		r.found.Set(k, false)
		k.MutexUnlock(&r.mutex)
		k.Kfree(&r.life)
	}, &r.mutex)
}

func krefReleaseSpin(k *sim.K, r *refs) {
	k.KrefPutLock(&r.kref, func(k *sim.K) {
		r.found.Set(k, false)
		k.SpinUnlock(&r.spin)
		k.Kfree(&r.life)
	}, &r.spin)
}

func krefReleaseLate(k *sim.K, r *refs) {
	k.KrefPut(&r.kref, func(k *sim.K) {
		k.MutexLock(&r.mutex)
		r.found.Set(k, false)
		k.MutexUnlock(&r.mutex)
		k.Kfree(&r.life)
	})
}

// Of several who put, one releases.
func TestKrefReleasesOnce(t *testing.T) {
	put := func(k *sim.K, r *refs) { k.KrefPut(&r.kref, func(k *sim.K) { k.Kfree(&r.life) }) }
	user := func(k *sim.K, r *refs) {
		if k.KrefRead(&r.kref) == 0 {
			t.Error("used with no reference")
		}
		put(k, r)
	}
	r := search(t, refProgram(1, nil, func(k *sim.K, r *refs) {
		k.KrefGet(&r.kref)
		k.Interrupt("user", func(k *sim.K) { user(k, r) })
		user(k, r)
	}))
	if len(r.Findings) != 0 || r.Executions < 2 {
		t.Errorf("found %v; %s", r.Findings, r.Coverage())
	}
}

func TestRefcountReport(t *testing.T) {
	for _, test := range []struct {
		name string
		n    int32
		task func(k *sim.K, r *refs)
	}{
		{"refcount-addition-on-0", 0, getUprobe},
		{"refcount-underflow", 0, subAll},
		{"refcount-underflow-not-one", 0, putUnderLock},
	} {
		v := undisturbed(t, refProgram(test.n, nil, test.task)).Violation
		if v == nil {
			t.Fatal("no rule is broken")
		}
		golden(t, test.name, lineNumber.ReplaceAllString(strings.ReplaceAll(v.Title+"\n\n"+v.Report, "sim_test/", "sim/"), ".go:N"))
	}
}
