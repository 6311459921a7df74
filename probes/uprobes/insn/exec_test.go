package insn

import (
	"slices"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
)

// budget is more instructions than any site takes.
const budget = 4 << 20

// plain runs a site without a probe.
func (s *site) plain(t *testing.T) *machine {
	m := start(t, s.Prog, defects.Linux618, s.Name)
	m.run(budget)
	return m
}

// cold runs it once with a probe from the beginning, as the captures do.
func (s *site) cold(t *testing.T, d defects.Set) (*machine, []string) {
	m := start(t, s.Prog, d, s.Name)
	lines := traced(t, m, s.Offset)
	_ = m.probe(s.addr(), s.text(t))
	m.run(budget)
	return m, *lines
}

// warm runs it three times in one process.
func (s *site) warm(t *testing.T, d defects.Set) (*machine, []string) {
	m := start(t, s.Prog, d, "-w", s.Name)
	m.in = "rrrq"
	lines := traced(t, m, s.Offset)
	_ = m.probe(s.addr(), s.text(t))
	m.run(budget)
	return m, *lines
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// varies reports whether the output has values that differ between runs.
func varies(out string) bool { return strings.HasSuffix(out, "(values vary)") }

// comparable takes out of an output what depends on the run: the pid in place
// of the address of a SIGTRAP.
func comparableOut(out string) string {
	if i := strings.Index(out, "signo=5 code=0 addr="); i >= 0 {
		j := i + len("signo=5 code=0 addr=")
		k := strings.IndexByte(out[j:], ' ')
		return out[:j] + out[j+k:]
	}
	return out
}

func TestSitesRunAsOnTheKernel(t *testing.T) {
	beyond, ran, vary := []string{}, 0, 0
	for _, s := range sites(t) {
		if !s.Run {
			continue
		}
		if m := s.plain(t); strings.TrimSuffix(m.out.String(), "\n") != text(s.Plain.Out) {
			beyond = append(beyond, s.Name)
			if !varies(text(s.Plain.Out)) {
				t.Logf("plain %s (%s):\n got %d %s\nwant %d %s", s.Name, s.Asm, m.exit, m.out.String(), s.Plain.Exit, text(s.Plain.Out))
			}
			continue
		}
		ran++
		t.Run(s.Name, func(t *testing.T) { s.compare(t) })
	}
	t.Logf("%d ran, %d of them with values that vary; beyond the executor: %v", ran, vary, beyond)
}

func (s *site) compare(t *testing.T) {
	m, trace := s.cold(t, defects.Linux618)
	out := strings.TrimSuffix(m.out.String(), "\n")
	if got, want := comparableOut(out), comparableOut(text(s.Cold.Out)); got != want {
		t.Errorf("cold:\n got %s\nwant %s", got, want)
	}
	if m.hits != s.Cold.Hits || m.exit != s.Cold.Exit {
		t.Errorf("cold: %d hits, exit %d; the kernel has %d, %d", m.hits, m.exit, s.Cold.Hits, s.Cold.Exit)
	}
	if !slices.Equal(trace, s.Cold.Trace) {
		t.Errorf("cold: trace\n%s\nwant\n%s", strings.Join(trace, "\n"), strings.Join(s.Cold.Trace, "\n"))
	}
	m, trace = s.warm(t, defects.Linux618)
	var want []string
	hits := 0
	for _, r := range s.Warm.Runs {
		want = append(want, comparableOut(text(r.Out)))
		hits = r.Hits
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSuffix(m.out.String(), "\n"), "\n") {
		if line != "ready" && line != "bye" {
			got = append(got, comparableOut(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("warm:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	if m.hits != hits {
		t.Errorf("warm: %d hits, the kernel has %d", m.hits, hits)
	}
	if !slices.Equal(trace, s.Warm.Trace) {
		t.Errorf("warm: trace\n%s\nwant\n%s", strings.Join(trace, "\n"), strings.Join(s.Warm.Trace, "\n"))
	}
}
