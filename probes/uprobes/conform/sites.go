package conform

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"trapline/probes/uprobes/defects"
)

// A site is an instruction of a program, and what the kernel did with a probe on it:
// one that was there before the program, and one that came while it waited.
type site struct {
	Prog, Name, Asm, Addr, Offset, Bytes string
	Run                                  bool
	DefErrno                             any `json:"def_errno"`
	Plain                                siteRun
	Cold                                 struct {
		siteRun
		Errno any    `json:"enable_errno"`
		Text  string `json:"text"`
		After string `json:"text_after"`
		Trace []string
	}
	Warm struct {
		Errno    any    `json:"enable_errno"`
		Before   string `json:"text0"`
		Enabled  string `json:"text_enabled"`
		Runs     []siteRun
		Disabled string  `json:"text_disabled"`
		Out      *string `json:"out_disabled"`
		Exit     int
		Trace    []string
	}
}

type siteRun struct {
	Out  *string
	Text string
	Maps []string
	Hits int
	Exit int
}

// Sites performs instructions, a JSON object a line, with the programs of a
// directory. The execution does not count where the processor of the captures has
// instructions that the simulated one reports not to have, nor of values that vary,
// nor do flags that an instruction leaves undefined.
// The sites were captured with 6.18.44, which puts an optimised nop back.
func Sites(data []byte, programs fs.FS, w io.Writer, d defects.Set) (Result, error) {
	r := &reporter{w: w}
	d &^= defects.CallStays
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var s site
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return r.res, fmt.Errorf("instruction sites, line %d: %w", n, err)
		}
		if _, err := fs.Stat(programs, s.Prog); err != nil {
			return r.res, fmt.Errorf("instruction sites, line %d: the program %s is not there: %w", n, s.Prog, err)
		}
		r.begin()
		p := &sitePlayer{site: &s, r: r, programs: programs, defects: d}
		p.perform()
	}
	if err := lines.Err(); err != nil {
		return r.res, fmt.Errorf("instruction sites: %w", err)
	}
	return r.res, r.err
}

type sitePlayer struct {
	*site
	r        *reporter
	programs fs.FS
	defects  defects.Set
	skip     bool // the execution does not count
}

func (p *sitePlayer) wrong(what, got, want string) {
	if got != want {
		p.r.differ("site %s: %s: %.400s, the kernel %.400s", p.Name, what, got, want)
	}
}

func (p *sitePlayer) perform() {
	if p.Run {
		m := newMachine(p.programs, p.defects)
		s := &session{next: feed("")}
		m.run(s, []string{p.Prog, p.Name})
		out := strings.Join(s.output(), "\n")
		switch {
		case strings.Contains(text(p.Plain.Out), "(values vary)"), p.isBeyond(out, s.exit):
			p.skip = true
			p.r.res.Unexecuted++
		case p.compare(out) != p.compare(text(p.Plain.Out)) || s.exit != p.Plain.Exit:
			p.skip = true
			p.wrong("without a probe", fmt.Sprintf("%s, exit status %d", out, s.exit), fmt.Sprintf("%s, exit status %d", text(p.Plain.Out), p.Plain.Exit))
		}
	}
	p.cold()
	p.warm()
}

// define makes the event of the captures.
func (p *sitePlayer) define(m *machine) {
	line := "p:emu/s /oracle/bin/" + p.Prog + ":" + p.Offset + " ip=%ip sp=%sp flags=%flags"
	for _, name := range strings.Fields("ax bx cx dx si di bp r8 r9 r10 r11 r12 r13 r14 r15 cs ss") {
		line += " " + name + "=%" + name
	}
	p.wrong("definition", verdict(m.kernel.Write(line)), fmt.Sprint(p.DefErrno))
}

// peek is the text at the site.
func (p *sitePlayer) peek(m *machine) string {
	addr, _ := strconv.ParseUint(strings.TrimPrefix(p.Addr, "0x"), 16, 64)
	b := make([]byte, 16)
	if m.kernel.Peek(addr, b) != nil {
		return ""
	}
	return hex.EncodeToString(b)
}

