package litmus

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestGolden holds what is printed to the byte, for each kind of condition and line.
func TestGolden(t *testing.T) {
	for _, name := range []string{
		"2+2W+poonceonces",                   // variables only
		"R+fencewmbonceonce+fencembonceonce", // registers and variables
		"MP+fencewmbonceonce+addronceonce",   // addresses
		"Form+notexists",
		"Form+forall",
		"Form+nocondition",
		"Form+initial", // an array
		"Form+while",   // Loop
		"Form+filter",
		"Race+mpguardedonce", // Flag data-race
		"RM-broken",          // no execution
		"LB+poonceonces",
		"Atomic+decandtest", // a condition with both connectives
		"Thin+plaindatas",   // a value that is open
	} {
		var got bytes.Buffer
		for _, o := range models {
			r, err := Run(read(t, "testdata/"+name+".litmus"), o)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(r.String())
		}
		path := "testdata/" + name + ".golden"
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: got\n%s\nwant\n%s", path, got.String(), want)
		}
	}
}

func TestIncomplete(t *testing.T) {
	o := models[3]
	o.MaxExecutions = 2
	r, err := Run(read(t, "testdata/MP+poonceonces.litmus"), o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(r.String(), "\nIncomplete MP+poonceonces after 2 executions\n\n") {
		t.Errorf("no word of it:\n%v", r)
	}
	if err := r.Judge(); err != nil {
		t.Errorf("what is not complete is judged: %v", err)
	}
}

func TestJudge(t *testing.T) {
	const body = "{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\nP1(int *x) { *x = 2; }\nexists (x=1)\n"
	for _, c := range []struct {
		comment string
		model   int // in models
		want    string
	}{
		{"", 3, ""},
		{"(* Result: Sometimes DATARACE *)", 3, ""},
		{"(*\n * Result: Sometimes DATARACE\n *)", 3, ""},
		{"(* Result: Sometimes *)", 3, "t: Sometimes DATARACE under lkmm, but the file says Sometimes"},
		{"(* Result: Never *)", 3, "t: Sometimes DATARACE under lkmm, but the file says Never"},
		{"(* Result: Never *)", 2, "t: Sometimes DATARACE under lkmm without load buffering, but the file says Never"},
		{"(* Result: Always *)", 2, ""},
		{"(* Result: Never *)", 0, ""},
		{"(* SC: Never *)", 0, "t: Sometimes under sc, but the file says Never"},
		{"(* SC: Sometimes *)", 0, ""},
		{"(* TSO: DEADLOCK *)", 1, "t: Sometimes under tso, but the file says DEADLOCK"},
		{"(* TSO: Never *)", 3, ""},
		{"(* Result: Never *) (* LKMM: Sometimes DATARACE *)", 3, "t: Sometimes DATARACE under lkmm, but the file says Never"},
		{"(* Result: Never *)\n(* LKMM: Sometimes DATARACE *)", 3, ""},
		{"(* LKMM without load buffering: Always *)", 2, "t: Sometimes DATARACE under lkmm without load buffering, but the file says Always"},
		{"(* the Result: Never *)", 3, ""},
	} {
		test, err := Parse("f", []byte("C t\n"+c.comment+"\n"+body))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(test, models[c.model])
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := r.Judge(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s under %s:\ngot  %s\nwant %s", c.comment, ModelName(models[c.model]), got, c.want)
		}
	}
}

// TestJudgeDeadlock holds that Never is no verdict for a test that does not end.
func TestJudgeDeadlock(t *testing.T) {
	for verdict, want := range map[string]string{"DEADLOCK": "", "Never": "t: DEADLOCK under sc, but the file says Never"} {
		test, err := Parse("f", []byte("C t\n// SC: "+verdict+"\n{}\nP0(spinlock_t *l, int *x) { spin_lock(l); spin_lock(l); }\nexists (x=1)\n"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(test, models[0])
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := r.Judge(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", verdict, got, want)
		}
	}
}

// BenchmarkCorpus runs all tests of testdata under one model.
func BenchmarkCorpus(b *testing.B) {
	all := corpus(b)
	for _, o := range models {
		b.Run(strings.ReplaceAll(ModelName(o), " ", "-"), func(b *testing.B) {
			executions, blocked := 0, 0
			for b.Loop() {
				executions, blocked = 0, 0
				for _, t := range all {
					r, err := Run(t, o)
					if err != nil {
						b.Fatal(err)
					}
					executions += r.Coverage.Executions
					blocked += r.Coverage.Blocked
				}
			}
			b.ReportMetric(float64(len(all)), "tests")
			b.ReportMetric(float64(executions), "executions")
			b.ReportMetric(float64(blocked), "blocked")
		})
	}
}
