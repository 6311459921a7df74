package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// elfProgram is an ELF file whose headers have been checked.
type elfProgram struct {
	content []byte
	file    *elf.File
}

func parseELF(content []byte) (p elfProgram, err error) {
	if err := checkHeader(content); err != nil {
		return elfProgram{}, err
	}
	// debug/elf promises no robustness against hostile files.
	defer func() {
		if r := recover(); r != nil {
			p, err = elfProgram{}, fmt.Errorf("damaged ELF headers: %v (try another copy of the file)", r)
		}
	}()
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return elfProgram{}, fmt.Errorf("damaged ELF headers: %w (try another copy of the file)", err)
	}
	return elfProgram{content, f}, nil
}

// checkHeader refuses what is not an x86-64 program, in words that say what it
// is instead, and header tables that debug/elf should not be given.
func checkHeader(content []byte) error {
	const want = "trapline maps x86-64 programs"
	switch {
	case len(content) == 0:
		return fmt.Errorf("the file is empty (%s)", want)
	case bytes.HasPrefix(content, []byte("#!")):
		return errors.New("is a script, not an ELF file (give its interpreter)")
	case !bytes.HasPrefix(content, []byte(elf.ELFMAG)):
		return fmt.Errorf("is not an ELF file (%s)", want)
	case len(content) < binary.Size(elf.Header64{}):
		return fmt.Errorf("the ELF header is cut off: the file has only %d bytes (try another copy of the file)", len(content))
	case elf.Class(content[elf.EI_CLASS]) != elf.ELFCLASS64:
		return fmt.Errorf("is not a 64-bit ELF file: %v (%s)", elf.Class(content[elf.EI_CLASS]), want)
	case elf.Data(content[elf.EI_DATA]) != elf.ELFDATA2LSB:
		return fmt.Errorf("is not little-endian: %v (%s)", elf.Data(content[elf.EI_DATA]), want)
	}
	var h elf.Header64
	if _, err := binary.Decode(content, binary.LittleEndian, &h); err != nil {
		return fmt.Errorf("damaged ELF header: %w", err)
	}
	if m := elf.Machine(h.Machine); m != elf.EM_X86_64 {
		return fmt.Errorf("is for another machine: %v (%s)", m, want)
	}
	switch t := elf.Type(h.Type); t {
	case elf.ET_EXEC, elf.ET_DYN:
	case elf.ET_REL:
		return errors.New("is an object file, ET_REL (link it first)")
	default:
		return fmt.Errorf("is not a program or library: %v (%s)", t, want)
	}
	return checkTables(content, &h)
}

func checkTables(content []byte, h *elf.Header64) error {
	if err := checkTable(content, "program headers", h.Phoff, h.Phnum, h.Phentsize, elf.Prog64{}); err != nil {
		return err
	}
	if h.Shoff == 0 {
		return nil // allowed: only the linker and debuggers need sections
	}
	if err := checkTable(content, "section headers", h.Shoff, h.Shnum, h.Shentsize, elf.Section64{}); err != nil {
		return err
	}
	// With e_shnum 0 the number would be in the first section: for object files
	// of more than 65279 sections.
	if h.Shnum == 0 || h.Shnum > imageSections || h.Shstrndx >= h.Shnum {
		return fmt.Errorf("damaged ELF header: %d sections, names in section %d (try another copy of the file)", h.Shnum, h.Shstrndx)
	}
	var names elf.Section64
	at := h.Shoff + uint64(h.Shstrndx)*uint64(h.Shentsize)
	if _, err := binary.Decode(content[at:], binary.LittleEndian, &names); err != nil {
		return fmt.Errorf("damaged section headers: %w", err)
	}
	if names.Size > imageSectionNames || elf.SectionFlag(names.Flags)&elf.SHF_COMPRESSED != 0 {
		return fmt.Errorf("damaged section headers: %d bytes of section names (try another copy of the file)", names.Size)
	}
	return nil
}

