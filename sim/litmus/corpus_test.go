package litmus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/sim/memory"
)

// models are all that a test can be run under.
var models = []memory.Options{
	{Model: memory.SC},
	{Model: memory.TSO},
	{Model: memory.LKMM},
	{Model: memory.LKMM, LoadBuffering: true},
}

// corpus reads the tests in testdata.
func corpus(t testing.TB) []*Test {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.litmus")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	var all []*Test
	for _, path := range paths {
		all = append(all, read(t, path))
	}
	return all
}

// read reads one file.
func read(t testing.TB, path string) *Test {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	test, err := Parse(path, src)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSuffix(filepath.Base(path), ".litmus"); test.Name != want {
		t.Errorf("%s: the test is called %s", path, test.Name)
	}
	for _, w := range test.Warnings {
		t.Error(w)
	}
	return test
}

// TestVerdicts holds every test of testdata to the verdicts in it: those are of the
// kernel's own tests what herd7 says, and else by the model's explanation.
func TestVerdicts(t *testing.T) {
	for _, test := range corpus(t) {
		t.Run(test.Name, func(t *testing.T) {
			for _, o := range models {
				r, err := Run(test, o)
				if err != nil {
					t.Fatal(err)
				}
				if !r.Coverage.Complete {
					t.Errorf("under %s: not complete", ModelName(o))
				}
				if r.Expected() == "" {
					t.Errorf("under %s: the file expects nothing", ModelName(o))
				}
				if err := r.Judge(); err != nil {
					t.Errorf("%v\n%v", err, r)
				}
			}
		})
	}
}
