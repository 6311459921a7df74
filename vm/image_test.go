package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Offsets in ELF structures that the tests damage.
const (
	ehType, ehMachine, ehPhoff, ehShoff, ehPhnum, ehShnum = 16, 18, 32, 40, 56, 60

	ph                                                    = 64 // the victim's only program header
	phType, phFlags, phOffset, phVaddr, phFilesz, phMemsz = ph, ph + 4, ph + 8, ph + 16, ph + 32, ph + 40
)

// Section and symbol numbers of the victim.
const (
	secText, secShstrtab, secSymtab = 1, 2, 3
	symWork, symFar                 = 2, 3
)

// victimSection returns where header n of the victim lies.
func victimSection(b []byte, n int) []byte {
	return b[int(binary.LittleEndian.Uint64(b[ehShoff:]))+64*n:]
}

// victimSymbol returns where entry n of the victim's symbol table lies.
func victimSymbol(b []byte, n int) []byte {
	return b[int(binary.LittleEndian.Uint64(victimSection(b, secSymtab)[24:]))+24*n:]
}

func put16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }
func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// sstrip takes the section headers away, as sstrip does.
func sstrip(b []byte) []byte {
	put64(b[ehShoff:], 0)
	put16(b[ehShnum:], 0)
	put16(b[ehShnum+2:], 0)
	return b
}

// workBegins puts an instruction at the start of work.
func workBegins(insn string) func([]byte) []byte {
	return func(b []byte) []byte {
		copy(b[0xb0:], insn)
		return b
	}
}

