package conform

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"trapline/probes/uprobes/defects"
)

// filterSession is a scenario in which a filter comes and goes, with what Linux makes of
// each step by its sources.
const filterSession = `{"name": "filters", "prog": "basic", "steps": [
 {"op": "define", "line": "p:emu/a {add3} a=%di:s64 n=$comm:string", "resolved": "p:emu/a /oracle/bin/basic:0x124b a=%di:s64 n=$comm:string", "errno": 0},
 {"op": "filter", "event": "a", "filter": "a == 2", "errno": 0},
 {"op": "enable", "event": "a", "errno": 0},
 {"op": "start", "argv": ["basic"], "out": ["ready"]},
 {"op": "cmd", "c": "a", "out": ["add3=14"], "hits": 0, "trace": []},
 {"op": "cmd", "c": "A", "out": ["5xadd3=40"], "hits": 1, "trace": ["basic-P1 a: (0x40124b) a=2 n=\"basic\""]},
 {"op": "filter", "event": "emu/a", "expr": "n ~ \"ba*\" && (a > 3 || a == 0)", "errno": 0},
 {"op": "cmd", "c": "A", "out": ["5xadd3=40"], "hits": 2, "trace": ["basic-P1 a: (0x40124b) a=0 n=\"basic\"", "basic-P1 a: (0x40124b) a=4 n=\"basic\""]},
 {"op": "filter", "event": "a", "filter": "b == 2", "errno": "EINVAL", "log": {"msg": "Field not found", "col": 2}},
 {"op": "cmd", "c": "a", "out": ["add3=14"], "hits": 1, "trace": ["basic-P1 a: (0x40124b) a=1 n=\"basic\""]},
 {"op": "filter", "event": "a", "filter": "(a == 2", "errno": "ENOENT"},
 {"op": "filter", "event": "a", "filter": "a == 9", "errno": 0},
 {"op": "filter", "event": "a", "filter": "0", "errno": 0},
 {"op": "filter", "filter": "a == 9", "errno": 0},
 {"op": "cmd", "c": "a", "out": ["add3=14"], "hits": 0, "trace": []},
 {"op": "peek", "sym": "add3+1", "n": 2, "bytes": "8d04"},
 {"op": "peek", "addr": "0x40124b", "n": 1, "bytes": "cc"},
 {"op": "filter", "event": "none", "filter": "a == 9", "errno": "ENOENT"},
 {"op": "finish", "exit": 0, "trace": []},
 {"op": "trace_buffer_at_end", "lines": 4}],
 "trace": ["basic-P1 a: (0x40124b) a=2 n=\"basic\"", "basic-P1 a: (0x40124b) a=0 n=\"basic\"", "basic-P1 a: (0x40124b) a=4 n=\"basic\"", "basic-P1 a: (0x40124b) a=1 n=\"basic\""],
 "profile": {"a": 13}}`

func TestFilterSteps(t *testing.T) {
	var out strings.Builder
	res, err := Scenario([]byte(filterSession), programFiles(t), &out, defects.Linux618)
	if err != nil || res.Wrong != 0 {
		t.Errorf("%+v, %v\n%s", res, err, out.String())
	}
	changed := strings.Replace(filterSession, `"filter": "a == 2"`, `"filter": "a == 1"`, 1)
	out.Reset()
	res, err = Scenario([]byte(changed), programFiles(t), &out, defects.Linux618)
	if err != nil || res.Wrong != 1 || !strings.Contains(out.String(), "step 5, cmd a: 1 hits, the kernel 0") {
		t.Errorf("another filter: %+v, %v\n%s", res, err, out.String())
	}
}

