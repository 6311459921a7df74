package vm

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

func TestVictimIsDeterministic(t *testing.T) {
	a, b := Victim(), Victim()
	if !bytes.Equal(a, b) {
		t.Fatal("two calls of Victim differ")
	}
	if len(a) != 3*4096 {
		t.Fatalf("the victim has %d bytes, want three pages", len(a))
	}
	a[0] = 0
	if b[0] == 0 || Victim()[0] == 0 || DefaultImage().Bytes[0] == 0 {
		t.Fatal("two calls of Victim share memory")
	}
}

func TestVictimSymbols(t *testing.T) {
	victim := Victim()
	f, err := elf.NewFile(bytes.NewReader(victim))
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name         string
		offset, page uint64
		begins       string
	}{
		{"_start", 0x80, 0, "\x31\xed"},
		{"work", 0xb0, 0, "\x55"},
		{"far", 0x1200, 1, "\x48\x83\xec\x08"},
	}
	if len(syms) != len(want) {
		t.Fatalf("symbols %+v, want %+v", syms, want)
	}
	text := f.Section(".text")
	for i, w := range want {
		s := syms[i]
		if s.Name != w.name || s.Value != victimBase+w.offset || s.Section != 1 {
			t.Errorf("symbol %d is %+v, want %s at file offset %#x", i, s, w.name, w.offset)
		}
		if s.Value < text.Addr || s.Value+s.Size > text.Addr+text.Size {
			t.Errorf("%s lies outside .text", s.Name)
		}
		img, err := LoadImage("victim", victim, w.name)
		if err != nil {
			t.Fatal(err)
		}
		if img.Offset != int64(w.offset) || img.Addr != s.Value || img.PageIndex() != int64(w.page) {
			t.Errorf("%s: offset %#x, address %#x, page %d", w.name, img.Offset, img.Addr, img.PageIndex())
		}
		if string(img.Insn) != w.begins || cap(img.Insn) != len(w.begins) {
			t.Errorf("%s begins with % x, want % x", w.name, img.Insn, w.begins)
		}
	}
	if f.Entry != syms[0].Value {
		t.Errorf("entry point %#x, want _start at %#x", f.Entry, syms[0].Value)
	}
	names := make([]string, 0, len(f.Sections))
	for _, s := range f.Sections {
		names = append(names, s.Name)
	}
	if got, want := strings.Join(names, " "), " .text .shstrtab .symtab .strtab"; got != want {
		t.Errorf("sections %q, want %q", got, want)
	}
}

// The listing is the source; nothing else checks that its two columns agree.
func TestVictimListing(t *testing.T) {
	starts := make(map[string]uint64)
	for _, f := range victimListing {
		starts[f.name] = f.offset
	}
	end := uint64(victimText)
	for _, f := range victimListing {
		if f.offset < end {
			t.Fatalf("%s at %#x overlaps what ends at %#x", f.name, f.offset, end)
		}
		pc := f.offset
		for _, insn := range f.body {
			// More bytes follow, as they do in the file.
			inst, err := x86asm.Decode([]byte(insn.code+"\x90\x90\x90\x90"), 64)
			if err != nil || inst.Op == 0 || inst.Len != len(insn.code) {
				t.Fatalf("%s: %q % x decodes as %v of %d bytes, error %v", f.name, insn.text, insn.code, inst, inst.Len, err)
			}
			pc += uint64(inst.Len)
			got := x86asm.GNUSyntax(inst, pc, nil)
			if callee, ok := strings.CutPrefix(insn.text, "call "); ok {
				rel := inst.Args[0].(x86asm.Rel)
				if inst.Op != x86asm.CALL || pc+uint64(int64(rel)) != starts[callee] {
					t.Errorf("%s: %q calls %#x, want %#x", f.name, insn.text, pc+uint64(int64(rel)), starts[callee])
				}
			} else if plain(got) != plain(insn.text) {
				t.Errorf("%s: listed %q, but % x is %q", f.name, insn.text, insn.code, got)
			}
		}
		end = pc
	}
	if end > victimTextEnd {
		t.Errorf("the listing ends at %#x, .text at %#x", end, victimTextEnd)
	}
}

// plain writes immediates as x86asm does, and ret without its suffix.
func plain(text string) string {
	r := strings.NewReplacer("$60", "$0x3c", "$42", "$0x2a", "$8", "$0x8", "$1,", "$0x1,", "retq", "ret")
	return r.Replace(text)
}

func TestVictimRuns(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the victim runs on linux/amd64")
	}
	path := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(path, Victim(), 0o755); err != nil {
		t.Fatal(err)
	}
	err := exec.Command(path).Run()
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("may not execute files here: %v", err)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != VictimStatus {
		t.Fatalf("the victim ended with %v, want exit status %d", err, VictimStatus)
	}
}

func TestDefaultImage(t *testing.T) {
	img := DefaultImage()
	if img.Name != "victim" || img.Symbol != "work" || img.PageIndex() != 0 || !bytes.Equal(img.Bytes, Victim()) {
		t.Errorf("default image %q at %s, page %d", img.Name, img.Symbol, img.PageIndex())
	}
}
