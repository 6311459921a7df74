package conform

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/live"
)

// A scenario is a session with one program, or several one after the other.
type scenario struct {
	Name, Prog string
	Steps      []step
	Trace      []string
	Profile    map[string]uint64
}

// A step is one thing that was done, and what the kernel made of it. Which fields
// it has depends on Op.
type step struct {
	Op, Line, Resolved, Event, Group, C, Sym, Addr, Bytes, Tag string
	Errno                                                      any // 0, or a name
	Log                                                        *logged
	Argv, Trace, Special, Text, Out                            texts
	Hits, Exit, N, Lines                                       int
	Filter, Expr, Value                                        string // a filter has one of the three, or Line
	live.Memory
}

type logged struct {
	Msg string
	Col int
}

// texts is a list of lines, which a single one may stand for.
type texts []string

// UnmarshalJSON takes a list or a string.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// Scenario performs a scenario with the programs of a directory.
func Scenario(data []byte, programs fs.FS, w io.Writer, d defects.Set) (Result, error) {
	var s scenario
	if err := json.Unmarshal(data, &s); err != nil {
		return Result{}, fmt.Errorf("scenario: %w", err)
	}
	if len(s.Steps) == 0 {
		return Result{}, fmt.Errorf("scenario %s: it has no steps", s.Name)
	}
	for _, st := range s.Steps {
		if len(st.Argv) > 0 {
			if _, err := fs.Stat(programs, st.Argv[0]); err != nil {
				_, werr := fmt.Fprintf(w, "%s: the program %s is not there: %v\n", s.Name, st.Argv[0], err)
				return Result{Cases: 1, Wrong: 1}, werr
			}
		}
	}
	p := &player{scenario: &s, reporter: reporter{w: w}, m: newMachine(programs, d)}
	p.begin()
	p.play(nil)
	p.lastly()
	return p.res, p.err
}

// A player performs the steps of a scenario one after the other. While a program
// runs, it goes on whenever the program asks for input.
type player struct {
	*scenario
	reporter
	m    *machine
	at   int      // the next step
	open *step    // whose output is still to come: it has started the program or sent a command
	from int      // the first line of the trace that belongs to it
	seen []string // the trace but for what came before programs were ready

	running string // the program that was started last
}

func (p *player) wrong(st *step, format string, args ...any) {
	what := st.Op
	switch {
	case st.Resolved != "":
		what += " " + st.Resolved
	case st.Event != "":
		what += " " + st.Event
	case st.C != "":
		what += " " + st.C
	}
	p.differ("%s: step %d, %.120s: %s", p.Name, p.at, what, fmt.Sprintf(format, args...))
}

// play performs steps. With a session it returns at the next command, or false at
// the end of the input.
func (p *player) play(s *session) (command byte, ok bool) {
	p.close(s)
	for p.at < len(p.Steps) {
		st := &p.Steps[p.at]
		p.at++
		switch {
		case st.Op == "start" && s != nil:
			p.wrong(st, "another program is running")
		case st.Op == "start":
			p.start(st)
		case st.Op == "cmd" && s != nil:
			if len(st.C) != 1 {
				p.wrong(st, "a command is one byte")
				continue
			}
			p.open, p.from = st, len(p.m.lines)
			return st.C[0], true
		case st.Op == "finish" && s != nil:
			p.open, p.from = st, len(p.m.lines)
			return 'q', true
		case st.Op == "cmd" || st.Op == "finish": // the program is gone
			p.texts(st, "output", nil, st.Out)
		default:
			p.perform(st)
		}
	}
	return 0, false
}

// start runs a program, which comes back here whenever it reads.
func (p *player) start(st *step) {
	s := &session{}
	s.next = func() (byte, bool) { return p.play(s) }
	if len(st.Argv) == 0 {
		p.wrong(st, "no program is named")
		return
	}
	p.running = st.Argv[0]
	p.open, p.from = st, len(p.m.lines)
	p.m.run(s, st.Argv)
	p.close(s)
	for p.at < len(p.Steps) && p.Steps[p.at].Op == "cmd" { // sent to nobody
		p.at++
		p.texts(&p.Steps[p.at-1], "output", nil, p.Steps[p.at-1].Out)
	}
	if p.at < len(p.Steps) && p.Steps[p.at].Op == "finish" {
		p.at++
		p.exit(&p.Steps[p.at-1], s, nil)
	}
}

