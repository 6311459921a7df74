package main

import (
	"reflect"
	"strings"
	"testing"

	"trapline/sim"
)

const goodRecipe = "lost-wakeup/2002-careless:v1:waker@1,=2@3:4ef7f9cca2db14d2"

func TestRecipe(t *testing.T) {
	r, err := parseRecipe(goodRecipe)
	if err != nil {
		t.Fatal(err)
	}
	want := recipe{
		"lost-wakeup", "2002-careless", settings{}, sim.Schedule{{Step: 1, Task: "waker"}, {Step: 3, Value: 2}},
		fingerprint{0x4ef7f9cc, 0xa2db14d2},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if r.String() != goodRecipe {
		t.Errorf("printed as %s", r)
	}
}

func TestRecipeMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "want SCENARIO/DESIGN:v1:SCHEDULE:HASH"},
		{"a/b:v1:-", "want SCENARIO/DESIGN:v1:SCHEDULE:HASH"},
		{"a/b:v2:-:4ef7f9cca2db14d2", `version "v2", but this trapline reads only v1`},
		{"ab:v1:-:4ef7f9cca2db14d2", `"ab" is not SCENARIO/DESIGN`},
		{"a/b/c:v1:-:4ef7f9cca2db14d2", `"a/b/c" is not SCENARIO/DESIGN`},
		{"a/b:v1:x:4ef7f9cca2db14d2", `schedule: "x" is neither`},
		{"a/b:v1:-:4ef7f9cca2db14d", "want 16 hexadecimal digits"},
		{"a/b:v1:-:+ef7f9cca2db14d2", "want 16 hexadecimal digits"},
		{strings.Repeat("a", 1000), "...\": want SCENARIO"},
	} {
		if _, err := parseRecipe(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestFingerprintTellsWhatChanged(t *testing.T) {
	a := fingerprintOf(1, "title")
	if b := fingerprintOf(1, "another"); b.trace != a.trace || b.title == a.title {
		t.Errorf("another title: %s, then %s", a, b)
	}
	if b := fingerprintOf(1<<40, "title"); b.trace == a.trace || b.title != a.title {
		t.Errorf("another trace: %s, then %s", a, b)
	}
}

func TestCommandIsQuoted(t *testing.T) {
	r, _ := parseRecipe(goodRecipe)
	if got, want := r.command(program{"victim", "main", 1, true}), "trapline replay '"+goodRecipe+"'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got := r.command(program{elf: "it's here", symbol: "main"})
	if want := `trapline replay --elf 'it'\''s here' --symbol 'main' '` + goodRecipe + "'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func goodFile(t testing.TB) *recipeFile {
	t.Helper()
	r, err := parseRecipe(goodRecipe)
	if err != nil {
		t.Fatal(err)
	}
	return &recipeFile{
		recipe: r, model: "sc", program: program{elf: "a program", symbol: "main", offset: 0x1040},
		title: "INFO: task hung in fake_wait", steps: 4, preemptions: 1, trace: "step  sleeper\n   0  f()\n",
	}
}

func TestRecipeFile(t *testing.T) {
	f := goodFile(t)
	want := `# INFO: task hung in fake_wait
# replay it: trapline replay FILE
-- scenario --
lost-wakeup
-- design --
2002-careless
-- model --
sc
-- program --
elf a program
symbol main
offset 0x1040
-- schedule --
v1:waker@1,=2@3
-- expect --
title INFO: task hung in fake_wait
hash 4ef7f9cca2db14d2
steps 4
preemptions 1
-- trace --
step  sleeper
   0  f()
`
	text := f.format()
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	for name, text := range map[string]string{"as written": want, "by mail": strings.ReplaceAll(want, "\n", "\r\n")} {
		got, err := parseRecipeFile([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !got.read {
			t.Errorf("%s: does not say that it was read from a file", name)
		}
		got.read = false
		got.trace = strings.ReplaceAll(got.trace, "\r", "")
		if !reflect.DeepEqual(got, f) {
			t.Errorf("%s: got %+v, want %+v", name, got, f)
		}
	}
}

func TestRecipeFileMistakes(t *testing.T) {
	good := string(goodFile(t).format())
	for _, c := range []struct{ old, new, want string }{
		{good, "", `no section "scenario": want a txtar file with the sections scenario, design, model`},
		{"-- expect --", "-- expected --", `no section "expect"`},
		{"-- design --", "-- scenario --\nx\n-- design --", `two sections "scenario"`},
		{"lost-wakeup\n", "\n", "sections scenario and design: "},
		{"v1:waker@1", "waker@1", "section schedule: want v1:SCHEDULE"},
		{"waker@1", "waker@x", "section schedule: "},
		{"offset 0x1040\n", "", "section program: 2 lines: want elf, symbol, offset"},
		{"offset 0x1040", "offset -1", "section program: offset \"-1\": want a number"},
		{"symbol main", "function main", `want "symbol" and its value`},
		{"hash 4ef7", "hash xxxx", "section expect: hash "},
		{"steps 4", "steps four", `section expect: "four": want a number`},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%q is not in the file", c.old)
		}
		if _, err := parseRecipeFile([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

func FuzzParseRecipe(f *testing.F) {
	for _, s := range []string{goodRecipe, "a/b:v1:-:4ef7f9cca2db14d2", "a/b:v1:kworker/0:1@7:4ef7f9cca2db14d2", "a/b:v1:=1@+2:0", "::::", "/:v1::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRecipe(text)
		if err != nil {
			return
		}
		again, err := parseRecipe(r.String())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%q was read as %+v, printed as %q, and read as %+v: %v", text, r, r, again, err)
		}
	})
}

func FuzzParseRecipeFile(f *testing.F) {
	good := goodFile(f).format()
	f.Add(good)
	f.Add([]byte(strings.ReplaceAll(string(good), "\n", "\r\n")))
	f.Add([]byte("-- scenario --\n-- scenario --\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseRecipeFile(text)
		if err != nil {
			return
		}
		file.trace = "" // only that of a rendered execution is sure to come back
		again, err := parseRecipeFile(file.format())
		if err != nil || !reflect.DeepEqual(again, file) {
			t.Fatalf("%q was read as %+v, and after printing as %+v: %v", text, file, again, err)
		}
	})
}
