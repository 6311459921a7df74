package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
)

// probe is an entry of a list whose readers need no lock.
type probe struct {
	life sim.Life
	node sim.RCUHNode[probe]
	n    sim.Word[int]
}

type rcuListWorld struct {
	*rcuWorld
	list   sim.RCUHList[probe]
	probes [4]probe
}

// lists makes a program of tasks on a list of the probes 1 and 2.
func lists(observe func(w *rcuListWorld), tasks ...func(k *sim.K, w *rcuListWorld)) sim.Program {
	return func(m *sim.Machine) {
		w := &rcuListWorld{}
		k := m.Setup()
		w.rcuWorld = &rcuWorld{world: *newWorld(k)}
		w.list.Init(k, "list")
		for i := range w.probes {
			p := &w.probes[i]
			k.Born(&p.life, fmt.Sprint("probe", i))
			p.node.Init(k, fmt.Sprint("probe", i), p)
			p.node.In(&p.life)
			p.n.Init(k, fmt.Sprint("n", i), i)
			p.n.In(&p.life)
		}
		w.list.AddHead(k, &w.probes[2].node)
		w.list.AddHead(k, &w.probes[1].node)
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
		m.After(func(k *sim.K) {
			w.seen[3] = walk(k, w)
			if observe != nil {
				observe(w)
			}
		})
	}
}

func walk(k *sim.K, w *rcuListWorld) int {
	found := 0
	for p := range w.list.All(k, false) {
		found = found*10 + p.n.Read(k)
	}
	return found
}

func reader(k *sim.K, w *rcuListWorld) {
	k.RCUReadLock()
	w.seen[0] = walk(k, w)
	k.RCUReadUnlock()
}

func TestRCUListReadersSeeOldOrNew(t *testing.T) {
	for _, test := range []struct {
		name   string
		want   []string // what a reader sees, and what is there in the end
		update func(k *sim.K, w *rcuListWorld)
	}{
		{"add_head", []string{"12 312", "312 312"}, func(k *sim.K, w *rcuListWorld) { w.list.AddHead(k, &w.probes[3].node) }},
		{"add_tail", []string{"12 123", "123 123"}, func(k *sim.K, w *rcuListWorld) { w.list.AddTail(k, &w.probes[3].node) }},
		{"del", []string{"12 2", "2 2"}, func(k *sim.K, w *rcuListWorld) { w.list.Del(k, &w.probes[1].node) }},
		{"del of the last", []string{"1 1", "12 1"}, func(k *sim.K, w *rcuListWorld) { w.list.Del(k, &w.probes[2].node) }},
		{"replace", []string{"12 32", "32 32"}, func(k *sim.K, w *rcuListWorld) { w.list.Replace(k, &w.probes[1].node, &w.probes[3].node) }},
		{"replace of the last", []string{"12 13", "13 13"}, func(k *sim.K, w *rcuListWorld) { w.list.Replace(k, &w.probes[2].node, &w.probes[3].node) }},
		// In between it is in neither place: this is why there is a replace.
		{"del and add", []string{"12 32", "2 32", "32 32"}, func(k *sim.K, w *rcuListWorld) {
			w.list.Del(k, &w.probes[1].node)
			w.list.AddHead(k, &w.probes[3].node)
		}},
		{"del of both", []string{"0 0", "12 0", "2 0"}, func(k *sim.K, w *rcuListWorld) {
			w.list.Del(k, &w.probes[1].node)
			w.list.Del(k, &w.probes[2].node)
			if !w.list.Empty(k) {
				panic("both are deleted")
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			r := search(t, lists(func(w *rcuListWorld) { got = append(got, fmt.Sprint(w.seen[0], w.seen[3])) },
				reader, func(k *sim.K, w *rcuListWorld) {
					k.MutexLock(&w.a)
					test.update(k, w)
					k.MutexUnlock(&w.a)
				}))
			for _, f := range r.Findings {
				t.Error(f.Violation)
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// The classic removal: with a grace period before the free nothing happens, and
// without one a reader uses what was freed.
func TestRCUListRemoval(t *testing.T) {
	remove := func(wait func(k *sim.K)) func(k *sim.K, w *rcuListWorld) {
		return func(k *sim.K, w *rcuListWorld) {
			k.MutexLock(&w.a)
			w.list.Del(k, &w.probes[1].node)
			k.MutexUnlock(&w.a)
			wait(k)
			k.Kfree(&w.probes[1].life)
		}
	}
	for _, test := range []struct {
		name   string
		finds  string
		reader func(k *sim.K, w *rcuListWorld)
		update func(k *sim.K, w *rcuListWorld)
	}{
		{"with a grace period", "", reader, remove((*sim.K).SynchronizeRCU)},
		{"without", "KASAN: slab-use-after-free Read in ", reader, remove(func(*sim.K) {})},
		{"of another flavour", "KASAN: slab-use-after-free Read in ", reader, remove((*sim.K).SynchronizeRCUTasksTrace)},
		{"before the removal", "KASAN: slab-use-after-free Read in ", reader, func(k *sim.K, w *rcuListWorld) {
			k.SynchronizeRCU()
			remove(func(*sim.K) {})(k, w)
		}},
		{"with kfree_rcu", "", reader, func(k *sim.K, w *rcuListWorld) {
			h := new(sim.RCUHead)
			h.Init(k, "rcu")
			h.In(&w.probes[1].life)
			k.MutexLock(&w.a)
			w.list.Del(k, &w.probes[1].node)
			k.MutexUnlock(&w.a)
			k.KfreeRCU(h, &w.probes[1].life)
		}},
		{"in a reader that is none", "WARNING: suspicious RCU usage in ", func(k *sim.K, w *rcuListWorld) { w.seen[0] = walk(k, w) }, remove((*sim.K).SynchronizeRCU)},
		{"deleted twice", "BUG: unable to handle kernel paging request in ", reader, func(k *sim.K, w *rcuListWorld) {
			w.list.Del(k, &w.probes[1].node)
			w.list.Del(k, &w.probes[1].node)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, lists(nil, test.reader, test.update))
			if (len(r.Findings) > 0) != (test.finds != "") {
				t.Errorf("%d findings, want %q", len(r.Findings), test.finds)
			}
			for _, f := range r.Findings {
				if !strings.HasPrefix(f.Violation.Title, test.finds) {
					t.Errorf("%s, want %s", f.Violation, test.finds)
				}
			}
		})
	}
}

// Two updaters without a lock are a data race.
func TestRCUListUpdatersNeedALock(t *testing.T) {
	add := func(i int) func(k *sim.K, w *rcuListWorld) {
		return func(k *sim.K, w *rcuListWorld) {
			if i == 3 {
				w.list.AddHead(k, &w.probes[3].node)
			} else {
				w.list.Del(k, &w.probes[i].node)
			}
		}
	}
	r := search(t, lists(nil, add(1), add(3)))
	if len(r.Findings) == 0 || r.Findings[0].Violation.Kind != sim.DataRace {
		t.Errorf("%v", r.Findings)
	}
}
