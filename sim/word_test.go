package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
)

func words(w *world) string { return fmt.Sprint(w.x.Peek(), w.y.Peek(), w.seen[:2]) }

func TestWordInterleavings(t *testing.T) {
	for _, test := range []struct {
		name  string
		want  []string
		tasks []task
	}{
		{"updates get lost between a read and a write", []string{"1 0 [0 0]", "2 0 [0 0]"}, []task{
			func(k *sim.K, w *world) { w.x.Write(k, w.x.Read(k)+1) },
			func(k *sim.K, w *world) { w.x.Write(k, w.x.Read(k)+1) },
		}},
		{"the last of two writes stays", []string{"1 0 [0 0]", "2 0 [0 0]"}, []task{
			func(k *sim.K, w *world) { w.x.Write(k, 1) },
			func(k *sim.K, w *world) { w.x.Write(k, 2) },
		}},
		{"xchg hands every value to one", []string{"1 0 [2 0]", "2 0 [0 1]"}, []task{
			func(k *sim.K, w *world) { w.seen[0] = w.x.Xchg(k, 1) },
			func(k *sim.K, w *world) { w.seen[1] = w.x.Xchg(k, 2) },
		}},
		{"cmpxchg succeeds once", []string{"1 0 [0 1]", "2 0 [2 0]"}, []task{
			func(k *sim.K, w *world) { w.seen[0] = w.x.Cmpxchg(k, 0, 1) },
			func(k *sim.K, w *world) { w.seen[1] = w.x.Cmpxchg(k, 0, 2) },
		}},
		// Store buffering: the machine is sequentially consistent, so that not
		// both tasks can read 0.
		{"stores are seen before later loads", []string{"1 1 [0 1]", "1 1 [1 0]", "1 1 [1 1]"}, []task{
			func(k *sim.K, w *world) { w.x.Write(k, 1); w.seen[0] = w.y.Read(k) },
			func(k *sim.K, w *world) { w.y.Write(k, 1); w.seen[1] = w.x.Read(k) },
		}},
		// Message passing: 1 0 would be the message before its contents.
		{"stores are seen in order", []string{"1 1 [0 0]", "1 1 [0 1]", "1 1 [1 1]"}, []task{
			func(k *sim.K, w *world) { w.x.Write(k, 1); w.y.Write(k, 1) },
			func(k *sim.K, w *world) { w.seen[0] = w.y.Read(k); w.seen[1] = w.x.Read(k) },
		}},
	} {
		t.Run(test.name, func(t *testing.T) { wantEnds(t, words, test.want, test.tasks...) })
	}
}

func TestWordMustBeInitialised(t *testing.T) {
	try(t, []planted{
		{"not initialised", sim.NotInitialised, []task{func(k *sim.K, _ *world) {
			var w sim.Word[int]
			w.Read(k)
		}}, nil},
		{"made by the task", sim.Kind{}, []task{func(k *sim.K, _ *world) {
			var w sim.Word[int]
			w.Init(k, "w", 1)
			w.Read(k)
		}}, nil},
	})
}

// The ordered forms read and write as the plain ones do, and have names of their
// own.
func TestOrderedFormsOfWords(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	m.Record(program([]task{func(k *sim.K, w *world) {
		w.x.StoreRelease(k, 1)
		w.x.SmpStoreMb(k, w.x.LoadAcquire(k)+1)
		w.x.XchgRelaxed(k, w.x.XchgAcquire(k, w.x.XchgRelease(k, 3)+2)+2)
		w.x.CmpxchgRelaxed(k, 5, 6)
		w.x.CmpxchgAcquire(k, w.x.CmpxchgRelease(k, 0, 9), 7)
	}}, nil), sim.Undisturbed)
	var got strings.Builder
	for _, r := range m.Records() {
		fmt.Fprintln(&got, r.Text, r.Note)
	}
	want := `smp_store_release(&x) <- 1
smp_load_acquire(&x) = 1
smp_store_mb(x) <- 2
xchg_release(&x) 2 -> 3
xchg_acquire(&x) 3 -> 4
xchg_relaxed(&x) 4 -> 5
cmpxchg_relaxed(&x) = 5
cmpxchg_release(&x) = 6
cmpxchg_acquire(&x) = 6
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// kind is a type of its own, as enumerations in kernel code are.
type kind uint8

// The trace hash tells the values of a word apart.
func TestHashSeesTheValue(t *testing.T) {
	wantHashSees(t, "int", rapid.Int())
	wantHashSees(t, "int8", rapid.Int8())
	wantHashSees(t, "uint16", rapid.Uint16())
	wantHashSees(t, "uintptr", rapid.Uintptr())
	wantHashSees(t, "bool", rapid.Bool())
	wantHashSees(t, "string", rapid.String())
	wantHashSees(t, "named", rapid.Map(rapid.Uint8(), func(v uint8) kind { return kind(v) }))
	wantHashSees(t, "array", rapid.Map(rapid.SliceOfN(rapid.Byte(), 5, 5), func(v []byte) [5]byte { return [5]byte(v) }))
	wantHashSees(t, "array of arrays", rapid.Map(rapid.SliceOfN(rapid.Byte(), 4, 4), func(v []byte) [2][2]byte {
		return [2][2]byte{{v[0], v[1]}, {v[2], v[3]}}
	}))
}

func wantHashSees[T comparable](t *testing.T, name string, values *rapid.Generator[T]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		hash := func(v T) uint64 {
			var w sim.Word[T]
			m := sim.NewMachine()
			defer m.Close()
			return m.Run(func(m *sim.Machine) {
				w.Init(m.Setup(), "w", v)
				m.Go("t", func(k *sim.K) { w.Read(k) })
			}, sim.Undisturbed).Hash
		}
		if (hash(a) == hash(b)) != (a == b) {
			t.Errorf("%s: the hashes of %v and %v are %x and %x", name, a, b, hash(a), hash(b))
		}
	})
}
