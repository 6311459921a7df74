package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

func TestCheckAll(t *testing.T) {
	code, stdout, stderr := trapline(t, "check")
	want := `SCENARIO / DESIGN  VERDICT       HELD  EXECUTIONS  FOUND OR COVERED
lost-wakeup
  2001-careful     clean         yes            4  every interleaving
  2002-careless    violation     yes            3  INFO: task hung in fake_wait
  2003-liar        violation     NO             3  INFO: task hung in fake_wait
nothing-happens
  2001-careful     clean         yes            1  every interleaving
  2002-careless    clean         yes            1  every interleaving
  2003-liar        clean         yes            1  every interleaving

lost-wakeup/2003-liar: claimed clean, is violation
6 pairs, 1 claim not held
`
	if code != exitViolation || stdout != want || stderr != "" {
		t.Errorf("exit %d, %q\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

func TestCheckAllHolds(t *testing.T) {
	c := fakeCatalogue()
	c.designs = c.designs[:2]
	code, stdout, _ := traplineWith(context.Background(), c, "check")
	if code != exitOK || !strings.HasSuffix(stdout, "\n4 pairs, all claims held\n") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

func TestCheckExitStatus(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string // in stdout
	}{
		{"nothing-happens", exitOK, "\n3 pairs, all claims held\n"},
		{"lost-wakeup", exitViolation, "  known failure: The wake-up comes between the test and the sleep.\n"},
		{"2001-careful", exitOK, "\n2 pairs, all claims held\n"},
		{"lost-wakeup/2001-careful", exitOK, "lost-wakeup/2001-careful: clean\ncomplete: every interleaving, 4 executions, 0 blocked, 23 steps\nclaim held: yes\n"},
		{"lost-wakeup/2001-careful --selfcheck", exitOK, ": clean\n"},
		{"lost-wakeup/2003-liar", exitViolation, "\nclaim held: NO, claimed clean, is violation\n"},
		{"lost-wakeup/2003-liar --preemptions 0", exitOK, ": clean\ncomplete up to 0 preemptions: "},
		{"lost-wakeup/2003-liar --strategy bounded", exitViolation, "\n1 preemption (the fewest possible) and 4 steps, replayed: same title, same trace hash\n"},
		{"lost-wakeup/2003-liar --strategy bounded --preemptions 1", exitViolation, "complete up to 1 preemptions: "},
		{"lost-wakeup/2001-careful --seed 7 --budget 20", exitOK, ": inconclusive\nrandom sample, seed 7 (stopped after 20 executions): 20 executions"},
		{"lost-wakeup/2001-careful --budget 1", exitOK, ": inconclusive\nincomplete (stopped after 1 executions): "},
		{"lost-wakeup/2001-careful --depth 2 --budget 20", exitOK, ": inconclusive\npct sample, seed 0 (stopped after 20 executions): 20 executions"},
		{"lost-wakeup/2001-careful --shard 1/2", exitOK, ": inconclusive\ncomplete, but only a part: "},
		{"lost-wakeup --shard 1/2", exitViolation, "\n3 pairs, shard 1 of 2 of each\n"},
		{"nothing-happens --shard 1/2", exitOK, "\n3 pairs, shard 1 of 2 of each\n"},
		{"lost-wakeup --budget 1ns", exitOK, "incomplete: stopped after 1ns"},
		{"--preemptions 0", exitViolation, "all with at most 0 preemptions"},
	} {
		code, stdout, stderr := trapline(t, append([]string{"check"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(stdout, c.want) || stderr != "" {
			t.Errorf("check %s: exit %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
}

func TestCheckExplains(t *testing.T) {
	_, stdout, _ := trapline(t, "check", "lost-wakeup/2002-careless")
	at := 0
	for _, want := range []string{
		"lost-wakeup/2002-careless: violation\n",
		"\nINFO: task hung in fake_wait\n  known failure: The wake-up comes between the test and the sleep.\n",
		"\n# simulated by trapline; not a kernel\n",
		"\nwho waits for what:\n  sleeper waits in schedule() on wq, at fake_wait (cmd/trapline/fake_test.go:",
		`
step  sleeper                      waker
   0  READ_ONCE(flag) = false
        preempted: by waker
   1                               WRITE_ONCE(flag) <- true
   2                               wake_up(&wq)
   3  prepare_to_wait(&wq)
        blocked: schedule() on wq

1 preemption (the fewest possible) and 4 steps, replayed: same title, same trace hash
replay: trapline replay 'lost-wakeup/2002-careless:v1:waker@1:`,
		"\n\ncomplete: every interleaving, 3 executions, 0 blocked, 13 steps\nclaim held: yes\n",
	} {
		i := strings.Index(stdout[at:], want)
		if i < 0 {
			t.Fatalf("no %q after byte %d of\n%s", want, at, stdout)
		}
		at += i
	}
}

// TestOutputIsTheSame runs the same check in several ways that must not show.
func TestOutputIsTheSame(t *testing.T) {
	elapsed := regexp.MustCompile(`"elapsed_s":[^,]*,`)
	for _, args := range [][]string{{"check"}, {"check", "lost-wakeup"}, {"check", "--json"}, {"check", "--seed", "3", "--budget", "300"}} {
		_, first, _ := trapline(t, append(args, "--workers", "1")...)
		for _, workers := range []string{"1", "2", "7"} {
			_, again, _ := trapline(t, append(args, "--workers", workers)...)
			if elapsed.ReplaceAllString(first, "") != elapsed.ReplaceAllString(again, "") {
				t.Errorf("%v: with 1 worker\n%s\nwith %s\n%s", args, first, workers, again)
			}
		}
	}
}

func TestJSONFields(t *testing.T) {
	_, stdout, _ := trapline(t, "check", "--json", "--preemptions", "1", "lost-wakeup")
	const want = "scenario design model strategy verdict kind title complete executions blocked steps preemptions elapsed_s replay claim_held titles coverage"
	for text := range strings.Lines(stdout) {
		var fields []string
		d := json.NewDecoder(strings.NewReader(text))
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			fields = append(fields, key.(string))
			var value any
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(fields, " "); got != want {
			t.Errorf("fields %s, want %s", got, want)
		}
	}
	for i, want := range []string{
		`"verdict":"clean","kind":"","title":"","complete":true,`,
		`"verdict":"violation","kind":"lost-wakeup","title":"INFO: task hung in fake_wait","complete":true,`,
		`"claim_held":false,"titles":["INFO: task hung in fake_wait"],"coverage":"complete up to 1 preemptions: `,
	} {
		if text := strings.SplitAfter(stdout, "\n")[i]; !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"chek", `no command "chek" (did you mean "check"? trapline --help shows all)`},
		{"--verbose", `trapline: unknown flag: --verbose (try trapline --help)`},
		{"list all", `list: 1 argument given (usage: trapline list)`},
		{"run", `run: 0 arguments given (usage: trapline run SCENARIO/DESIGN)`},
		{"run lost-wakeup", `"lost-wakeup" is not a pair SCENARIO/DESIGN (trapline list shows both)`},
		{"run lost-wakeup/2003-lair", `scenario "lost-wakeup": no design "2003-lair" (did you mean "2003-liar"? trapline list shows all)`},
		{"run lost-wakeup/2003-liar --format xml", `--format xml: no such format (there are ftrace and lanes)`},
		{"run lost-wakeup/2003-liar --seed 1 --schedule -", `run: --seed and --schedule both say how to choose (give only one of them)`},
		{"run lost-wakeup/2003-liar --schedule waker", `--schedule: schedule: "waker" is neither task@step nor =value@step (as in unregister@4,=1@9)`},
		{"run lost-wakeup/2003-liar --schedule waker@77", `--schedule cannot be followed: the execution ended before step 77, where the schedule names waker (the trace shows how far it went)`},
		{"check nothing", `no scenario or design "nothing" (did you mean "nothing-happens"? trapline list shows all)`},
		{"check elsewhere/2003-liar", `no scenario "elsewhere" (trapline list shows all)`},
		{"check --strategy exhaustive", `--strategy exhaustive: no such strategy (there are dpor, bounded, delays, states, random, pct, pos, surw)`},
		{"check --strategy ramdom", `--strategy ramdom: no such strategy (did you mean "random"? there are dpor, bounded, delays, states, random, pct, pos, surw)`},
		{"check --strategy dpor --preemptions 2", `--preemptions is for --strategy bounded, not dpor (give only one of them)`},
		{"check --strategy dpor --seed 2", `--seed is for --strategy random, pct, pos, surw, not dpor (give only one of them)`},
		{"check --seed 2 --preemptions 2", `--seed is for --strategy random, pct, pos, surw, not bounded (give only one of them)`},
		{"check --preemptions -1", `--preemptions -1: want 0 or more (2 finds most)`},
		{"check --preemptions x", `check: invalid argument "x" for "--preemptions" flag: strconv.ParseInt: parsing "x": invalid syntax (try trapline check --help)`},
		{"check --budget 0", `--budget 0: want a time or a number of executions above 0 (as in 30s or 100000)`},
		{"check --budget -3s", `--budget -3s: want a time or a number of executions above 0 (as in 30s or 100000)`},
		{"check --budget much", `--budget much: want a time or a number of executions above 0 (as in 30s or 100000)`},
		{"check --depth 0", `--depth 0: want 1 to 20000 (3 finds most)`},
		{"check --depth 2 --strategy pos", `--depth is for --strategy pct, not pos (give only one of them)`},
		{"check --shard 3", `--shard 3: want I/N with I from 1 to N and N from 2 to 10000 (as in 2/5)`},
		{"check --shard 0/2", `--shard 0/2: want I/N with I from 1 to N and N from 2 to 10000 (as in 2/5)`},
		{"check --learnt -", `--learnt without --shard (trapline merge says when a part needs it)`},
		{"check --learnt - --shard 1/2 --seed 1", `--learnt is not for samples such as random (leave it out)`},
		{"check --learnt x --shard 1/2", `--learnt: schedule: "x" is neither task@step nor =value@step (copy what trapline merge says)`},
		{"check --checkpoint f", `--checkpoint f: 6 pairs are to be checked, but a file holds one search (name one pair SCENARIO/DESIGN)`},
		{"check --checkpoint nowhere/f lost-wakeup/2003-liar", `--checkpoint nowhere/f: open nowhere/.trapline-*: no such file or directory (give a file in a folder that can be written to)`},
		{"check --resume nowhere", `--resume: open nowhere: no such file or directory (give a file that check --checkpoint wrote)`},
		{"check --resume check_test.go", `--resume check_test.go: it is not a checkpoint (give a file that check --checkpoint wrote)`},
		{"check --resume f --seed 2", `--seed and --resume: the file says which search it is (leave --seed out)`},
		{"check --resume f --shard 1/2", `--shard and --resume: the file says which search it is (leave --shard out)`},
		{"merge", `merge: 0 arguments given (usage: trapline merge FILE...)`},
		{"merge nowhere", `merge: open nowhere: no such file or directory (give what check --shard --json printed)`},
		{"merge check_test.go", `merge: check_test.go:1: it is not what check --shard --json prints: invalid character 'p' looking for beginning of value (give what check --shard --json printed)`},
		{"check --workers 0", `--workers 0: want 1 to 1000 (as many as there are processors, if left out)`},
		{"check --model pso", `--model: no memory model "pso" (did you mean "tso"? there are sc, tso, lkmm)`},
		{"check --elf prog", `--elf prog without --symbol (--symbol NAME names the function to probe)`},
		{"check --symbol main", `--symbol main without --elf (--elf FILE names the program that has it)`},
		{"check --elf missing --symbol main", `elf missing: no such file`},
		{"replay", `replay: 0 arguments given (usage: trapline replay FILE|STRING)`},
		{"replay a/b:v1:-:1", `replay: recipe "a/b:v1:-:1": hash "1": want 16 hexadecimal digits (copy the whole line after replay:)`},
		{"replay a/b:v1:-:4ef7f9cca2db14d2", `no scenario "a" (trapline list shows all)`},
		{"replay nowhere.txtar", `replay: "nowhere.txtar" is neither a file nor a recipe SCENARIO/DESIGN:v1:SCHEDULE:HASH (check prints them after replay:)`},
	} {
		code, _, stderr := trapline(t, strings.Fields(c.args)...)
		stderr = regexp.MustCompile(`\.trapline-\d+`).ReplaceAllString(stderr, ".trapline-*")
		if want := "trapline: " + c.want + "\n"; code != exitMistake || stderr != want {
			t.Errorf("trapline %s: exit %d\n got %s\nwant %s", c.args, code, stderr, want)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("interrupt signal received"))
	code, stdout, _ := traplineWith(ctx, fakeCatalogue(), "check")
	if code != exitInterrupted || !strings.Contains(stdout, "incomplete: interrupt signal received\n") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

func TestFaults(t *testing.T) {
	for name, program := range map[string]sim.Program{
		"a panic": func(*sim.Machine) { panic("out of order") },
		"chance":  chance(),
	} {
		c := fakeCatalogue()
		c.open = func(string, string) (p probed, pairs []*pair, err error) {
			return p, []*pair{{scenario: "lost-wakeup", design: "2003-liar", program: program, held: func(*explore.Result) error { return nil }}}, nil
		}
		code, _, stderr := traplineWith(context.Background(), c, "check", "--selfcheck")
		if code != exitFault || !strings.HasPrefix(stderr, "trapline: check lost-wakeup/2003-liar: ") {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
}

// probed is program, where a variable has that name.
type probed = program

// chance is a program that does something else each time.
func chance() sim.Program {
	n := 0
	return func(m *sim.Machine) {
		var w sim.Word[int]
		w.Init(m.Setup(), "w", 0)
		n++
		times := n
		m.Go("t", func(k *sim.K) {
			for range times {
				w.Read(k)
			}
		})
	}
}

func TestOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if code, stdout, stderr := trapline(t, "check", "--out", dir, "--elf", "prog", "--symbol", "main"); code != exitViolation {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), "lost-wakeup.2002-careless.1.txtar lost-wakeup.2003-liar.1.txtar"; got != want {
		t.Fatalf("files %s, want %s", got, want)
	}
	text, err := os.ReadFile(filepath.Join(dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("-- program --\nelf prog\nsymbol main\noffset 0x40\n")) || !bytes.Contains(text, []byte("        preempted: by waker\n")) {
		t.Errorf("got\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := trapline(t, "check", "--out", file); code != exitMistake || !strings.HasPrefix(stderr, "trapline: --out "+file+": ") {
		t.Errorf("a file for a folder: exit %d, %s", code, stderr)
	}
}

func TestReplayCommandNamesTheProgram(t *testing.T) {
	_, stdout, _ := trapline(t, "check", "--elf", "prog", "--symbol", "main", "lost-wakeup/2002-careless")
	if want := "\nreplay: trapline replay --elf 'prog' --symbol 'main' 'lost-wakeup/2002-careless:v1:"; !strings.Contains(stdout, want) {
		t.Errorf("no %q in\n%s", want, stdout)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	var stderr bytes.Buffer
	code := runWith(context.Background(), fakeCatalogue(), []string{"list"}, full{}, &stderr)
	if want := "trapline: write the output: no space left on device\n"; code != exitFault || stderr.String() != want {
		t.Errorf("exit %d, %s", code, stderr.String())
	}
	stderr.Reset()
	code = runWith(context.Background(), fakeCatalogue(), []string{"check", "2002-careless"}, full{}, &stderr)
	if want := "trapline: write the output: no space left on device\n"; code != exitViolation || stderr.String() != want {
		t.Errorf("a finding: exit %d, %s", code, stderr.String())
	}
}

// What was found is shown though it does not get into its file.
func TestFindingsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lost-wakeup.2002-careless.1.txtar"), 0o755); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := trapline(t, "check", "--out", dir, "lost-wakeup/2002-careless")
	if code != exitMistake || !strings.Contains(stdout, "INFO: task hung in fake_wait") || !strings.HasPrefix(stderr, "trapline: --out "+dir+": ") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestShowIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, _ := traplineWith(ctx, fakeCatalogue(), "show", "lost-wakeup"); code != exitInterrupted {
		t.Errorf("exit %d", code)
	}
}
