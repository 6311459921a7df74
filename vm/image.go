package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/arch/x86/x86asm"
)

// Limits on what a file may make LoadImage do. No linked program comes near the
// ones on headers; without them a small hostile file could ask debug/elf for
// gigabytes of section names.
const (
	imageLimit        = 256 << 20 // bytes of a file that OpenImage reads
	imageSections     = 4096
	imageSectionNames = 64 << 10    // bytes of .shstrtab
	imageSuggestFrom  = 1 << 18     // symbols looked at to find a name like the one asked for
	imageSuggestName  = 128         // bytes of a symbol name worth suggesting
	imagePage         = int64(4096) // PAGE_CACHE_SIZE of x86-64
	imageInsnMax      = 15          // no x86 instruction is longer
	imageInt3         = 0xcc        // the breakpoint instruction
)

// Image is a program file whose text pages are mapped, and the place in it where
// a probe may go. It is never written after [LoadImage]: all executions share it.
type Image struct {
	// Name is what messages and traces call the file: a path, or "victim".
	Name string
	// Bytes is the whole file, headers included, as the page cache would hold it.
	// It is shared and must not be written.
	Bytes []byte
	// Symbol is the function at Offset, spelt as in the file's symbol table.
	Symbol string
	// Offset is where Symbol begins, in bytes from the start of the file: the
	// offset of register_uprobe(). It is not an address.
	Offset int64
	// Addr is the virtual address of Symbol as linked. A position-independent
	// file (ET_DYN) runs at this address plus wherever it was mapped.
	Addr uint64
	// Insn is the whole first instruction of Symbol, 1 to 15 bytes, a part of
	// Bytes. Its first byte is never int3.
	Insn []byte
	// Digest identifies Bytes and Offset.
	Digest uint64
}

// PageIndex returns the index in the file of the page that holds the first byte
// of Symbol: page->index, counted in pages of 4096 bytes.
func (img *Image) PageIndex() int64 {
	return img.Offset / imagePage
}

// OpenImage reads the program at path on the host and finds symbol in it, as
// [LoadImage] does. It reads regular files of at most 256 MiB. Errors are meant
// for the user: they name the file, what is wrong and what to try.
func OpenImage(path, symbol string) (*Image, error) {
	content, err := readProgram(path)
	if err != nil {
		return nil, fmt.Errorf("elf %s: %w", path, err)
	}
	return LoadImage(path, content, symbol)
}

// LoadImage finds the function called symbol in content, the bytes of a program
// or library: 64-bit little-endian ELF for x86-64, ET_EXEC or ET_DYN. The name
// is looked up in .symtab, then in .dynsym, and must match exactly; a global
// function wins over a static one. The image keeps content, which must not be
// written any more; name is only for messages.
//
// Errors are meant for the user and begin "elf <name>: ". Content may be
// anything; it cannot make LoadImage panic.
func LoadImage(name string, content []byte, symbol string) (*Image, error) {
	img, err := loadImage(content, symbol)
	if err != nil {
		return nil, fmt.Errorf("elf %s: %w", name, err)
	}
	img.Name = name
	return img, nil
}

func loadImage(content []byte, symbol string) (*Image, error) {
	if symbol == "" {
		return nil, errors.New("no symbol given (name the function to probe)")
	}
	p, err := parseELF(content)
	if err != nil {
		return nil, err
	}
	sym, err := p.lookup(symbol)
	if err != nil {
		return nil, err
	}
	off, err := p.fileOffset(sym.Value)
	if err != nil {
		return nil, fmt.Errorf("symbol %q at %#x %w", symbol, sym.Value, err)
	}
	n, err := insnLength(content[off:])
	if err != nil {
		return nil, fmt.Errorf("symbol %q at file offset %#x %w", symbol, off, err)
	}
	return &Image{
		Bytes:  content,
		Symbol: symbol,
		Offset: off,
		Addr:   sym.Value,
		Insn:   content[off : off+int64(n) : off+int64(n)],
		Digest: digest(content, off),
	}, nil
}

// digest is 64-bit FNV-1a over the offset and the content.
func digest(content []byte, off int64) uint64 {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, off)
	h.Write(content)
	return h.Sum64()
}

// readProgram returns the bytes of a regular file on the host.
func readProgram(path string) ([]byte, error) {
	// Before opening: the open of a FIFO would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, hostError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("is a %s, not a regular file (give the path of a program)", fileKind(info.Mode()))
	}
	if info.Size() > imageLimit {
		return nil, errImageSize
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, hostError(err)
	}
	defer f.Close()
	// info.Size() is a guess: the file may grow, and those of /proc say 0.
	content := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := content.ReadFrom(io.LimitReader(f, imageLimit+1)); err != nil {
		return nil, hostError(err)
	}
	if content.Len() > imageLimit {
		return nil, errImageSize
	}
	return slices.Clip(content.Bytes()), nil
}

var errImageSize = fmt.Errorf("has more than %d MiB, the largest program trapline reads (try a smaller one)", imageLimit>>20)

// hostError drops the path from an error of package os, because the caller names
// it, and says what to do.
func hostError(err error) error {
	hint := "check the path"
	if errors.Is(err, fs.ErrPermission) {
		hint = "check that you may read it"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w (%s)", pe.Op, pe.Err, hint)
	}
	return fmt.Errorf("%w (%s)", err, hint)
}

func fileKind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "FIFO"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

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