// close compares what the open step has led to.
func (p *player) close(s *session) {
	st := p.open
	if st == nil {
		return
	}
	p.open = nil
	out := s.output()
	trace := p.m.recorded(p.from)
	p.from = len(p.m.lines)
	if st.Op != "start" {
		p.seen = append(p.seen, trace...)
	}
	switch st.Op {
	case "finish":
		p.exit(st, s, trace)
	case "start":
		p.texts(st, "output", out, st.Out)
	default:
		p.texts(st, "output", out, st.Out)
		if len(trace) != st.Hits {
			p.wrong(st, "%d hits, the kernel %d", len(trace), st.Hits)
		}
		p.traces(st, trace, st.Trace)
	}
}

// exit compares the end of a program.
func (p *player) exit(st *step, s *session, trace []string) {
	switch {
	case s.err != nil:
		p.wrong(st, "%v", s.err)
	case s.exit != st.Exit:
		p.wrong(st, "exit status %d, the kernel %d", s.exit, st.Exit)
	}
	p.traces(st, trace, st.Trace)
}

// perform does a step that needs no program.
func (p *player) perform(st *step) {
	k := p.m.kernel
	switch st.Op {
	case "define":
		p.define(st)
	case "enable", "disable":
		p.errno(st, k.Enable(st.Event, st.Op == "enable"))
	case "enable_group", "disable_group":
		p.errno(st, k.EnableGroup(cmp.Or(st.Group, group), st.Op == "enable_group"))
	case "undefine":
		p.errno(st, k.Write(st.removal()))
	case "filter":
		before := k.Registry().Logged()
		p.errno(st, p.filter(st))
		if st.Log != nil {
			p.log(st, before)
		}
	case "peek":
		p.peek(st)
	case "maps":
		p.texts(st, "mappings", k.Special(), st.Special)
	case "smaps":
		if got := k.TextMemory(); got != st.Memory {
			p.wrong(st, "%+v, the kernel %+v", got, st.Memory)
		}
	case "format":
		p.format(st)
	case "run", "other":
		p.runOther(st)
	case "trace_buffer_at_end":
		if got := len(k.Trace()); got != st.Lines {
			p.wrong(st, "%d lines, the kernel %d", got, st.Lines)
		}
	default:
		p.wrong(st, "what this step does is not known")
	}
}

// maxPeek is the most bytes that a step looks at.
const maxPeek = 1 << 20

// group is that of the events of the captures.
const group = "emu"

// removal is the line that removes the event.
func (st *step) removal() string {
	switch {
	case st.Resolved != "":
		return st.Resolved
	case strings.Contains(st.Event, "/"):
		return "-:" + st.Event
	}
	return "-:" + cmp.Or(st.Group, group) + "/" + st.Event
}

// filter writes a filter, of an event or of all events of the group.
func (p *player) filter(st *step) error {
	text := cmp.Or(st.Filter, st.Expr, st.Value, st.Line)
	if st.Event == "" {
		return p.m.kernel.FilterGroup(cmp.Or(st.Group, group), text)
	}
	return p.m.kernel.Filter(st.Event, text)
}

func (p *player) errno(st *step, err error) {
	if got, want := verdict(err), fmt.Sprint(st.Errno); got != want {
		p.wrong(st, "%s, the kernel %s", got, want)
	}
}

func (p *player) define(st *step) {
	before := p.m.kernel.Registry().Logged()
	p.errno(st, p.m.kernel.Write(cmp.Or(st.Resolved, st.Line)))
	p.log(st, before)
}

// log compares what a step has put into error_log.
func (p *player) log(st *step, before int) {
	got, want := "nothing", "nothing"
	if last := p.m.kernel.Registry().Since(before); last != nil {
		got = fmt.Sprintf("%q at %d", last.Text, last.Column)
	}
	if st.Log != nil {
		want = fmt.Sprintf("%q at %d", st.Log.Msg, st.Log.Col)
	}
	if got != want {
		p.wrong(st, "error_log has %s, the kernel's %s", got, want)
	}
}

