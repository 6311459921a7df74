package litmus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/sim/memory"
)

// TestMistakes tries what is wrong in a file, and where and how that is said.
func TestMistakes(t *testing.T) {
	const task = "P0(int *x)\n{\n\tWRITE_ONCE(*x, 1);\n}\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", `f:1:1: expected C and the name of the test (only litmus tests in C are read), found the end of the file`},
		{"other language", "X86 SB\n{}\n", `f:1:1: expected C and the name of the test (only litmus tests in C are read), found "X86"`},
		{"no name", "C\n{}\n", `f:1:2: expected the name of the test after C`},
		{"no initial state", "C t\n" + task, `f:2:1: expected { before the initial state, found a task (write {} if all is 0)`},
		{"nothing after the name", "C t\n", `f:2:1: expected { before the initial state, found the end of the file`},
		{"comment without end", "C t\n(* {}\n", `f:2:1: the comment has no end (expected *) as often as (*)`},
		{"comment of C without end", "C t\n{}\nP0(int *x)\n{ /* \n}\n", `f:4:3: the comment has no end (expected */)`},
		{"no task", "C t\n{}\nexists (x=1)\n", `f:3:1: expected a task (P0(int *x) { … }), found "exists"`},
		{"wrong number", "C t\n{}\nP1(int *x) {}\n", `f:3:1: expected task P0 (tasks are numbered from 0, in order), found "P1"`},
		{"no pointer", "C t\n{}\nP0(int x) {}\n", `f:3:8: parameter x is not a pointer; expected int *x (parameters are pointers to shared variables)`},
		{"no value", "C t\n{ int x = ; }\n" + task, `f:2:11: expected a value: a number, or &x for the address of x, found ";"`},
		{"no semicolon", "C t\n{}\nP0(int *x)\n{\n\tsmp_mb()\n}\n", `f:6:1: expected ; after the statement, found "}"`},
		{"unknown operation", "C t\n{}\nP0(int *x)\n{\n\tWRITE_ONC(*x, 1);\n}\n", `f:5:2: no operation "WRITE_ONC" (did you mean WRITE_ONCE?)`},
		{"unlike any operation", "C t\n{}\nP0(int *x)\n{\n\tmembarrier_all(x);\n}\n", `f:5:2: no operation "membarrier_all" (trapline reads those of tools/memory-model/linux-kernel.def)`},
		{"no object", "C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(x, 1);\n}\n", `f:5:13: expected an object, such as *x or a[1]: WRITE_ONCE(*x, value)`},
		{"too few arguments", "C t\n{}\nP0(int *x)\n{\n\tsmp_store_release(x);\n}\n", `f:5:21: expected , and a value: smp_store_release(x, value), found ")"`},
		{"too many arguments", "C t\n{}\nP0(int *x)\n{\n\tsmp_mb(1);\n}\n", `f:5:9: expected ): smp_mb(), found "1"`},
		{"value of nothing", "C t\n{}\nP0(int *x)\n{\n\tint r0 = smp_mb();\n}\n", `f:5:11: smp_mb has no value; expected an operation that returns one`},
		{"assignment to a value", "C t\n{}\nP0(int *x)\n{\n\t1 = 2;\n}\n", `f:5:2: expected a variable or an object (*x) on the left of an assignment`},
		{"statement that is not read", "C t\n{}\nP0(int *x)\n{\n\tfor (;;) {}\n}\n", `f:5:2: "for" is not read (write while)`},
		{"value that is not read", "C t\n{}\nP0(int *x)\n{\n\tint r0 = return;\n}\n", `f:5:11: "return" is not read (let the task end)`},
		{"brace missing", "C t\n{}\nP0(int *x)\n{\n\tsmp_mb();\n", `f:6:1: expected a statement or }, found the end of the file`},
		{"no condition", "C t\n{}\n" + task + "exist (x=1)\n", `f:7:1: expected a task P1, or exists, ~exists or forall with the condition, found "exist"`},
		{"no task in the condition", "C t\n{}\n" + task + "exists (1:r0=1)\n", `f:7:9: there is no task P1`},
		{"no value in the condition", "C t\n{}\n" + task + "exists (x)\n", `f:7:10: expected = or != and a value, found ")"`},
		{"bracket missing", "C t\n{}\n" + task + "exists (x=1 x=2)\n", `f:7:13: expected ) or a connective (/\, \/), found "x"`},
		{"text after the condition", "C t\n{}\n" + task + "exists (x=1) x\n", `f:7:14: expected /\, \/ or the end of the file, found "x"`},
		{"strange character", "C t\n{}\nP0(int *x)\n{\n\té;\n}\n", `f:5:2: the character 'é' has no meaning here (letters, digits and the punctuation of C do)`},
		{"column after others", "C t\n{}\nP0(int *x)\n{\n\t/* é */ 1 = 2;\n}\n", `f:5:10: expected a variable or an object (*x) on the left of an assignment`},
		{"number too large", "C t\n{ x = 99999999999999999999; }\n" + task, `f:2:7: "99999999999999999999" is no number of C's, or does not fit into 64 bits`},
		{"outside of an array", "C t\n{ int a[2]; int *p = &a[2]; }\n" + task, `f:2:24: a[2] is outside of the variable, which has 2 elements`},
		{"struct", "C t\n{}\nP0(int *x)\n{\n\tint r0 = x->next;\n}\n", `f:5:12: fields of a struct are not read (use a variable for each)`},
		{"deep", "C t\n{}\nP0(int *x)\n{\n\tint r0 = " + strings.Repeat("(", 1000) + "\n}\n", `f:5:110: nested too deeply (200 levels are read)`},
		{"large", "C t\n{}\nP0(int *x)\n{\n\tint r0 = 1" + strings.Repeat("+1", 1<<19) + ";\n}\n", `f:1:1: the test has 1048611 bytes; 1048576 are read`},
		{"address that is read, twice", "C t\n{ int a[2]; }\nP0(int *a, int *i)\n{\n\ta[READ_ONCE(*i)] += 1;\n}\n", `f:5:2: the address of what is changed is read from memory; read it into a local variable first`},
		{"address of a local", "C t\n{}\nP0(int *x)\n{\n\tint r0;\n\tint r1 = &r0;\n}\n", `f:6:12: the address of the local variable r0 is not shared; expected an object (&*p), or the parameter itself, which is an address`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.text))
			if err == nil {
				t.Fatal("it is read")
			}
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

