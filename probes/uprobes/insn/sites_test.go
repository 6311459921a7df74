package insn

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
)

// A site is a line of sites.jsonl.gz: an instruction of the program insn or
// insnf, and what a kernel on a real processor did with probes on it.
type site struct {
	Prog, Name, Asm, Addr, Offset, Bytes string
	Run                                  bool
	Plain                                struct {
		Exit int
		Out  *string
	}
	Cold struct {
		Errno any `json:"enable_errno"`
		Hits  int
		Text  string
		Out   *string
		Exit  int
		Maps  []string
		Trace []string
	}
	Warm struct {
		Errno any `json:"enable_errno"`
		Runs  []struct {
			Out  *string
			Hits int
			Text string
		}
		Trace []string
	}
}

func sites(t *testing.T) []site {
	t.Helper()
	f, err := os.Open("testdata/sites.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []site
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s site
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(all) != 390 {
		t.Fatalf("%d sites", len(all))
	}
	return all
}

func (s *site) text(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(s.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *site) addr() uint64 {
	v, _ := strconv.ParseUint(s.Addr[2:], 16, 64)
	return v
}

// has reports whether the process had a mapping of a name.
func (s *site) has(name string) bool {
	return slices.ContainsFunc(s.Cold.Maps, func(m string) bool { return strings.HasSuffix(m, name) })
}

// warmErrno is the error of the enabling in a running process.
func (s *site) warmErrno() string {
	if e, ok := s.Warm.Errno.(string); ok {
		return e
	}
	return "ok"
}

func TestSitesAreJudgedAsByTheKernel(t *testing.T) {
	classes := map[string]int{}
	for _, s := range sites(t) {
		in, err := Analyse(s.text(t), s.addr(), defects.Linux618)
		if got, want := verdict(err), s.warmErrno(); got != want {
			t.Errorf("%s: %s, the kernel says %s", s.Name, got, want)
			continue
		}
		if err != nil {
			classes["refused"]++
			continue
		}
		if in.CanOptimise {
			classes["optimised"]++
		}
		classes[in.Class.String()]++
		if !s.Run || s.Cold.Hits == 0 || s.Cold.Exit != 0 {
			continue // what it had mapped is not known
		}
		if got, want := in.CanOptimise, s.has("[uprobes-trampoline]"); got != want {
			t.Errorf("%s: optimised %v, by the kernel %v", s.Name, got, want)
		}
		// A call or push whose stack cannot be written is executed after all.
		stack := strings.Contains(s.Name, "stack") || s.Name == "push_noncanon"
		if got, want := in.Class == OutOfLine, s.has("[uprobes]"); got != want && !(stack && want) {
			t.Errorf("%s: %v, by the kernel out of line: %v", s.Name, in.Class, want)
		}
	}
	t.Log(classes)
}
