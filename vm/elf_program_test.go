package vm

import (
	"debug/elf"
	"slices"
	"strings"
	"testing"
)

// second adds a program header behind the victim's own one, whose entry stays where it
// is: what lies there is not executed.
func second(typ elf.ProgType, vaddr, memsz uint64) func(b []byte) {
	return func(b []byte) {
		put16(b[ehPhnum:], 2)
		copy(b[ph+56:], b[ph:ph+56])
		put32(b[phType+56:], uint32(typ))
		put64(b[phVaddr+56:], vaddr)
		put64(b[phMemsz+56:], memsz)
		put64(b[phFilesz+56:], 0)
	}
}

func TestParseProgram(t *testing.T) {
	p, err := ParseProgram(Victim())
	want := []Segment{{Vaddr: victimBase, Filesz: victimTextEnd, Memsz: victimTextEnd, Align: 0x1000, Prot: ProtRead | ProtExec}}
	if err != nil || p.Entry != victimBase+victimText || p.Headers != victimBase+64 || p.Count != 1 || p.Relocatable || p.ExecutableStack ||
		!slices.Equal(p.Segments, want) {
		t.Errorf("%+v, %v", p, err)
	}
	b := Victim()
	second(elf.PT_GNU_STACK, 0, 0)(b)
	put32(b[phFlags+56:], uint32(elf.PF_R|elf.PF_X))
	put16(b[ehType:], uint16(elf.ET_DYN))
	if p, err = ParseProgram(b); err != nil || p.Count != 2 || !p.Relocatable || !p.ExecutableStack || len(p.Segments) != 1 {
		t.Errorf("with PT_GNU_STACK: %+v, %v", p, err)
	}
}

func TestParseProgramErrors(t *testing.T) {
	for _, c := range []struct {
		want   string // in the message
		damage func(b []byte)
	}{
		{"asks for an interpreter", second(elf.PT_INTERP, 0, 0)},
		{"has no segment that is loaded", func(b []byte) { put32(b[phType:], uint32(elf.PT_NOTE)) }},
		{"has no segment that is loaded", func(b []byte) { put64(b[phMemsz:], 0) }},
		{"8448 bytes in the file, 1 in memory", func(b []byte) { put64(b[phMemsz:], 1) }},
		{"reach beyond the addresses of programs", func(b []byte) { put64(b[phMemsz:], ^uint64(0)) }},
		{"reach beyond the addresses of programs", func(b []byte) { put64(b[phVaddr:], ^uint64(0xfff)) }},
		{"the segment at 0x400000 is cut off", func(b []byte) { put64(b[phOffset:], 1<<63-0x1000) }},
		{"the segment at 0x400000 is cut off", func(b []byte) { put64(b[phOffset:], 0x1000) }},
		{"the segment at 0x400010 cannot be mapped", func(b []byte) { put64(b[phVaddr:], victimBase+0x10) }},
		{"those at 0x400000 and 0x402000 overlap", second(elf.PT_LOAD, victimBase+0x2000, 0x1000)},
		{"those at 0x400000 and 0x10000 overlap", second(elf.PT_LOAD, 0x10000, 0x1000)},
		{"below the lowest address", func(b []byte) { put64(b[phVaddr:], 0) }},
		{"begins at 0x400080, which is in no segment", func(b []byte) { put64(b[phVaddr:], victimBase+0x1000) }},
	} {
		b := Victim()
		c.damage(b)
		if p, err := ParseProgram(b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %v; want %q", p, err, c.want)
		}
	}
}