func (p *player) peek(st *step) {
	content, err := fs.ReadFile(p.m.programs, p.running)
	if err != nil {
		p.wrong(st, "%v", err)
		return
	}
	addr, relocatable, err := address(content, cmp.Or(st.Sym, st.Addr))
	if err != nil {
		p.wrong(st, "%v", err)
		return
	}
	if relocatable {
		addr += p.m.kernel.Base(programDir + p.running)
	}
	if st.N < 0 || st.N > maxPeek {
		p.wrong(st, "%d bytes cannot be looked at", st.N)
		return
	}
	b := make([]byte, cmp.Or(st.N, len(st.Bytes)/2))
	if err := p.m.kernel.Peek(addr, b); err != nil {
		p.wrong(st, "%v", err)
	} else if got := hex.EncodeToString(b); got != st.Bytes {
		p.wrong(st, "%s, the kernel %s", got, st.Bytes)
	}
}

// format compares the file format of an event from the line "format:" on.
func (p *player) format(st *step) {
	e := p.m.kernel.Registry().Event(group, st.Event)
	if e == nil {
		p.wrong(st, "there is no such event")
		return
	}
	_, text, _ := strings.Cut(e.Format(0), "\nformat:")
	p.texts(st, "format", strings.Split(strings.TrimSuffix("format:"+text, "\n"), "\n"), st.Text)
}

// runOther runs another program to its end, while the first one waits.
func (p *player) runOther(st *step) {
	argv, input := st.Argv, ""
	if st.Op == "other" {
		argv, input = p.which(st.Out)
	}
	if len(argv) == 0 {
		p.wrong(st, "no program prints this")
		return
	}
	from := len(p.m.lines)
	s := &session{next: feed(input)}
	p.m.run(s, argv)
	p.seen = append(p.seen, p.m.recorded(from)...)
	p.from = len(p.m.lines)
	if s.err != nil {
		p.wrong(st, "%v", s.err)
	}
	if st.Op == "run" {
		p.texts(st, "output", s.output(), st.Out)
		if s.exit != st.Exit {
			p.wrong(st, "exit status %d, the kernel %d", s.exit, st.Exit)
		}
		p.traces(st, p.m.recorded(from), st.Trace)
		return
	}
	p.texts(st, "output", s.output(), append(append([]string{"ready"}, st.Out...), "bye"))
}

// feed is an input.
func feed(input string) func() (byte, bool) {
	return func() (byte, bool) {
		if input == "" {
			return 0, false
		}
		c := input[0]
		input = input[1:]
		return c, true
	}
}

// which finds the program and the command that print a line: captures say only
// what was printed.
func (p *player) which(out []string) (argv []string, input string) {
	var progs []string
	for _, st := range p.Steps {
		file, _, ok := strings.Cut(strings.TrimPrefix(strings.Join(slices.Concat(strings.Fields(st.Resolved), []string{"", ""})[1:2], ""), programDir), ":")
		if ok && !slices.Contains(progs, file) {
			progs = append(progs, file)
		}
	}
	for _, prog := range progs {
		for c := byte('a'); c <= 'z'; c++ {
			s := &session{next: feed(string(c) + "q")}
			newMachine(p.m.programs, defects.Fixed).run(s, []string{prog})
			if s.err == nil && slices.Equal(s.output(), append(append([]string{"ready"}, out...), "bye")) {
				return []string{prog}, string(c) + "q"
			}
		}
	}
	return nil, ""
}

// lastly compares what was there at the end.
func (p *player) lastly() {
	p.at = len(p.Steps)
	end := &step{Op: "end"}
	p.traces(end, p.seen, p.Trace)
	hits := map[string]uint64{}
	for _, pr := range p.m.kernel.Registry().Probes() {
		hits[pr.Event.Name] += pr.Hits
	}
	if !maps.Equal(hits, p.Profile) {
		p.wrong(end, "uprobe_profile has %v, the kernel's %v", hits, p.Profile)
	}
}
