package lifecycle_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/scenarios/lifecycle"
	"trapline/sim"
	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }

var language = &lifecycle.Language{
	Verbs: []lifecycle.Verb{{Name: "put", Places: 3}, {Name: "look", Places: 1}},
	Knobs: []lifecycle.Knob{{Name: "slow", Values: 2}, {Name: "ahead", Values: 3}},
	Tasks: 3, Operations: 5,
}

func draw(t *rapid.T) *lifecycle.Case {
	return language.Draw(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) })
}

// TestForms writes cases as text and as bytes, and reads them again.
func TestForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		read, err := language.Parse(c.String())
		if err != nil || !reflect.DeepEqual(read, c) {
			t.Fatalf("%v is read as %v: %v", c, read, err)
		}
		if got := language.Decode(c.Encode()); !reflect.DeepEqual(got, c) {
			t.Fatalf("%v is decoded as %v", c, got)
		}
	})
}

// TestEveryBytesAreACase decodes what comes, within the bounds of the language.
func TestEveryBytesAreACase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := language.Decode(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		read, err := language.Parse(c.String())
		if err != nil || !reflect.DeepEqual(read, c) {
			t.Fatalf("%v is read as %v: %v", c, read, err)
		}
	})
}

// TestSmaller leaves out one thing at a time, and leaves the program itself alone.
func TestSmaller(t *testing.T) {
	c, err := language.Parse("world: ahead=2\nt0: put 1, look\nt1: look\n")
	if err != nil {
		t.Fatal(err)
	}
	before := c.String()
	var all []string
	for _, p := range c.Smaller() {
		all = append(all, strings.ReplaceAll(p.String(), "\n", "; "))
	}
	want := []string{
		"world: ahead=2; t0: look; ",
		"world: ahead=2; t0: put 1, look; ",
		"world: ahead=2; t0: look; t1: look; ",
		"world: ahead=2; t0: put 1; t1: look; ",
		"world: ahead=2; t0: put 1, look; t1:; ",
		"t0: put 1, look; t1: look; ",
		"world: ahead=1; t0: put 1, look; t1: look; ",
	}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("got %q", all)
	}
	if c.String() != before {
		t.Errorf("the program has become %v", c)
	}
}

func TestParseComplains(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "there is no task"},
		{"t1: look", "want a world:, tasks from t0: to t2:, and a schedule: line"},
		{"t0: look\nt1:\nt2:\nt3: look", "want a world:, tasks from t0: to t2:, and a schedule: line"},
		{"t0: jump", `nobody can "jump" here`},
		{"t0: put", "put: there are 3 places"},
		{"t0: put 3", "put: want a place from 0 to 2"},
		{"t0: look 0", "look: there are 1 places"},
		{"t0: look, look, look, look, look, look", "a task does 6 things (at most 5)"},
		{"world: fast=1\nt0: look", `there is no "fast" to set`},
		{"world: ahead=3\nt0: look", "ahead: want a number from 0 to 2"},
		{"t0: look\nschedule: 1", `"1": want up to 64 preemptions AFTER>TO`},
		{"t0: look\nschedule: 1>1\nt1: look", "the schedule comes last"},
	} {
		if _, err := language.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

// TestStrategy follows a schedule: each preemption is due so many steps after the one
// before, and waits for the next choice.
func TestStrategy(t *testing.T) {
	c := &lifecycle.Case{Schedule: []lifecycle.Preemption{{After: 2, To: 1}, {After: 0, To: 5}, {After: 3, To: 1}}}
	s := c.Strategy()
	for range 2 { // Restart begins again
		var took []int
		for step := range 8 {
			n := 3
			if step == 2 {
				n = 1
			}
			took = append(took, s.Choose(nil, &sim.Point{Step: step, N: n}))
		}
		if want := []int{0, 0, 0, 1, 2, 0, 0, 1}; !reflect.DeepEqual(took, want) {
			t.Errorf("got %v, want %v", took, want)
		}
		s.Restart()
	}
}
