package live

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
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
	symbols, _ := f.Symbols()
	if s := f.Section(".eh_frame"); len(symbols) == 0 && s != nil {
		symbols = unwound(t, s)
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

// unwound are the functions that .eh_frame knows, for programs without symbols.
func unwound(t *testing.T, s *elf.Section) (list []elf.Symbol) {
	t.Helper()
	data, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at+16 <= len(data); {
		n := int(binary.LittleEndian.Uint32(data[at:]))
		if n == 0 {
			break
		}
		if binary.LittleEndian.Uint32(data[at+4:]) != 0 { // no common entry; its address is relative
			pc := s.Addr + uint64(at+8) + uint64(int64(int32(binary.LittleEndian.Uint32(data[at+8:]))))
			list = append(list, elf.Symbol{Info: byte(elf.STT_FUNC), Value: pc, Size: 1})
		}
		at += 4 + n
	}
	return list
}

// outcome runs a program with probes on so many of its functions.
func outcome(t *testing.T, content []byte, probes int, d defects.Set, seed uint64, stdin string, args ...string) (out string, hits int) {
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
	r, err := k.Run(linux.Config{Path: name, Program: content, Args: append([]string{name}, args...), Seed: seed, Stdin: strings.NewReader(stdin),
		Stdout: &stdout, Stderr: &stdout, MaxInsns: 400_000_000, CPUs: 2})
	if err != nil || r.Exhausted != "" {
		t.Fatalf("seed %d: %v, %q\n%s", seed, err, r.Exhausted, stdout.String())
	}
	for _, p := range k.Registry().Probes() {
		hits += int(p.Hits)
	}
	return fmt.Sprintf("%s\nexit status %d", stdout.String(), r.ExitCode()), hits
}

// withOutput puts -o behind the name of the command of go, and before all else for
// a compiler.
func withOutput(args []string, out string) []string {
	if args[0] == "build" {
		return append([]string{"build", "-o", out}, args[1:]...)
	}
	return append([]string{"-o", out}, args...)
}

func TestProbesChangeNothing(t *testing.T) {
	build := func(name string, args ...string) func(t *testing.T, out string) {
		return func(t *testing.T, out string) {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Skipf("%s is not there", name)
			}
			cmd := exec.Command(path, withOutput(args, out)...)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("%s: %v\n%s", name, err, msg)
			}
		}
	}
	busybox := func(t *testing.T, out string) {
		path, err := exec.LookPath("busybox")
		if err != nil {
			t.Skip("busybox is not there")
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(out, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		build func(t *testing.T, out string)
		args  []string
	}{
		{"musl", build("musl-gcc", "-static", "../../../vm/linux/testdata/hello.c"), []string{"a b", ""}},
		{"glibc", build("gcc", "-static", "../../../vm/linux/testdata/hello.c"), []string{"a b", ""}},
		{"go", build("go", "build", "../../../vm/linux/testdata/gostatic"), []string{"x", "y"}},
		{"lua", build("gcc", "-static", "-I/usr/include/lua5.4", "../../../vm/linux/testdata/lua.c", "-llua5.4", "-lm", "-ldl"), nil},
		{"busybox-sh", busybox, []string{"sh", "-c", "i=0; while [ $i -lt 5 ]; do echo $i | (read x; echo got $x); i=$((i+1)); done | sort -r; exit 3"}},
		{"busybox-sha256sum", busybox, []string{"sha256sum"}},
		{"busybox-sort", busybox, []string{"sort", "-r"}},
		{"busybox-awk", busybox, []string{"awk", "{ n += NF; print $2 } END { print n, n / 3 }"}},
		{"busybox-gzip", busybox, []string{"sh", "-c", "gzip -c | gunzip -c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "prog")
			c.build(t, file)
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			stdin := "line one\nline two\n"
			if c.name == "lua" {
				stdin = "local t = {}\nfor i = 1, 100 do t[i] = (i * 37) % 101 end\ntable.sort(t)\nprint(t[1], t[100], math.sin(1), pcall(error, 'caught'))\n"
			}
			want, _ := outcome(t, content, 0, defects.Linux618, 0, stdin, c.args...)
			for seed := range uint64(3) {
				for _, k := range defects.Kernels {
					got, hits := outcome(t, content, 300, k.Defects, seed, stdin, c.args...)
					if got != want || hits == 0 {
						t.Errorf("kernel %s, seed %d: %d hits\n%s\nwant\n%s", k.Name, seed, hits, got, want)
					}
				}
			}
		})
	}
}