func TestLoadImageErrors(t *testing.T) {
	tests := []struct {
		name   string
		symbol string
		damage func(b []byte) []byte
		want   string // the whole message, or the part before "..."
	}{
		{"empty file", "work", func([]byte) []byte { return nil },
			"the file is empty (trapline maps x86-64 programs)"},
		{"not ELF", "work", func([]byte) []byte { return []byte("MZ\x90\x00") },
			"is not an ELF file (trapline maps x86-64 programs)"},
		{"script", "work", func([]byte) []byte { return []byte("#!/bin/sh\n") },
			"is a script, not an ELF file (give its interpreter)"},
		{"cut in the ELF header", "work", func(b []byte) []byte { return b[:20] },
			"the ELF header is cut off: the file has only 20 bytes (try another copy of the file)"},
		{"32-bit", "work", func(b []byte) []byte { b[elf.EI_CLASS] = 1; return b },
			"is not a 64-bit ELF file: ELFCLASS32 (trapline maps x86-64 programs)"},
		{"big-endian", "work", func(b []byte) []byte { b[elf.EI_DATA] = 2; return b },
			"is not little-endian: ELFDATA2MSB (trapline maps x86-64 programs)"},
		{"arm64", "work", func(b []byte) []byte { put16(b[ehMachine:], 183); return b },
			"is for another machine: EM_AARCH64 (trapline maps x86-64 programs)"},
		{"object file", "work", func(b []byte) []byte { put16(b[ehType:], 1); return b },
			"is an object file, ET_REL (link it first)"},
		{"core", "work", func(b []byte) []byte { put16(b[ehType:], 4); return b },
			"is not a program or library: ET_CORE (trapline maps x86-64 programs)"},
		{"cut in the program headers", "work", func(b []byte) []byte { return b[:100] },
			"the program headers are cut off: 56 bytes at 0x40, but the file has only 100 (try another copy of the file)"},
		{"program headers far away", "work", func(b []byte) []byte { put64(b[ehPhoff:], 1<<63); return b },
			"the program headers are cut off: ..."},
		{"odd program headers", "work", func(b []byte) []byte { put16(b[ehPhnum-2:], 32); return b },
			"damaged ELF header: program headers of 32 bytes each, not 56 (try another copy of the file)"},
		{"cut in the section headers", "work", func(b []byte) []byte { return b[:0x2140] },
			"the section headers are cut off: 320 bytes at ..."},
		{"section count elsewhere", "work", func(b []byte) []byte { put16(b[ehShnum:], 0); return b },
			"damaged ELF header: 0 sections, ..."},
		{"huge section names", "work", func(b []byte) []byte { put64(victimSection(b, secShstrtab)[32:], 1<<40); return b },
			"damaged section headers: 1099511627776 bytes of section names ..."},
		{"section names not strings", "work", func(b []byte) []byte { put32(victimSection(b, secShstrtab)[4:], 1); return b },
			"damaged ELF headers: ..."},
		{"symbol table beyond the end", "work", func(b []byte) []byte { put64(victimSection(b, secSymtab)[24:], 0x2ff0); return b },
			`section ".symtab" is cut off: ...`},
		{"odd symbol table", "work", func(b []byte) []byte { put64(victimSection(b, secSymtab)[56:], 16); return b },
			`damaged symbol table ".symtab": entries of 16 bytes, ...`},
		{"symbol names in no section", "work", func(b []byte) []byte { put32(victimSection(b, secSymtab)[40:], 99); return b },
			`damaged symbol table ".symtab": entries of 24 bytes, names in section 99 ...`},

		{"no symbol given", "", nil,
			"no symbol given (name the function to probe)"},
		{"stripped", "main", sstrip,
			`no symbol "main" (the file has no symbol table; try an unstripped binary)`},
		{"only dynamic symbols", "missing", func(b []byte) []byte { put32(victimSection(b, secSymtab)[4:], uint32(elf.SHT_DYNSYM)); return b },
			`no symbol "missing" (the file has only dynamic symbols; try an unstripped binary)`},
		{"missing", "missing", nil,
			`no symbol "missing" (names must match exactly; nm lists them)`},
		{"misspelt", "wrok", nil,
			`no symbol "wrok" (did you mean work?)`},
		{"qualified", "rk", func(b []byte) []byte { copy(b[bytes.Index(b, []byte("\x00work\x00"))+1:], "w.rk"); return b },
			`no symbol "rk" (did you mean w.rk?)`},
		{"data", "work", func(b []byte) []byte { victimSymbol(b, symWork)[4] = byte(elf.STT_OBJECT); return b },
			`symbol "work" is not a function: STT_OBJECT (name a function)`},
		{"label", "work", func(b []byte) []byte { victimSymbol(b, symWork)[4] = byte(elf.STT_NOTYPE); return b },
			`symbol "work" is a label, not a function: STT_NOTYPE (in assembly, add .type NAME, @function)`},
		{"imported", "work", func(b []byte) []byte { put16(victimSymbol(b, symWork)[6:], 0); return b },
			`symbol "work" is imported, not defined in this file (open the library that defines it)`},
		{"absolute", "work", func(b []byte) []byte { put16(victimSymbol(b, symWork)[6:], uint16(elf.SHN_ABS)); return b },
			`symbol "work" lies in no section: SHN_ABS (name another function)`},
		{"in a section that is not loaded", "work", func(b []byte) []byte { put16(victimSymbol(b, symWork)[6:], secShstrtab); return b },
			`symbol "work" lies in section ".shstrtab", which is not loaded (name another function)`},
		{"two static functions", "work", func(b []byte) []byte {
			copy(victimSymbol(b, symFar)[:4], victimSymbol(b, symWork)[:4])
			victimSymbol(b, symWork)[4], victimSymbol(b, symFar)[4] = byte(elf.STT_FUNC), byte(elf.STT_FUNC)
			return b
		}, `symbol "work" names several functions, at 0x4000b0 and 0x401200 (name another function)`},

		{"no segment there", "work", func(b []byte) []byte { put64(victimSymbol(b, symWork)[8:], 0x10); return b },
			`symbol "work" at 0x10 is in no segment that is loaded (try another copy of the file)`},
		{"segment not loaded", "work", func(b []byte) []byte { put32(b[phType:], uint32(elf.PT_NOTE)); return b },
			`symbol "work" at 0x4000b0 is in no segment that is loaded (try another copy of the file)`},
		{"segment not executable", "work", func(b []byte) []byte { put32(b[phFlags:], uint32(elf.PF_R|elf.PF_W)); return b },
			`symbol "work" at 0x4000b0 is in a segment that is not executable: PF_W+PF_R (name a function)`},
		{"bss", "far", func(b []byte) []byte { put64(b[phFilesz:], 0x1000); return b },
			`symbol "far" at 0x401200 has no bytes in the file: it is zeroed memory (name another function)`},
		{"segment askew", "work", func(b []byte) []byte { put64(b[phOffset:], 0x10); return b },
			`symbol "work" at 0x4000b0 is in a segment that cannot be mapped: p_offset 0x10 and p_vaddr 0x400000 differ within a page (try another copy of the file)`},
		{"segment beyond the end", "work", func(b []byte) []byte { put64(b[phOffset:], 0x7ffffffffffff000); return b },
			`symbol "work" at 0x4000b0 is beyond the end of the file of 12288 bytes (try another copy of the file)`},
		{"segment around the end", "far", func(b []byte) []byte { put64(b[phOffset:], 0x2000); return b },
			`symbol "far" at 0x401200 is beyond the end of the file of 12288 bytes (try another copy of the file)`},
		{"address wraps", "work", func(b []byte) []byte {
			put64(b[phVaddr:], 0xfffffffffffff000)
			put64(victimSymbol(b, symWork)[8:], 0x10)
			return b
		}, `symbol "work" at 0x10 is in no segment that is loaded (try another copy of the file)`},

		{"int3", "work", workBegins("\xcc"),
			`symbol "work" at file offset 0xb0 already begins with int3, 0xcc (name another function, or take a copy of the file without breakpoints)`},
		{"undecodable", "work", workBegins("\x06"),
			`symbol "work" at file offset 0xb0 begins with an instruction that cannot be decoded: 06 48 ...`},
		{"skipped by x86asm", "work", workBegins("\x0f\x19\xc0"),
			`symbol "work" at file offset 0xb0 begins with an instruction that cannot be decoded: 0f 19 c0 ...`},
		{"only prefixes", "work", workBegins(strings.Repeat("\x66", 16)),
			`symbol "work" at file offset 0xb0 begins with an instruction that cannot be decoded: 66 ...`},
		{"16-bit call", "work", workBegins("\x66\xe8\x00\x00\x00\x00"),
			`symbol "work" at file offset 0xb0 begins with a branch with a 66 prefix, ...`},
		{"instruction cut off", "far", func(b []byte) []byte {
			put64(b[phFilesz:], victimSize)
			put64(b[phMemsz:], victimSize)
			put64(victimSymbol(b, symFar)[8:], victimBase+victimSize-3)
			copy(b[victimSize-3:], "\x48\x83\xec")
			return b
		}, `symbol "far" at file offset 0x2ffd has its first instruction cut off by the end of the file: 48 83 ec (try another copy of the file)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := Victim()
			if tt.damage != nil {
				b = tt.damage(b)
			}
			img, err := LoadImage("x", b, tt.symbol)
			if err == nil {
				t.Fatalf("loaded, at offset %#x; want an error: %s", img.Offset, tt.want)
			}
			want := "elf x: " + tt.want
			begin, open := strings.CutSuffix(want, "...")
			if got := err.Error(); got != want && !(open && strings.HasPrefix(got, begin)) {
				t.Errorf("error %q\nwant  %q", got, want)
			}
		})
	}
}

func TestLoadImageTruncated(t *testing.T) {
	victim := Victim()
	for n := range victim {
		if n > 512 && n < victimTextEnd-16 {
			continue // text only
		}
		_, err := LoadImage("x", victim[:n], "work")
		whole := n >= int(binary.LittleEndian.Uint64(victimSection(victim, secSymtab+1)[24:]))+len("\x00_start\x00work\x00far\x00")
		if (err == nil) != whole {
			t.Fatalf("first %d bytes of the victim: error %v", n, err)
		}
	}
}

func TestLoadImagePrefersGlobal(t *testing.T) {
	for _, static := range []int{symWork, symFar} {
		b := Victim()
		copy(victimSymbol(b, symFar)[:4], victimSymbol(b, symWork)[:4]) // both are called work
		victimSymbol(b, static)[4] = byte(elf.STT_FUNC)
		want := int64(0xb0)
		if static == symWork {
			want = 0x1200
		}
		img, err := LoadImage("x", b, "work")
		if err != nil || img.Offset != want {
			t.Errorf("symbol %d static: %+v, error %v; want the global one, at %#x", static, img, err, want)
		}
	}
}

// A library is linked at 0, and its text is not at that offset.
func TestLoadImagePositionIndependent(t *testing.T) {
	b := Victim()
	put16(b[ehType:], uint16(elf.ET_DYN))
	put64(b[phVaddr:], 0x5000)
	put64(b[phOffset:], 0x1000)
	put64(victimSymbol(b, symFar)[8:], 0x5200)
	put32(victimSection(b, secSymtab)[4:], uint32(elf.SHT_DYNSYM))
	img, err := LoadImage("lib", b, "far")
	if err != nil {
		t.Fatal(err)
	}
	if img.Addr != 0x5200 || img.Offset != 0x1200 || img.PageIndex() != 1 {
		t.Errorf("address %#x, offset %#x, page %d; want 0x5200, 0x1200, 1", img.Addr, img.Offset, img.PageIndex())
	}
}

func TestInsnLength(t *testing.T) {
	tests := []struct {
		code string
		want int
	}{
		{"\x55", 1},
		{"\x90", 1},
		{"\x48\x83\xec\x08", 4},
		{"\xf3\x0f\x1e\xfa", 4},     // endbr64
		{"\xf3\x0f\x1e\xfb", 4},     // endbr32
		{"\xc5\xf8\x77", 3},         // vzeroupper
		{"\xc5\xfc\x77", 3},         // vzeroall
		{"\xe9\x00\x01\x00\x00", 5}, // jmp
		{"\x66\x90", 2},             // xchg %ax,%ax
		{"\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00", 11}, // nopw
		{"\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", 10},     // movabs
	}
	for _, tt := range tests {
		for _, rest := range []string{"", "\xcc", strings.Repeat("\x55", 20)} {
			if n, err := insnLength([]byte(tt.code + rest)); n != tt.want || err != nil {
				t.Errorf("% x, then % x: length %d, error %v; want %d", tt.code, rest, n, err, tt.want)
			}
		}
	}
}

func TestLikeness(t *testing.T) {
	tests := []struct {
		name, asked string
		ok          bool
	}{
		{"main.main", "main", true},
		{"foo::work", "work", true},
		{"_ZN3foo4workEv", "work", true},
		{"mian", "main", true},
		{"malloc", "mallok", true},
		{"b", "a", false}, // everything is one typo away
		{"far", "work", false},
		{"a_long_name_with_x_in_it", "x", false},
	}
	for _, tt := range tests {
		if _, ok := likeness([]byte(tt.name), tt.asked); ok != tt.ok {
			t.Errorf("%s suggested for %s: %v, want %v", tt.name, tt.asked, ok, tt.ok)
		}
	}
}

func TestOpenImage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "victim")
	if err := os.WriteFile(path, Victim(), 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := OpenImage(path, "far")
	if err != nil {
		t.Fatal(err)
	}
	if img.Name != path || img.Symbol != "far" || img.Offset != 0x1200 {
		t.Errorf("opened %s: %s at %#x", img.Name, img.Symbol, img.Offset)
	}

	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, imageLimit+1); err != nil { // sparse
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{path, `no symbol "main" (names must match exactly; nm lists them)`},
		{dir, "is a directory, not a regular file (give the path of a program)"},
		{big, "has more than 256 MiB, the largest program trapline reads (try a smaller one)"},
	}
	if runtime.GOOS == "linux" {
		tests = append(tests,
			struct{ path, want string }{filepath.Join(dir, "none"), "stat: no such file or directory (check the path)"},
			struct{ path, want string }{"/dev/zero", "is a device, not a regular file (give the path of a program)"})
	}
	for _, tt := range tests {
		_, err := OpenImage(tt.path, "main")
		if want := "elf " + tt.path + ": " + tt.want; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

// The go command is a real program that is at hand wherever tests run.
func TestOpenImageRealProgram(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("no x86-64 go command here")
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	text := f.Section(".text")
	syms, err := f.Symbols()
	if err != nil || text == nil {
		t.Skip("the go command here is stripped")
	}
	for _, s := range syms {
		if s.Name != "main.main" {
			continue
		}
		img, err := OpenImage(path, "main.main")
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(s.Value - text.Addr + text.Offset); img.Addr != s.Value || img.Offset != want {
			t.Errorf("address %#x, offset %#x; want %#x, %#x", img.Addr, img.Offset, s.Value, want)
		}
		if _, err := OpenImage(path, "main"); err == nil || !strings.Contains(err.Error(), `no symbol "main" (did you mean main.main`) {
			t.Errorf("error %v; want main.main suggested for main", err)
		}
	}
}

func FuzzLoadImage(f *testing.F) {
	victim := Victim()
	for _, name := range []string{"work", "far", "_start", "main", ""} {
		f.Add(victim, name)
	}
	for _, n := range []int{0, 4, 63, 64, 119, 120, 0xb1, 0x1200, 0x2140, 0x2260, 0x2290, len(victim) - 1} {
		f.Add(victim[:n], "work")
	}
	f.Add(sstrip(Victim()), "work")
	f.Add(workBegins("\xf3\x0f\x1e\xfa")(Victim()), "work")
	f.Fuzz(func(t *testing.T, content []byte, symbol string) {
		img, err := LoadImage("fuzz", content, symbol)
		if err != nil {
			if img != nil || !strings.HasPrefix(err.Error(), "elf fuzz: ") {
				t.Fatalf("image %v with error %v", img, err)
			}
			return
		}
		n := int64(len(img.Insn))
		if n < 1 || n > 15 || img.Offset < 0 || img.Offset+n > int64(len(content)) {
			t.Fatalf("instruction of %d bytes at %#x in a file of %d", n, img.Offset, len(content))
		}
		if img.Insn[0] == 0xcc || !bytes.Equal(img.Insn, content[img.Offset:img.Offset+n]) {
			t.Fatalf("instruction % x at %#x", img.Insn, img.Offset)
		}
		if img.Symbol != symbol || img.PageIndex() != img.Offset>>12 || uint64(img.Offset)&4095 != img.Addr&4095 {
			t.Fatalf("symbol %q at %#x, address %#x, page %d", img.Symbol, img.Offset, img.Addr, img.PageIndex())
		}
	})
}
