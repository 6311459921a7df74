package conform

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
)

func unpack(t *testing.T, name string, want Kind) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data, kind, err := Unpack(data)
	if err != nil || kind != want {
		t.Fatalf("%s: kind %d, %v", name, kind, err)
	}
	return data
}

func TestCapturesConform(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    Kind
		cases   int
		perform func(data []byte, w *strings.Builder) (Result, error)
	}{
		{"../events/testdata/parse.json", SequencesKind, 208, func(data []byte, w *strings.Builder) (Result, error) {
			return Sequences(data, w)
		}},
		{"../insn/testdata/sweep.tsv.gz", PatternsKind, 14644, func(data []byte, w *strings.Builder) (Result, error) {
			return Patterns(data, w, defects.Linux618)
		}},
	} {
		var out strings.Builder
		res, err := c.perform(unpack(t, c.name, c.kind), &out)
		if err != nil || res != (Result{Cases: c.cases}) {
			t.Errorf("%s: %+v, %v\n%s", c.name, res, err, out.String())
		}
	}
	unpack(t, "../insn/testdata/sites.jsonl.gz", SitesKind)
	unpack(t, "../events/testdata/fetchargs.json", ScenarioKind)
}

func TestDifferencesAreTold(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"errno", `[{"steps": [{"write": "p @/bin/basic:0x1 %no", "errno": 0, "log": {"msg": "Invalid register name", "col": 24}}]}]`,
			`sequence 0: write "p /oracle/bin/basic:0x1 %no": EINVAL, the kernel 0`},
		{"column", `[{"steps": [{"write": "p @/bin/basic:0x1 %no", "errno": "EINVAL", "log": {"msg": "Invalid register name", "col": 3}}]}]`,
			`sequence 0: write "p /oracle/bin/basic:0x1 %no": error_log has "Invalid register name" at 24, the kernel's "Invalid register name" at 3`},
		{"lines", `[{"steps": []}, {"steps": [{"write": "p:g/e @/bin/xol:1", "errno": 0}], "format": {"g/e": []}}]`,
			`sequence 1: uprobe_events, line 1: "p:g/e /oracle/bin/xol:0x0000000000000001", the kernel nothing` + "\n" +
				`sequence 1: format of g/e, line 1: "\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;", the kernel nothing`},
		{"events", `[{"steps": [{"write": "p:g/e @/bin/xol:1", "errno": 0}], "uprobe_events": ["p:g/e @/bin/xol:0x0000000000000001"], "format": {"g/f": []}}]`,
			"sequence 0: there is no event g/f, the kernel has it\nsequence 0: there is an event g/e, the kernel has none"},
	} {
		var out strings.Builder
		res, err := Sequences([]byte(c.data), &out)
		if err != nil || res.Wrong != 1 || strings.TrimSuffix(out.String(), "\n") != c.want {
			t.Errorf("%s: %+v, %v\n%s", c.name, res, err, out.String())
		}
	}
	var out strings.Builder
	res, err := Patterns([]byte("group\tbytes\tresult\tfirst\nop1\tf4\tok\tcc\nop1\t90\tok\tcc\nvex\tc5f877\tok\tcc\n"), &out, defects.Fixed)
	if want := "pattern op1 f4: ENOTSUPP, the kernel ok\n"; err != nil || res != (Result{Cases: 3, Wrong: 1}) || out.String() != want {
		t.Errorf("%+v, %v\n%s", res, err, out.String())
	}
}

func TestBadDataIsRefused(t *testing.T) {
	for _, data := range []string{"{", `{"steps": []}`, `{"asm": 1}`, `{"asm": "nop", "prog": "none"}`, "[{]", "group\tbytes\tresult\tx\nop1\tzz\tok\t1", "group\tbytes\tresult\tx\nop1", "\x1f\x8bno"} {
		unpacked, kind, err := Unpack([]byte(data))
		if err == nil {
			switch kind {
			case SequencesKind:
				_, err = Sequences(unpacked, &strings.Builder{})
			case PatternsKind:
				_, err = Patterns(unpacked, &strings.Builder{}, defects.Fixed)
			case ScenarioKind:
				_, err = Scenario(unpacked, nothing{}, &strings.Builder{}, defects.Fixed)
			case SitesKind:
				_, err = Sites(unpacked, nothing{}, &strings.Builder{}, defects.Fixed)
			case Unknown:
			}
		}
		if err == nil {
			t.Errorf("%q was taken", data)
		}
	}
}

func TestUnpack(t *testing.T) {
	if _, kind, err := Unpack([]byte("nothing")); kind != Unknown || err != nil {
		t.Errorf("nothing: %v, %v", kind, err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range maxUncompressed>>20 + 1 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if data, _, err := Unpack(packed.Bytes()); err == nil {
		t.Errorf("%d bytes were made of %d", len(data), packed.Len())
	}
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"/oracle/bin/basic": "0", "bin/basic": "0", "/oracle/bin/../bin//basic": "0", "./bin/basic": "0", "/oracle/bin/basic/": "ENOTDIR",
		"/oracle/bin/basic/x": "ENOTDIR", "/nonexistent": "ENOENT", "": "ENOENT", "/oracle/bin": "0", "/dev/null": "0", "basic": "ENOENT",
	} {
		f, err := captured{}.Lookup(name)
		if verdict(err) != want {
			t.Errorf("%q: %v", name, err)
		}
		if regular := strings.HasSuffix(name, "basic"); err == nil && f.Regular != regular {
			t.Errorf("%q: regular %v", name, f.Regular)
		}
	}
}