// TestForms reads what may be written in more than one way.
func TestForms(t *testing.T) {
	for _, c := range []struct{ name, init, task, condition, want string }{
		{"casts", "int x = 3;", "int r0 = (int)(long)READ_ONCE(*x); (void)r0;", "exists (0:r0=3)", "Always"},
		{"cast of a pointer", "int x = 3;", "int *r1 = (int *)x; int r0 = *r1;", "exists (0:r0=3)", "Always"},
		{"undeclared register", "x=3;", "r0 = READ_ONCE(*x);", "exists (0:r0 = 3)", "Always"},
		{"P0 in the condition", "x=3;", "r0 = *x;", "exists (P0:r0=3)", "Always"},
		{"brackets of herd7", "[x]=3;", "r0 = *x;", "exists ([x]=3)", "Always"},
		{"not", "x=3;", "r0 = *x;", "exists (not (x=2) /\\ ~x=1 /\\ x!=4 /\\ x<>5)", "Always"},
		{"implication", "x=3;", "r0 = *x;", "forall (x=2 => x=1)", "Always"},
		{"true", "x=3;", "r0 = *x;", "exists (true /\\ ~false)", "Always"},
		{"no quantifier", "x=3;", "r0 = *x;", "(x=3)", "Always"},
		{"hexadecimal", "x=0x10;", "r0 = *x + 0X1;", "exists (0:r0=17)", "Always"},
		{"negative", "x=-1;", "r0 = -*x;", "exists (x=-1 /\\ 0:r0=1)", "Always"},
		{"pointers", "int *p = &x; x = 3;", "int *r0 = &*x; int *r1 = READ_ONCE(*p); r2 = r0 == r1; r3 = *r1;", "exists (0:r0=x /\\ 0:r1=&x /\\ 0:r2=1 /\\ 0:r3=3)", "Always"},
		{"arrays", "int a[3] = {1, 2, 3};", "r0 = a[1]; r1 = *(a + 2); a[0] = r1; int *r2 = &a[1]; r3 = r2[1]; r4 = &a[2] - r2;", "exists (a[0]=3 /\\ 0:r0=2 /\\ 0:r1=3 /\\ 0:r2=a[1] /\\ 0:r3=3 /\\ 0:r4=1)", "Always"},
		{"pointer and number", "x = 1;", "r0 = x + 1; r1 = r0 == x; r2 = x - 0;", "exists (0:r1=0 /\\ 0:r2=x)", "Always"},
		{"else if", "x=3;", "if (*x == 1) { r0 = 1; } else if (*x == 3) r0 = 2; else r0 = 3;", "exists (0:r0=2)", "Always"},
		{"empty statements", "", ";;{}", "exists (x=0)", "Always"},
		{"comments", "(* one (* in the other *) *) x=3; // y=4", "/* r0 */ r0 = *x; // r1", "exists (* here *) (x=3) (* there *)", "Always"},
		{"initial register", "0:r1=3; P0:r2=x; int 0:r3=4;", "r0 = r1; WRITE_ONCE(*r2, 5);", "exists (0:r0=3 /\\ x=5 /\\ 0:r3=4)", "Always"},
		{"types of the initial state", "struct srcu_struct s; spinlock_t l; volatile int v = 1; int *p; atomic_t y = ATOMIC_INIT(-2); unsigned long z = (unsigned long)7;", "", "exists (v=1 /\\ y=-2 /\\ z=7 /\\ p=0)", "Always"},
		{"locations", "x=3;", "", "locations [x; 0:x; l int*;] exists (x=3)", "Always"},
		{"address of what is no parameter", "y=3;", "int *r0 = &y; r1 = READ_ONCE(*r0);", "exists (0:r1=3)", "Always"},
		{"words of C as names", "x=3;", "continue = 1; if (continue) continue = 0; r0 = continue + *x;", "exists (0:continue=0 /\\ 0:r0=3)", "Always"},
		{"cast of what is followed", "int *p = &x; x=3;", "r0 = (int)rcu_dereference(*(int **)p); r1 = READ_ONCE(*(int *)r0);", "exists (0:r1=3)", "Always"},
		{"final", "x=3;", "", "final (x=3)", "Always"},
		{"register against register", "", "r0 = 1; r1 = 1; r2 = 2;", "exists (0:r0=0:r1 /\\ ~0:r0=0:r2)", "Always"},
		{"location against register", "x=1;", "r0 = 1;", "exists (x=0:r0 /\\ 0:r0=*x)", "Always"},
		{"semicolon after the condition", "x=1;", "", "exists (x=1);", "Always"},
	} {
		t.Run(c.name, func(t *testing.T) {
			test, err := Parse("f", []byte("C t\n{ "+c.init+"\n}\nP0(int *x, int *a, int **p, spinlock_t *l)\n{\n"+c.task+"\n}\n"+c.condition+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range models {
				r, err := Run(test, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Observation() != c.want {
					t.Errorf("want %s:\n%v", c.want, r)
				}
			}
		})
	}
}

// TestHeaders reads what may stand before the initial state.
func TestHeaders(t *testing.T) {
	for _, header := range []string{
		"C t", "\n\n(* before *)\nC   t  \n", "C t\n\"a text { in quotes\"\n", "C t\nCycle=Fre PodWR\nHash=12\n",
		"C t (* comment {} *)\n", "C t\n(*\n * (* nested *) {\n *)\n", "C t\n/* {} */\n// {}\n", "C t\nSome words of prose.\n",
	} {
		test, err := Parse("f", []byte(header+"\n{}\nP0(int *x) { }\nexists (x=0)"))
		if err != nil {
			t.Errorf("%q: %v", header, err)
		} else if test.Name != "t" {
			t.Errorf("%q: the name is %q", header, test.Name)
		}
	}
}

func TestWarnings(t *testing.T) {
	test, err := Parse("f", []byte("C t\n{}\nP0(int *x) { r0 = *x; }\nexists (0:r0=0 /\\ 0:r1=0 /\\ r2=0)"))
	if err != nil {
		t.Fatal(err)
	}
	want := "f:4:21: P0 never gives r1 a value; it is 0\nf:4:29: no task has a variable r2; it is 0 (0:r2 is a register)"
	if got := strings.Join(test.Warnings, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestFaults tries programs that do in some execution what has no meaning.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, task, want string }{
		{"null pointer", "int *r0 = READ_ONCE(*p); int r1 = READ_ONCE(*r0);", "f:4:42: the pointer does not point to a shared variable in every execution (a pointer needs a first value: int *p = &x)"},
		{"plain", "int *r0 = *p; *r0 = 1;", "f:4:22: the pointer does not point to a shared variable in every execution (a pointer needs a first value: int *p = &x)"},
		{"outside of an array", "WRITE_ONCE(a[2], 1);", "f:4:8: the pointer does not point to a shared variable in every execution (a pointer needs a first value: int *p = &x)"},
		{"division", "int r0 = 1 / *x;", "f:4:19: division by 0 in some execution"},
		{"remainder", "int r0 = 1 % *x;", "f:4:19: division by 0 in some execution"},
	} {
		test, err := Parse("f", []byte("C t\n{ int a[2]; }\nP0(int *x, int *a, int **p)\n{      "+c.task+" }\nexists (x=1)"))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range models {
			if _, err := Run(test, o); err == nil || err.Error() != c.want {
				t.Errorf("%s under %s:\ngot  %v\nwant %s", c.name, ModelName(o), err, c.want)
			}
		}
	}
}

// TestMacros calls every operation once, by what its usage says.
func TestMacros(t *testing.T) {
	for _, name := range macroNames {
		m, before := macros[name], ""
		if strings.HasSuffix(name, "spin_unlock") {
			before = "spin_lock(x);"
		}
		text := "C t\n{}\nP0(int *x)\n{\n\tint old; int value;\n\t" + before + usage(m) + ";\n}\nexists (x=0)"
		test, err := Parse("f", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", usage(m), err)
			continue
		}
		r, err := Run(test, memory.Options{Model: memory.LKMM})
		if err != nil {
			t.Errorf("%s: %v", usage(m), err)
		} else if r.Positive+r.Negative == 0 {
			t.Errorf("%s: no execution", usage(m))
		}
	}
}

// FuzzParse reads anything without falling over, and what it has read it can print
// and compile.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.litmus")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		test, err := Parse("f", src)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		if test.Condition() == "" {
			t.Error("the condition prints as nothing")
		}
		b := &builder{test: test}
		for _, p := range test.processes {
			b.task(p)
		}
	})
}