// TestOddScenarios performs steps that no capture has: each is told of.
func TestOddScenarios(t *testing.T) {
	for steps, want := range map[string]string{
		`{"op": "start", "argv": ["basic"], "out": "ready"}, {"op": "cmd", "c": ""}, {"op": "finish"}`: "a command is one byte",
		`{"op": "start", "argv": []}`:         "no program is named",
		`{"op": "start", "argv": ["nosuch"]}`: "the program nosuch is not there",
		`{"op": "dance"}`:                     "is not known",
		`{"op": "run", "argv": []}`:           "no program",
		`{"op": "start", "argv": ["basic"], "out": "ready"}, {"op": "start", "argv": ["basic"]}, {"op": "finish"}`:           "another program is running",
		`{"op": "start", "argv": ["basic"], "out": "ready"}, {"op": "peek", "sym": "nosuch", "n": 1}, {"op": "finish"}`:      "there is no symbol nosuch",
		`{"op": "start", "argv": ["basic"], "out": "ready"}, {"op": "peek", "sym": "add3+x", "n": 1}, {"op": "finish"}`:      `"x" is no offset`,
		`{"op": "start", "argv": ["basic"], "out": "ready"}, {"op": "peek", "addr": "0", "n": -1}, {"op": "finish"}`:         "-1 bytes",
		`{"op": "start", "argv": ["basic_pie"], "out": "ready"}, {"op": "peek", "sym": "add3", "n": 4, "bytes": "488d0477"}`: "",
	} {
		var out strings.Builder
		res, err := Scenario([]byte(`{"name": "odd", "prog": "basic", "steps": [`+steps+`]}`), programFiles(t), &out, defects.Linux618)
		if err != nil || !strings.Contains(out.String(), want) || res.Wrong == 0 != (want == "") {
			t.Errorf("%s: %+v, %v\n%s", steps, res, err, out.String())
		}
	}
}

// FuzzScenario performs short sessions: whatever a file says, an answer comes.
func FuzzScenario(f *testing.F) {
	f.Add([]byte(`{"steps": [{"op": "define", "resolved": "p:emu/a /oracle/bin/basic:0x1 %di", "errno": 0}, {"op": "enable", "event": "a"}]}`))
	f.Add([]byte(`{"steps": [{"op": "filter", "event": "a", "filter": "x"}, {"op": "undefine", "event": "g/a"}, {"op": "maps"}, {"op": "smaps"}]}`))
	f.Add([]byte(`{"steps": [{"op": "format", "event": "a"}, {"op": "peek", "sym": "x"}, {"op": "run"}, {"op": "other"}, {"op": "finish"}, {"op": "cmd"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out strings.Builder
		res, err := Scenario(data, nothing{}, &out, defects.Linux618)
		if err == nil && res.Cases != 1 {
			t.Errorf("%+v", res)
		}
	})
}

// FuzzCaptures reads the other kinds.
func FuzzCaptures(f *testing.F) {
	f.Add([]byte("group\tbytes\tresult\tx\nop1\t90\tok\tcc\n"))
	f.Add([]byte(`[{"steps": [{"write": "p:g/e @/bin/basic:1 %ax", "errno": 0}], "uprobe_events": ["x"], "format": {"g/e": []}}]`))
	f.Add([]byte(`{"prog": "insn", "name": "x", "asm": "nop", "run": false, "bytes": "90"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		data, kind, err := Unpack(data)
		if err != nil || len(data) > 1<<16 {
			return
		}
		var out strings.Builder
		switch kind {
		case SequencesKind:
			_, _ = Sequences(data, &out)
		case PatternsKind:
			_, _ = Patterns(data, &out, defects.Linux618)
		case SitesKind:
			_, _ = Sites(data, nothing{}, &out, defects.Linux618)
		case ScenarioKind:
			_, _ = Scenario(data, nothing{}, &out, defects.Linux618)
		case Unknown:
		}
	})
}

// nothing is a directory with one file, which is no program.
type nothing struct{}

func (nothing) Open(name string) (fs.File, error) {
	return fstest.MapFS{"insn": &fstest.MapFile{Data: []byte("no program")}}.Open(name)
}
