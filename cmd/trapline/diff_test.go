package main

import (
	"bytes"
	"strings"
	"testing"

	"trapline/sim"
)

func TestDiff(t *testing.T) {
	code, stdout, stderr := trapline(t, "diff", "2001-careful", "2002-careless")
	if code != 1 || stderr != "" {
		t.Fatalf("exit %d, %q", code, stderr)
	}
	for _, want := range []string{
		"lost-wakeup\n  2001-careful   clean: every interleaving\n  2002-careless  INFO: task hung in fake_wait\n",
		"nothing-happens\n  2001-careful   clean: every interleaving\n  2002-careless  clean: every interleaving\n",
		"lost-wakeup, side by side: the schedule is that of 2002-careless\n",
		"alike for 0 steps\n",
		"(ends, and no rule is broken)",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("not there: %q, in\n%s", want, stdout)
		}
	}
	if _, again, _ := trapline(t, "diff", "2001-careful", "2002-careless"); again != stdout {
		t.Errorf("the second time\n%s", again)
	}
}

func TestDiffOfTheSame(t *testing.T) {
	code, stdout, stderr := trapline(t, "diff", "2002-careless", "2003-liar", "lost-wakeup")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "the answers are the same\n") || strings.Contains(stdout, "nothing-happens") {
		t.Errorf("exit %d, %q, %s", code, stderr, stdout)
	}
}

func TestDiffMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"2001-careful":                            "diff: 1 argument given (usage: trapline diff DESIGN DESIGN [SCENARIO])",
		"2001-careful 2002-carless":               `no design "2002-carless" (did you mean "2002-careless"? trapline list shows all)`,
		"2001-careful 2002-careless lost-wakeups": `no scenario "lost-wakeups" (did you mean "lost-wakeup"? trapline list shows all)`,
	} {
		code, _, stderr := trapline(t, append([]string{"diff"}, strings.Fields(args)...)...)
		if code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, want %q", args, code, stderr, want)
		}
	}
}

// TestSideBySideOfLongWords has a step with a word that does not fit into its column, as the
// bytes of a long instruction or the path of a file. The lines of it were endless.
func TestSideBySideOfLongWords(t *testing.T) {
	step := func(text string) *execution {
		return &execution{records: []sim.Record{{Name: "program", Text: text}}}
	}
	var b bytes.Buffer
	sideBySide(&b, [2]string{"one", "two"}, [2]*execution{step("READ_ONCE(" + strings.Repeat("x", 200) + ")"), step("short")})
	if n := strings.Count(b.String(), "x"); n != 200 {
		t.Errorf("%d of 200 letters are shown:\n%s", n, b.String())
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > pageWidth+1 {
			t.Errorf("longer than a page: %s", line)
		}
	}
}
