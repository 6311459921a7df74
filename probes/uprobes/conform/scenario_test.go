package conform

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"trapline/probes/uprobes/defects"
)

// programFiles are the programs of the captures.
func programFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, pattern := range []string{"testdata/bin/*.gz", "../insn/testdata/insn*.gz"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			packed, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimSuffix(filepath.Base(name), ".gz")] = &fstest.MapFile{Data: content, Mode: 0o755}
		}
	}
	return files
}

// absent lists the scenarios whose program is not among the captures: it was built
// with the C library of their machine.
var absent = []string{"prog_hello_musl", "prog_start_ret"}

// addMusl builds that program. It is left out where there is no musl, or another one,
// which puts its functions elsewhere.
func addMusl(t *testing.T, files fstest.MapFS) bool {
	t.Helper()
	cc, err := exec.LookPath("musl-gcc")
	if err != nil {
		return false
	}
	source, out := filepath.Join(t.TempDir(), "hello.c"), filepath.Join(t.TempDir(), "hello_musl")
	const text = "#include <stdio.h>\nint main(void) { printf(\"hello %d\\n\", 42); return 0; }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(cc, "-static", "-O1", "-o", out, source).CombinedOutput(); err != nil {
		t.Logf("%s: %v\n%s", cc, err, msg)
		return false
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{"_start": 0x40102b, "main": 0x401139, "printf": 0x4014c0, "static_init_tls": 0x403d60}
	for _, s := range symbols {
		if want[s.Name] == s.Value {
			delete(want, s.Name)
		}
	}
	files["hello_musl"] = &fstest.MapFile{Data: content, Mode: 0o755}
	return len(want) == 0
}

// TestAgreement performs every capture and prints how many agree.
func TestAgreement(t *testing.T) {
	files := programFiles(t)
	total := 0
	row := func(what string, res Result, out string, err error) {
		t.Logf("%-24s %6d cases %6d differ", what, res.Cases, res.Wrong)
		if err != nil || res.Wrong > 0 || res.Cases == 0 {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
		total += res.Cases
	}
	var out strings.Builder
	res, err := Sequences(unpack(t, "../events/testdata/parse.json", SequencesKind), &out)
	row("sequences of definitions", res, out.String(), err)
	out.Reset()
	res, err = Patterns(unpack(t, "../insn/testdata/sweep.tsv.gz", PatternsKind), &out, defects.Linux618)
	row("patterns of first bytes", res, out.String(), err)
	out.Reset()
	res, err = Sites(unpack(t, "../insn/testdata/sites.jsonl.gz", SitesKind), files, &out, defects.Linux618)
	row("instruction sites", res, out.String(), err)
	t.Logf("  of these not executed      %6d: values vary, or CPUID says that there is no such instruction", res.Unexecuted)
	if res.Unexecuted == 0 || res.Unexecuted > 90 {
		t.Errorf("%d sites were not executed", res.Unexecuted)
	}
	musl := addMusl(t, files)
	names, err := filepath.Glob("testdata/scn/*.json")
	if err != nil || len(names) != 44 {
		t.Fatalf("%d scenarios: %v", len(names), err)
	}
	for _, name := range names {
		short := strings.TrimSuffix(filepath.Base(name), ".json")
		if !musl && slices.Contains(absent, short) {
			t.Logf("%-24s its program is not among the captures, and this machine's musl is another one", short)
			continue
		}
		out.Reset()
		res, err := Scenario(unpack(t, name, ScenarioKind), files, &out, defects.Linux618)
		row(short, res, out.String(), err)
	}
	t.Logf("%d cases", total)
}

// TestDifferencesOfScenariosAreTold changes a capture and expects a line.
func TestDifferencesOfScenariosAreTold(t *testing.T) {
	data := unpack(t, "testdata/scn/running.json", ScenarioKind)
	for _, c := range []struct{ old, changed, want string }{
		{`"add3=14"`, `"add3=15"`, `output, line 1: "add3=14", the kernel "add3=15"`},
		{`"cc8d0477488d1452"`, `"488d0477488d1452"`, "peek: cc8d0477488d1452, the kernel 488d0477488d1452"},
		{`"EBUSY"`, "0", "undefine b: EBUSY, the kernel 0"},
		{`"hits": 2`, `"hits": 3`, "2 hits, the kernel 3"},
		{`"a": 5`, `"a": 6`, "uprobe_profile has"},
	} {
		changed := strings.Replace(string(data), c.old, c.changed, 1)
		if changed == string(data) {
			t.Fatalf("%s is not there", c.old)
		}
		var out strings.Builder
		res, err := Scenario([]byte(changed), programFiles(t), &out, defects.Linux618)
		if err != nil || res.Wrong != 1 || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %+v, %v\n%s", c.changed, res, err, out.String())
		}
	}
}
