package sim_test

import (
	"fmt"
	"testing"

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
