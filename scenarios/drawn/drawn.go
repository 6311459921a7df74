// Package drawn holds designs to what is claimed of them in programs that are drawn. It
// is for the tests of the subsystems.
package drawn

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"trapline/probes"
	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
	"trapline/vm"
)

// Of is the subject of a design.
func Of(t testing.TB, all []*lifecycle.Subject, d *probes.Design) *lifecycle.Subject {
	t.Helper()
	for _, s := range all {
		if s.Design == d {
			return s
		}
	}
	t.Fatalf("no programs are run on %s", d.Name)
	return nil
}

// Case draws a program with a schedule.
func Case(t *rapid.T, l *lifecycle.Language) *lifecycle.Case {
	return l.Draw(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) })
}

// HoldAll holds every subject to its claims, with so many programs each.
func HoldAll(t *testing.T, all []*lifecycle.Subject, n int) {
	t.Helper()
	for _, s := range all {
		t.Run(s.Design.Name, func(t *testing.T) { Holds(t, s, n) })
	}
}

// Known is what is known of a design, and within how many programs it is found.
type Known struct {
	Design *probes.Design
	Within int
	Title  string
}

// FindAll shows that the property can fail: programs that are drawn find again what is
// known.
func FindAll(t *testing.T, all []*lifecycle.Subject, known []Known) {
	t.Helper()
	for _, k := range known {
		t.Run(k.Design.Name, func(t *testing.T) { Finds(t, Of(t, all, k.Design), k.Within, k.Title) })
	}
}

// Holds draws so many programs, or as many as -rapid.checks says if these are more, and
// fails if one of them breaks a rule that the design is not known to break.
func Holds(t *testing.T, s *lifecycle.Subject, n int) {
	t.Helper()
	defer More(n)()
	rapid.Check(t, func(t *rapid.T) {
		c := Case(t, s.Language)
		if complaint := run(s, c); complaint != "" {
			t.Fatalf("%s\n%v", complaint, c)
		}
	})
}

// Finds draws programs, the same each time, and fails unless each of the titles is found
// within so many, and if a rule is broken that the design is not known to break.
func Finds(t *testing.T, s *lifecycle.Subject, within int, titles ...string) {
	t.Helper()
	left := slices.Clone(titles)
	for i := 1; i <= within && len(left) > 0; i++ {
		r := rand.New(rand.NewPCG(2006, uint64(i)))
		c := s.Language.Draw(func(_ string, n int) int { return r.IntN(n) })
		v, err := fuzz.Run(s, c, vm.DefaultImage())
		switch {
		case err != nil:
			t.Fatalf("%v\n%v", err, c)
		case v == nil:
			continue
		case !s.Claims(v.Title):
			t.Errorf("%v is not known\n%v", v, c)
		}
		if j := slices.Index(left, v.Title); j >= 0 {
			left = slices.Delete(left, j, j+1)
			t.Logf("program %d: %s", i, v.Title)
		}
	}
	for _, title := range left {
		t.Errorf("%q is not found within %d programs", title, within)
	}
}

// Fuzz is the body of a fuzz target: it decodes bytes to programs, and begins with those
// that are given as text.
func Fuzz(f *testing.F, s *lifecycle.Subject, texts ...string) {
	f.Helper()
	for _, text := range texts {
		c, err := s.Language.Parse(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Encode())
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		c := s.Language.Decode(bytes)
		if complaint := run(s, c); complaint != "" {
			t.Fatalf("%s\n%v", complaint, c)
		}
	})
}

// run runs a case, and says what is wrong with it, if there is something.
func run(s *lifecycle.Subject, c *lifecycle.Case) string {
	switch v, err := fuzz.Run(s, c, vm.DefaultImage()); {
	case err != nil:
		return err.Error()
	case v != nil && !s.Claims(v.Title):
		return v.Title + ": " + v.Subject
	}
	return ""
}

// More has rapid draw at least n programs, until the returned function is called.
func More(n int) (restore func()) {
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if was, err := strconv.Atoi(old); err != nil || was < n {
		_ = f.Value.Set(strconv.Itoa(n))
	}
	return func() { _ = f.Value.Set(old) }
}
