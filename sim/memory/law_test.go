package memory

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// law checks a property of random programs.
func law(t *testing.T, check func(t *rapid.T)) {
	t.Helper()
	t.Parallel()
	rapid.Check(t, check)
}

func TestSCIsInterleaving(t *testing.T) {
	law(t, func(t *rapid.T) {
		verbs := rapid.SampledFrom([][]string{words, locking, sections}).Draw(t, "verbs")
		d := draw(t, verbs, 3, 2)
		if !d.sound() {
			t.Skip()
		}
		same(t, d, states(t, d.program(-1, 0), Options{Model: SC}), d.run(false))
	})
}

func TestTSOIsStoreBuffers(t *testing.T) {
	law(t, func(t *rapid.T) {
		d := draw(t, rapid.SampledFrom([][]string{words, locking}).Draw(t, "verbs"), 3, 2)
		if !d.sound() {
			t.Skip()
		}
		same(t, d, states(t, d.program(-1, 0), Options{Model: TSO}), d.run(true))
	})
}

func same(t *rapid.T, d drawn, got, want map[string]bool) {
	if !maps.Equal(got, want) {
		t.Fatalf("%v:\nexplored %v\nmachine  %v", d, got, want)
	}
}

func TestStrongerModelsHaveFewerStates(t *testing.T) {
	law(t, func(t *rapid.T) {
		verbs := rapid.SampledFrom([][]string{words, locking, sections}).Draw(t, "verbs")
		d := draw(t, verbs, 3, 2)
		if !d.sound() {
			t.Skip()
		}
		p := d.program(-1, 0)
		var before map[string]bool
		for _, o := range []Options{{Model: SC}, {Model: TSO}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
			now := states(t, p, o)
			for s := range before {
				if !now[s] {
					t.Fatalf("%v: %v has not the state %s", d, o, s)
				}
			}
			before = now
		}
	})
}

func TestFenceAddsNoStates(t *testing.T) {
	law(t, func(t *rapid.T) {
		d := draw(t, words, 2, 3)
		task := rapid.IntRange(0, len(d)-1).Draw(t, "task")
		at := rapid.IntRange(0, len(d[task])-1).Draw(t, "at")
		for _, o := range []Options{{Model: SC}, {Model: TSO}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
			all := states(t, d.program(-1, 0), o)
			for s := range states(t, d.program(task, at), o) {
				if !all[s] {
					t.Fatalf("%v: with smp_mb before %d of task %d there is also %s under %v", d, at, task, s, o)
				}
			}
		}
	})
}
