package litmus

import (
	"slices"
	"testing"

	"trapline/sim/memory"
)

// herd has the number of states that herd7 7.58 prints for the kernel's own tests,
// of which those in testdata with the same names are retellings.
var herd = map[string]int{
	"Atomic-RMW+mb__after_atomic-is-stronger-than-acquire": 3,
	"Atomic-RMW-ops-are-atomic-WRT-atomic_set":             1,
	"DCL-broken":                          6,
	"DCL-fixed":                           4,
	"RCU+sync+free":                       2,
	"RCU+sync+read":                       3,
	"RM-broken":                           0,
	"RM-fixed":                            1,
	"cmpxchg-fail-ordered-1":              3,
	"cmpxchg-fail-ordered-2":              3,
	"cmpxchg-fail-unordered-1":            4,
	"cmpxchg-fail-unordered-2":            4,
	"CoRR+poonceonce+Once":                3,
	"CoRW+poonceonce+Once":                3,
	"CoWR+poonceonce+Once":                3,
	"CoWW+poonceonce":                     1,
	"IRIW+fencembonceonces+OnceOnce":      15,
	"IRIW+poonceonces+OnceOnce":           16,
	"ISA2+pooncelock+pooncelock+pombonce": 7,
	"ISA2+poonceonces":                    8,
	"ISA2+pooncerelease+poacquirerelease+poacquireonce":   7,
	"LB+fencembonceonce+ctrlonceonce":                     2,
	"LB+poacquireonce+pooncerelease":                      3,
	"LB+poonceonces":                                      4,
	"LB+unlocklockonceonce+poacquireonce":                 3,
	"MP+fencewmbonceonce+fencermbonceonce":                3,
	"MP+onceassign+derefonce":                             2,
	"MP+polockmbonce+poacquiresilsil":                     7,
	"MP+polockonce+poacquiresilsil":                       8,
	"MP+polocks":                                          3,
	"MP+poonceonces":                                      4,
	"MP+pooncerelease+poacquireonce":                      3,
	"MP+porevlocks":                                       3,
	"MP+unlocklockonceonce+fencermbonceonce":              3,
	"R+fencembonceonces":                                  3,
	"R+poonceonces":                                       4,
	"S+fencewmbonceonce+poacquireonce":                    3,
	"S+poonceonces":                                       4,
	"SB+fencembonceonces":                                 3,
	"SB+poonceonces":                                      4,
	"SB+rfionceonce-poonceonces":                          4,
	"WRC+poonceonces+Once":                                8,
	"WRC+pooncerelease+fencermbonceonce+Once":             7,
	"Z6.0+pooncelock+pooncelock+pombonce":                 8,
	"Z6.0+pooncelock+pooncelock-mb+pombonce":              7,
	"Z6.0+pooncerelease+poacquirerelease+fencembonceonce": 8,
	"dep+plain":                                           1,
}

func TestNumbersOfStates(t *testing.T) {
	seen := 0
	for _, test := range corpus(t) {
		want, ok := herd[test.Name]
		if !ok {
			continue
		}
		seen++
		r, err := Run(test, memory.Options{Model: memory.LKMM, LoadBuffering: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.States) != want {
			t.Errorf("%d states, herd7 has %d:\n%v", len(r.States), want, r)
		}
	}
	if seen != len(herd) {
		t.Errorf("%d of herd7's tests are in testdata, want %d", seen, len(herd))
	}
}

// TestNumbersOfExecutions holds the numbers of executions to those that herd7 prints
// for tests of the same shape, in its catalogue and in the kernel's documentation.
func TestNumbersOfExecutions(t *testing.T) {
	for _, c := range []struct {
		name                       string
		states, positive, negative int
	}{
		{"CCIRIW+poonceonces+OnceOnce", 47, 0, 72},
		{"SB+locks", 2, 0, 2},
		{"R+fencewmbonceonce+fencembonceonce", 4, 1, 3},
		{"2+2W+poonceonces", 4, 1, 3},
		{"MP+fencewmbonceonce+addronceonce", 2, 0, 2},
	} {
		r, err := Run(read(t, "testdata/"+c.name+".litmus"), memory.Options{Model: memory.LKMM, LoadBuffering: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.States) != c.states || r.Positive != c.positive || r.Negative != c.negative {
			t.Errorf("want %d states, %d and %d executions:\n%v", c.states, c.positive, c.negative, r)
		}
	}
}

// TestLeastNumber holds that no number is taken for one of which nothing is known.
func TestLeastNumber(t *testing.T) {
	test, err := Parse("f", []byte("C t\n{ x=0x8000000000000000; }\nP0(int *x)\n{\n\tint r0 = READ_ONCE(*x);\n}\nexists (0:r0=5)\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(test, memory.Options{Model: memory.LKMM})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"0:r0=-9223372036854775808;"}; !slices.Equal(r.States, want) || r.Positive != 0 {
		t.Errorf("want %v, and not 5:\n%v", want, r)
	}
}

// TestModelsAreOrdered holds that a weaker model allows whatever a stronger one does.
func TestModelsAreOrdered(t *testing.T) {
	for _, test := range corpus(t) {
		var before []string
		for _, o := range models {
			r, err := Run(test, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range before {
				if !slices.Contains(r.States, s) {
					t.Errorf("%s: %s does not allow %s, but a stronger model does", test.Name, ModelName(o), s)
				}
			}
			before = r.States
		}
	}
}
