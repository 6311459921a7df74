package live

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/sim"
	"trapline/vm/linux"
)

// one is a file system with one program.
type one struct {
	name    string
	content []byte
}

func (o one) Lookup(name string) (File, error) {
	if name != o.name {
		return File{}, sim.ENOENT
	}
	return File{Name: o.name, Content: o.content, Regular: true}, nil
}

// functions are the offsets of up to n functions of a program, spread over it.
func functions(t *testing.T, content []byte, n int) []uint64 {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var all []uint64
	seen := map[uint64]bool{}
	for _, s := range symbols {
		for _, p := range f.Progs {
			off := s.Value - p.Vaddr + p.Off
			if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 && p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 &&
				s.Value >= p.Vaddr && s.Value-p.Vaddr < p.Filesz && !seen[off] {
				seen[off] = true
				all = append(all, off)
			}
		}
	}
	var some []uint64
	for i := range min(n, len(all)) {
		some = append(some, all[i*len(all)/min(n, len(all))])
	}
	return some
}

// outcome runs a program with probes on so many of its functions.
func outcome(t *testing.T, content []byte, probes int, d defects.Set, seed uint64, stdin string) (out string, hits int) {
	t.Helper()
	const name = "/bin/prog"
	k := New(one{name, content}, d)
	for i, off := range functions(t, content, probes) {
		if err := k.Write(fmt.Sprintf("p:g/e%d %s:%#x a=%%di", i, name, off)); err != nil {
			t.Fatal(err)
		}
		if err := k.Enable(fmt.Sprintf("g/e%d", i), true); err != nil && d.Has(defects.LateRefusal) {
			t.Fatal(err)
		}
	}
	var stdout bytes.Buffer
	r, err := k.Run(linux.Config{Path: name, Program: content, Args: []string{name, "a b", ""}, Seed: seed, Stdin: strings.NewReader(stdin),
		Stdout: &stdout, Stderr: &stdout, MaxInsns: 400_000_000, CPUs: 2})
	if err != nil || r.Exhausted != "" {
		t.Fatalf("seed %d: %v, %q\n%s", seed, err, r.Exhausted, stdout.String())
	}
	for _, p := range k.Registry().Probes() {
		hits += int(p.Hits)
	}
	return fmt.Sprintf("%s\nexit status %d", stdout.String(), r.ExitCode()), hits
}

func TestProbesChangeNothing(t *testing.T) {
	build := func(name string, args ...string) func(t *testing.T, out string) {
		return func(t *testing.T, out string) {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Skipf("%s is not there", name)
			}
			cmd := exec.Command(path, append(args[:len(args)-1:len(args)-1], "-o", out, args[len(args)-1])...)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("%s: %v\n%s", name, err, msg)
			}
		}
	}
	for _, c := range []struct {
		name  string
		build func(t *testing.T, out string)
	}{
		{"musl", build("musl-gcc", "-static", "../../../vm/linux/testdata/hello.c")},
		{"glibc", build("gcc", "-static", "../../../vm/linux/testdata/hello.c")},
		{"go", build("go", "build", "../../../vm/linux/testdata/gostatic")},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "prog")
			c.build(t, file)
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			const stdin = "line one\nline two\n"
			want, _ := outcome(t, content, 0, defects.Linux618, 0, stdin)
			for seed := range uint64(3) {
				for _, k := range defects.Kernels {
					got, hits := outcome(t, content, 300, k.Defects, seed, stdin)
					if got != want || hits == 0 {
						t.Errorf("kernel %s, seed %d: %d hits\n%s\nwant\n%s", k.Name, seed, hits, got, want)
					}
				}
			}
		})
	}
}