// missingHint says what to try when no table has symbol.
func (p elfProgram) missingHint(symbol string) string {
	hint := "the file has no symbol table; try an unstripped binary"
	if p.file.SectionByType(elf.SHT_SYMTAB) != nil {
		hint = "names must match exactly; nm lists them"
	} else if p.file.SectionByType(elf.SHT_DYNSYM) != nil {
		hint = "the file has only dynamic symbols; try an unstripped binary"
	}
	near := p.nearest(symbol)
	if len(near) == 0 {
		return hint
	}
	last := len(near) - 1
	if last == 0 {
		return "did you mean " + near[0] + "?"
	}
	return "did you mean " + strings.Join(near[:last], ", ") + " or " + near[last] + "?"
}

// nearest returns up to three functions with names like symbol, best first.
func (p elfProgram) nearest(symbol string) []string {
	type near struct {
		name  string
		score int
	}
	var best []near
	tables := [...]elf.SectionType{elf.SHT_SYMTAB, elf.SHT_DYNSYM}
	for _, typ := range tables {
		t, err := p.symbols(typ)
		if err != nil {
			continue // lookup has reported it
		}
		for i := range min(t.len(), imageSuggestFrom) {
			name, sym := t.at(i, imageSuggestName)
			if len(name) == 0 || p.unfit(sym) != nil {
				continue
			}
			score, ok := likeness(name, symbol)
			if !ok || len(best) == 3 && score > best[2].score || !printable(name) {
				continue
			}
			best = append(best, near{string(name), score})
			slices.SortFunc(best, func(a, b near) int {
				if a.score != b.score {
					return a.score - b.score
				}
				return strings.Compare(a.name, b.name)
			})
			best = slices.Compact(best)
			best = best[:min(len(best), 3)]
		}
	}
	var names []string
	for _, n := range best {
		names = append(names, n.name)
	}
	return names
}

// printable reports whether a name from a file may be shown on a terminal.
func printable(name []byte) bool {
	for _, r := range string(name) {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

// likeness scores how well name fits what the user asked for, 0 best. A
// qualified form of it is the likeliest wish: main.main for main.
func likeness(name []byte, asked string) (score int, ok bool) {
	if rest, ends := bytes.CutSuffix(name, []byte(asked)); ends && (bytes.HasSuffix(rest, []byte(".")) || bytes.HasSuffix(rest, []byte("::"))) {
		return 0, true
	}
	typos := len(asked)/4 + 1
	if d := len(name) - len(asked); len(asked) <= imageSuggestName && -typos <= d && d <= typos {
		if n := editDistance(name, asked); n <= typos && n < len(asked) {
			return n, true
		}
	}
	// As in _ZN3foo4mainEv, or work.cold; anything holds one or two letters.
	if len(asked) >= 3 && bytes.Contains(name, []byte(asked)) {
		return imageSuggestName + len(name), true
	}
	return 0, false
}

// editDistance counts the bytes to insert, delete or replace to make a into b.
func editDistance(a []byte, b string) int {
	var row [imageSuggestName + 1]int // len(b) is at most imageSuggestName
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i, c := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if c != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// insnLength returns the length in bytes of the instruction that code begins
// with; code may go on after it. It refuses what a breakpoint cannot replace.
func insnLength(code []byte) (int, error) {
	code = code[:min(len(code), imageInsnMax)]
	if code[0] == imageInt3 {
		return 0, errors.New("already begins with int3, 0xcc (name another function, or take a copy of the file without breakpoints)")
	}
	if n := unknownToX86asm(code); n != 0 {
		return n, nil
	}
	inst, err := x86asm.Decode(code, 64)
	if err != nil || inst.Op == 0 { // x86asm skips over bytes it does not know, without an error
		if cutOff(code) {
			return 0, fmt.Errorf("has its first instruction cut off by the end of the file: % x (try another copy of the file)", code)
		}
		return 0, fmt.Errorf("begins with an instruction that cannot be decoded: % x (name another function)", code)
	}
	// Intel and AMD disagree about its length; branch_setup_xol_ops() refuses it too.
	if _, relative := inst.Args[0].(x86asm.Rel); relative && hasDataSize(inst) {
		return 0, fmt.Errorf("begins with a branch with a 66 prefix, which has no agreed length: % x (name another function)", code[:inst.Len])
	}
	return inst.Len, nil
}

// unknownToX86asm returns the length of the instructions that functions do begin
// with and that x86asm v0.32 gets wrong, 0 for all others.
func unknownToX86asm(code []byte) int {
	known := [...]string{
		"\xf3\x0f\x1e\xfa", // endbr64: x86asm says length 1, no operation
		"\xf3\x0f\x1e\xfb", // endbr32
		"\xc5\xf8\x77",     // vzeroupper: x86asm reads a ModRM byte after it
		"\xc5\xfc\x77",     // vzeroall
	}
	for _, insn := range known {
		if bytes.HasPrefix(code, []byte(insn)) {
			return len(insn)
		}
	}
	return 0
}

// cutOff reports whether code would be an instruction if more bytes followed.
func cutOff(code []byte) bool {
	var longer [imageInsnMax]byte
	copy(longer[:], code)
	inst, err := x86asm.Decode(longer[:], 64)
	return err == nil && inst.Op != 0 && inst.Len > len(code)
}

// hasDataSize reports whether inst has a 66 prefix, needed or not.
func hasDataSize(inst x86asm.Inst) bool {
	for _, p := range inst.Prefix {
		if p&0xff == x86asm.PrefixDataSize { // without the flags
			return true
		}
	}
	return false
}
