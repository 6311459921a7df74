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

// comparableOut takes out of an output what depends on the run: the pid in place
// of the address of a SIGTRAP.
func comparableOut(out string) string {
	if i := strings.Index(out, "signo=5 code=0 addr="); i >= 0 {
		j := i + len("signo=5 code=0 addr=")
		k := strings.IndexByte(out[j:], ' ')
		return out[:j] + out[j+k:]
	}
	return out
}

// beyond lists the sites that the executor cannot run as the processor of the
// captures did, by the reason.
var beyond = []struct{ why, names string }{
	{"CPUID says that there is none", "movbe popcnt lzcnt tzcnt adcx adox clwb serialize movdir64b rip_movbe rip_crc32 rip_vpaddd" +
		" rip_vpaddd_v0 rip_vpaddd_v15 rip_andn_vcx rip_shlx rip_shlx_ax rip_mulx rip_blsr rip_blsr_cx rip_evex_add_xmm20 rdpid rdrand" +
		" rdseed rdfsbase rdgsbase xgetbv xtest xabort_outside xbegin_abort emms vzeroupper pclmul vmovaps vpxor_y vpaddd vpbroadcastb" +
		" vpermq bzhi pdep mulx andn sarx evex_vpaddd evex_mask evex_load_disp8n kmovd kortest vpternlog invpcid xsaves enqcmd"},
	{"segments of programs cannot be asked for", "lsl lar"},
	{"the kernel emulates it (UMIP)", "sidt sldt str"},
	{"a flag is undefined", "shl_cl"},
}

// notExecuted lists those of them that the kernel emulates as something else, so
// that it does not matter.
var notExecuted = []string{"vzeroupper", "vpbroadcastb"}

func isBeyond(name string) bool {
	for _, b := range beyond {
		if slices.Contains(strings.Fields(b.names), name) {
			return true
		}
	}
	return false
}

func TestSitesRunAsOnTheKernel(t *testing.T) {
	ran := 0
	for _, s := range sites(t) {
		if !s.Run {
			continue
		}
		m := s.plain(t)
		if same := strings.TrimSuffix(m.out.String(), "\n") == text(s.Plain.Out); same == isBeyond(s.Name) {
			t.Errorf("%s without a probe: as on the processor: %v\n%s\n%s", s.Name, same, m.out.String(), text(s.Plain.Out))
		}
		if !isBeyond(s.Name) || slices.Contains(notExecuted, s.Name) {
			ran++
			t.Run(s.Name, func(t *testing.T) { s.compare(t) })
		}
	}
	t.Logf("%d sites ran", ran)
}

// sees lists the sites that see the breakpoint itself, whatever the kernel: they
// run into it from before, or fetch their own text.
var sees = []string{"mid_after_lock"}

func TestFixedKernelChangesNothing(t *testing.T) {
	for _, s := range sites(t) {
		if !s.Run || isBeyond(s.Name) || slices.Contains(sees, s.Name) {
			continue
		}
		m, _ := s.cold(t, defects.Fixed)
		if got, want := strings.TrimSuffix(m.out.String(), "\n"), text(s.Plain.Out); got != want || m.exit != s.Plain.Exit {
			t.Errorf("%s (%s):\n got %d %s\nwant %d %s", s.Name, s.Asm, m.exit, got, s.Plain.Exit, want)
		}
	}
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
