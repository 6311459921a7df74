package vm

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// Program is what the loader of a program needs of its ELF headers.
type Program struct {
	// Entry is the address of the first instruction, and Headers where the program
	// headers lie in memory, 0 if no segment has them: both as linked.
	Entry, Headers uint64
	// Count is the number of program headers.
	Count int
	// Relocatable says that the program may be loaded anywhere (ET_DYN).
	Relocatable bool
	// ExecutableStack says that the stack is to be executable.
	ExecutableStack bool
	// Segments are the PT_LOAD headers, by address.
	Segments []Segment
}

// Segment is a PT_LOAD header: Filesz bytes of the file from Off on, and zeroes
// up to Memsz, are to be at Vaddr.
type Segment struct {
	Off, Vaddr, Filesz, Memsz, Align uint64
	Prot                             Prot
}

// ParseProgram reads the headers of a static x86-64 program, position-independent
// or not, and checks that its segments can be mapped. Errors are meant for the user.
// Content may be anything.
func ParseProgram(content []byte) (*Program, error) {
	f, err := parseELF(content)
	if err != nil {
		return nil, err
	}
	p := &Program{Entry: f.file.Entry, Count: len(f.file.Progs), Relocatable: f.file.Type == elf.ET_DYN}
	// The kernel takes a program without PT_GNU_STACK for an old one, which on
	// x86-64 has no executable stack either.
	for _, ph := range f.file.Progs {
		switch ph.Type {
		case elf.PT_INTERP:
			return nil, errors.New("is a dynamically linked program: it asks for an interpreter (link it with -static)")
		case elf.PT_GNU_STACK:
			p.ExecutableStack = ph.Flags&elf.PF_X != 0
		case elf.PT_LOAD:
			if ph.Memsz == 0 {
				continue
			}
			s := Segment{Off: ph.Off, Vaddr: ph.Vaddr, Filesz: ph.Filesz, Memsz: ph.Memsz, Align: ph.Align, Prot: protOf(ph.Flags)}
			if err := s.check(uint64(len(content))); err != nil {
				return nil, err
			}
			p.Segments = append(p.Segments, s)
		}
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	phoff := binary.LittleEndian.Uint64(content[0x20:])
	for _, s := range p.Segments {
		if s.Off <= phoff && phoff-s.Off < s.Filesz {
			p.Headers = phoff - s.Off + s.Vaddr
			break
		}
	}
	return p, nil
}

func protOf(f elf.ProgFlag) (p Prot) {
	if f&elf.PF_R != 0 {
		p |= ProtRead
	}
	if f&elf.PF_W != 0 {
		p |= ProtWrite
	}
	if f&elf.PF_X != 0 {
		p |= ProtExec
	}
	return p
}

// check refuses a segment that load_elf_binary() would not map.
func (s *Segment) check(size uint64) error {
	const hint = "(try another copy of the file)"
	switch {
	case s.Filesz > s.Memsz:
		return fmt.Errorf("damaged segment at %#x: %d bytes in the file, %d in memory %s", s.Vaddr, s.Filesz, s.Memsz, hint)
	case s.Vaddr > TaskSize || s.Memsz > TaskSize-s.Vaddr:
		return fmt.Errorf("damaged segment at %#x: its %d bytes of memory reach beyond the addresses of programs %s", s.Vaddr, s.Memsz, hint)
	case s.Off > size || s.Filesz > size-s.Off:
		return fmt.Errorf("the segment at %#x is cut off: %d bytes at %#x, but the file has only %d %s", s.Vaddr, s.Filesz, s.Off, size, hint)
	case s.Filesz > 0 && s.Off%pageSize != s.Vaddr%pageSize:
		return fmt.Errorf("the segment at %#x cannot be mapped: p_offset %#x and p_vaddr differ within a page %s", s.Vaddr, s.Off, hint)
	}
	return nil
}

// check looks at the segments together.
func (p *Program) check() error {
	if len(p.Segments) == 0 {
		return errors.New("has no segment that is loaded (give a program)")
	}
	entry := false
	for i, s := range p.Segments {
		if i > 0 && s.Vaddr < p.Segments[i-1].Vaddr+p.Segments[i-1].Memsz {
			return fmt.Errorf("damaged segments: those at %#x and %#x overlap (try another copy of the file)", p.Segments[i-1].Vaddr, s.Vaddr)
		}
		if !p.Relocatable && s.Vaddr < mmapMinAddr {
			return fmt.Errorf("has a segment at %#x, below the lowest address that programs may use (link it elsewhere)", s.Vaddr)
		}
		entry = entry || p.Entry >= s.Vaddr && p.Entry-s.Vaddr < s.Memsz
	}
	if !entry {
		return fmt.Errorf("begins at %#x, which is in no segment (is it a library? give a program)", p.Entry)
	}
	return nil
}
