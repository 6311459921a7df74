package kprobes

import (
	"testing"

	"pgregory.net/rapid"

	"trapline/probes"
	"trapline/probes/kprobes"
	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
	"trapline/sim/laws"
	"trapline/vm"
)

func TestMain(m *testing.M) { laws.Main(m) }

func subject(t testing.TB, d *probes.Design) *lifecycle.Subject {
	t.Helper()
	for _, s := range Subjects() {
		if s.Design == d {
			return s
		}
	}
	t.Fatalf("no design %s", d.Name)
	return nil
}

// drawn draws a case.
func drawn(t *rapid.T) *lifecycle.Case {
	return Language.Draw(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) })
}

// TestProperty holds every design to what it is known for: programs that are drawn find
// nothing else.
//
// The longer run is: go test ./scenarios/kprobes -run Property -rapid.checks=20000
func TestProperty(t *testing.T) {
	for _, s := range Subjects() {
		t.Run(s.Design.Name, rapid.MakeCheck(func(t *rapid.T) {
			c := drawn(t)
			v, err := fuzz.Run(s, c, vm.DefaultImage())
			if err != nil || v != nil && !s.Claims(v.Title) {
				t.Fatalf("%v %v\n%v", v, err, c)
			}
		}))
	}
}

// FuzzMutex is for go test -fuzz: it decodes bytes to programs.
func FuzzMutex(f *testing.F) {
	s := subject(f, &kprobes.Mutex.Design)
	for _, text := range []string{
		"t0: register 0, execute 0, unregister 0\nt1: execute 0\n",
		"world: registered=2 post-handlers=1\nt0: unregister 0, unregister 0\nt1: register 0, execute 0\nschedule: 9>1 4>1\n",
	} {
		c, err := Language.Parse(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Encode())
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		c := Language.Decode(bytes)
		v, err := fuzz.Run(s, c, vm.DefaultImage())
		if err != nil || v != nil && !s.Claims(v.Title) {
			t.Fatalf("%v %v\n%v", v, err, c)
		}
	})
}