// checkTable checks that a table of n entries like entry lies in the file.
func checkTable(content []byte, what string, off uint64, n, entsize uint16, entry any) error {
	if n != 0 && int(entsize) != binary.Size(entry) {
		return fmt.Errorf("damaged ELF header: %s of %d bytes each, not %d (try another copy of the file)", what, entsize, binary.Size(entry))
	}
	size := uint64(n) * uint64(entsize)
	if off > uint64(len(content)) || size > uint64(len(content))-off {
		return fmt.Errorf("the %s are cut off: %d bytes at %#x, but the file has only %d (try another copy of the file)", what, size, off, len(content))
	}
	return nil
}

// fileOffset turns a virtual address into an offset in the file:
// va - p_vaddr + p_offset of the executable PT_LOAD segment around va.
func (p elfProgram) fileOffset(va uint64) (int64, error) {
	for _, ph := range p.file.Progs {
		if ph.Type != elf.PT_LOAD || va < ph.Vaddr || va-ph.Vaddr >= max(ph.Memsz, ph.Filesz) {
			continue
		}
		if ph.Flags&elf.PF_X == 0 {
			return 0, fmt.Errorf("is in a segment that is not executable: %v (name a function)", ph.Flags)
		}
		if va-ph.Vaddr >= ph.Filesz {
			return 0, errors.New("has no bytes in the file: it is zeroed memory (name another function)")
		}
		// mmap() would fail, so the file cannot run either.
		if ph.Off%uint64(imagePage) != ph.Vaddr%uint64(imagePage) {
			return 0, fmt.Errorf("is in a segment that cannot be mapped: p_offset %#x and p_vaddr %#x differ within a page (try another copy of the file)", ph.Off, ph.Vaddr)
		}
		size := uint64(len(p.content))
		if ph.Off >= size || va-ph.Vaddr >= size-ph.Off {
			return 0, fmt.Errorf("is beyond the end of the file of %d bytes (try another copy of the file)", size)
		}
		return int64(va - ph.Vaddr + ph.Off), nil
	}
	return 0, errors.New("is in no segment that is loaded (try another copy of the file)")
}

// lookup finds the function that symbol names.
func (p elfProgram) lookup(symbol string) (elf.Sym64, error) {
	var refused error // the symbol is there, but not as a function to probe
	tables := [...]elf.SectionType{elf.SHT_SYMTAB, elf.SHT_DYNSYM}
	for _, typ := range tables {
		t, err := p.symbols(typ)
		if err != nil {
			return elf.Sym64{}, err
		}
		sym, found, err := p.lookupIn(t, symbol)
		if found {
			return sym, nil
		}
		if refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return elf.Sym64{}, refused
	}
	return elf.Sym64{}, fmt.Errorf("no symbol %q (%s)", symbol, p.missingHint(symbol))
}

// lookupIn finds symbol in one table. The error, if it is not found, says why an
// entry of that name will not do; it is nil if there is none.
func (p elfProgram) lookupIn(t elfSymbols, symbol string) (best elf.Sym64, found bool, err error) {
	var rival uint64 // address of another function as good as best
	var ambiguous bool
	for i := range t.len() {
		name, sym := t.at(i, len(symbol))
		if string(name) != symbol {
			continue
		}
		if unfit := p.unfit(sym); unfit != nil {
			err = fmt.Errorf("symbol %q %w", symbol, unfit)
			continue
		}
		switch {
		case !found || localSymbol(best) && !localSymbol(sym):
			best, found, ambiguous = sym, true, false
		case localSymbol(best) == localSymbol(sym) && best.Value != sym.Value:
			rival, ambiguous = sym.Value, true
		}
	}
	if ambiguous {
		return best, false, fmt.Errorf("symbol %q names several functions, at %#x and %#x (name another function)", symbol, best.Value, rival)
	}
	return best, found, err
}