// cold has the probe enabled before the program starts.
func (p *sitePlayer) cold() {
	m := newMachine(p.programs, p.defects)
	p.define(m)
	p.wrong("enabling before the start", verdict(m.kernel.Enable("s", true)), fmt.Sprint(p.Cold.Errno))
	s := &session{}
	at := 0
	var out string
	s.next = func() (byte, bool) {
		at++
		switch at {
		case 1:
			s.output()
			p.wrong("text of a new process", p.peek(m), p.Cold.Text)
			if p.Run {
				return 'r', true
			}
		case 2:
			out = strings.Join(s.output(), "\n")
			if !p.skip {
				p.wrong("text after the run", p.peek(m), p.Cold.After)
				p.wrong("mappings", strings.Join(m.kernel.Special(), " "), strings.Join(p.Cold.Maps, " "))
			}
		}
		return 'q', true
	}
	m.run(s, []string{p.Prog, "-w", p.Name})
	if p.skip || !p.Run {
		return
	}
	p.wrong("output", p.compare(out), p.compare(text(p.Cold.Out)))
	p.wrong("hits", fmt.Sprint(len(m.lines)), fmt.Sprint(p.Cold.Hits))
	p.wrong("exit status", fmt.Sprint(s.exit), fmt.Sprint(p.Cold.Exit))
	p.wrong("trace", siteTrace(m), strings.Join(p.Cold.Trace, "\n"))
}

// warm enables it while the program waits.
func (p *sitePlayer) warm() {
	m := newMachine(p.programs, p.defects)
	p.define(m)
	s := &session{}
	at := -1
	s.next = func() (byte, bool) {
		at++
		out := strings.Join(s.output(), "\n")
		switch {
		case at == 0:
			p.wrong("text before", p.peek(m), p.Warm.Before)
			p.wrong("enabling", verdict(m.kernel.Enable("s", true)), fmt.Sprint(p.Warm.Errno))
			p.wrong("text when enabled", p.peek(m), p.Warm.Enabled)
		case p.skip || !p.Run:
			return 'q', true
		case at <= len(p.Warm.Runs):
			p.compareRun(m, at, out)
		default:
			p.wrong("output when disabled", p.compare(out), p.compare(text(p.Warm.Out)))
			return 'q', true
		}
		if at == len(p.Warm.Runs) {
			_ = m.kernel.Enable("s", false)
			p.wrong("text when disabled", p.peek(m), p.Warm.Disabled)
		}
		return 'r', p.Run
	}
	m.run(s, []string{p.Prog, "-w", p.Name})
	if p.skip || !p.Run {
		return
	}
	p.wrong("exit status", fmt.Sprint(s.exit), fmt.Sprint(p.Warm.Exit))
	p.wrong("trace", siteTrace(m), strings.Join(p.Warm.Trace, "\n"))
}

func (p *sitePlayer) compareRun(m *machine, n int, out string) {
	want := p.Warm.Runs[n-1]
	what := fmt.Sprintf("run %d: ", n)
	p.wrong(what+"output", p.compare(out), p.compare(text(want.Out)))
	p.wrong(what+"text", p.peek(m), want.Text)
	p.wrong(what+"mappings", strings.Join(m.kernel.Special(), " "), strings.Join(want.Maps, " "))
	p.wrong(what+"hits", fmt.Sprint(len(m.lines)), fmt.Sprint(want.Hits))
}

// siteTrace is the trace without names of processes.
func siteTrace(m *machine) string {
	var list []string
	for _, l := range m.lines {
		list = append(list, l.Text)
	}
	return strings.Join(list, "\n")
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// compare is what counts of an output.
func (p *sitePlayer) compare(out string) string {
	return withoutFlags(withoutPID(out), undefinedFlags(p.text()))
}

// withoutPID takes out of an output what depends on the run: the pid in place of the
// address of a SIGTRAP.
func withoutPID(out string) string {
	const before = "signo=5 code=0 addr="
	i := strings.Index(out, before)
	if i < 0 {
		return out
	}
	rest := out[i+len(before):]
	if j := strings.IndexByte(rest, ' '); j >= 0 {
		rest = rest[j:]
	}
	return out[:i+len(before)] + rest
}