func localSymbol(s elf.Sym64) bool { return elf.ST_BIND(s.Info) == elf.STB_LOCAL }

// unfit says why a symbol is not a function whose text is in this file.
func (p elfProgram) unfit(s elf.Sym64) error {
	sec := elf.SectionIndex(s.Shndx)
	if sec == elf.SHN_UNDEF {
		return errors.New("is imported, not defined in this file (open the library that defines it)")
	}
	switch typ := elf.ST_TYPE(s.Info); typ {
	case elf.STT_FUNC:
	case elf.STT_NOTYPE:
		return errors.New("is a label, not a function: STT_NOTYPE (in assembly, add .type NAME, @function)")
	default:
		return fmt.Errorf("is not a function: %v (name a function)", typ)
	}
	if sec >= elf.SHN_LORESERVE || int(sec) >= len(p.file.Sections) {
		return fmt.Errorf("lies in no section: %v (name another function)", sec)
	}
	// Sections that are not loaded have address 0, so an address in them looks
	// like one at the start of a position-independent file.
	if in := p.file.Sections[sec]; in.Flags&elf.SHF_ALLOC == 0 {
		return fmt.Errorf("lies in section %q, which is not loaded (name another function)", in.Name)
	}
	return nil
}

// elfSymbols is .symtab or .dynsym. It is read in place, not with
// elf.File.Symbols, which copies every name: a hostile string table without
// NULs makes that quadratic.
type elfSymbols struct {
	entries, names []byte
}

// symbols returns the table in the section of type typ, empty if there is none.
func (p elfProgram) symbols(typ elf.SectionType) (elfSymbols, error) {
	s := p.file.SectionByType(typ)
	if s == nil {
		return elfSymbols{}, nil
	}
	if s.Entsize != elf.Sym64Size || int64(s.Link) >= int64(len(p.file.Sections)) {
		return elfSymbols{}, fmt.Errorf("damaged symbol table %q: entries of %d bytes, names in section %d (try another copy of the file)", s.Name, s.Entsize, s.Link)
	}
	entries, err := p.data(s)
	if err != nil {
		return elfSymbols{}, err
	}
	names, err := p.data(p.file.Sections[s.Link])
	return elfSymbols{entries, names}, err
}

// data returns the bytes of a section that must be in the file as they are.
func (p elfProgram) data(s *elf.Section) ([]byte, error) {
	size := uint64(len(p.content))
	if s.Type == elf.SHT_NOBITS || s.Flags&elf.SHF_COMPRESSED != 0 {
		return nil, fmt.Errorf("section %q is empty or compressed (try another copy of the file)", s.Name)
	}
	if s.Offset > size || s.FileSize > size-s.Offset {
		return nil, fmt.Errorf("section %q is cut off: %d bytes at %#x, but the file has only %d (try another copy of the file)", s.Name, s.FileSize, s.Offset, size)
	}
	return p.content[s.Offset : s.Offset+s.FileSize], nil
}

func (t elfSymbols) len() int { return len(t.entries) / elf.Sym64Size }

// at returns entry i and its name; a name longer than limit bytes, or outside
// the string table, comes back empty.
func (t elfSymbols) at(i, limit int) (name []byte, s elf.Sym64) {
	e := t.entries[i*elf.Sym64Size:]
	s = elf.Sym64{
		Name:  binary.LittleEndian.Uint32(e),
		Info:  e[4],
		Other: e[5],
		Shndx: binary.LittleEndian.Uint16(e[6:]),
		Value: binary.LittleEndian.Uint64(e[8:]),
		Size:  binary.LittleEndian.Uint64(e[16:]),
	}
	if uint64(s.Name) >= uint64(len(t.names)) {
		return nil, s
	}
	name = t.names[s.Name:]
	end := bytes.IndexByte(name[:min(len(name), limit+1)], 0)
	return name[:max(end, 0)], s
}
