package vm

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// VictimStatus is the exit status of the program of [Victim]: work returns 42
// and far returns 1, so it shows that both have run.
const VictimStatus = 43

// Where things lie in the victim's file and memory. As in files that ld made in
// 2006, a single segment begins at offset 0, so that the ELF header and the first
// functions share page 0: the page that the kernel reads at execve().
const (
	victimBase    = 0x400000 // address of offset 0
	victimText    = 0x80     // .text begins, after the ELF and program headers
	victimTextEnd = 0x2100   // page 2 holds the end of .text and all the rest
	victimSize    = 0x3000   // three pages, so that each page has a neighbour
	victimNop     = 0x90     // between the functions, as gas aligns code
)

type victimFunc struct {
	name   string
	offset uint64 // in the file
	body   []victimInsn
}

type victimInsn struct {
	text string // as gas reads it
	code string // as the processor does
}

// victimListing is the program: as objdump -d would list it, text first. The
// first function is where it starts.
var victimListing = [...]victimFunc{
	{"_start", 0x80, []victimInsn{
		{"xor %ebp,%ebp", "\x31\xed"}, // the ABI asks for it: outermost frame
		{"call work", "\xe8\x29\x00\x00\x00"},
		{"mov %eax,%ebx", "\x89\xc3"},
		{"call far", "\xe8\x72\x11\x00\x00"},
		{"add %eax,%ebx", "\x01\xc3"},
		{"mov %ebx,%edi", "\x89\xdf"},
		{"mov $60,%eax", "\xb8\x3c\x00\x00\x00"}, // exit
		{"syscall", "\x0f\x05"},
	}},
	// In page 0. It begins with the one-byte instruction that a breakpoint
	// replaces whole.
	{"work", 0xb0, []victimInsn{
		{"push %rbp", "\x55"},
		{"mov %rsp,%rbp", "\x48\x89\xe5"},
		{"mov $42,%eax", "\xb8\x2a\x00\x00\x00"},
		{"pop %rbp", "\x5d"},
		{"ret", "\xc3"},
	}},
	// In page 1. It begins with a longer instruction, of which a breakpoint
	// leaves the tail.
	{"far", 0x1200, []victimInsn{
		{"sub $8,%rsp", "\x48\x83\xec\x08"},
		{"mov $1,%eax", "\xb8\x01\x00\x00\x00"},
		{"add $8,%rsp", "\x48\x83\xc4\x08"},
		{"ret", "\xc3"},
	}},
}

// code returns the bytes of a function.
func (f *victimFunc) code() []byte {
	var code []byte
	for _, insn := range f.body {
		code = append(code, insn.code...)
	}
	return code
}

// DefaultImage returns the program of [Victim], to be probed at its function
// work. All callers share it.
func DefaultImage() *Image { return defaultImage }

var defaultImage = loadVictim()

func loadVictim() *Image {
	img, err := LoadImage("victim", Victim(), "work")
	if err != nil {
		panic(fmt.Sprintf("vm: the victim does not load: %v", err))
	}
	return img
}

// Victim returns a new copy of the program that is probed when the user names no
// other: a static x86-64 Linux executable of three pages that really runs and
// exits with [VictimStatus]. Its functions are _start and work, in page 0, and
// far, in page 1. The bytes are the same at every call.
func Victim() []byte {
	strings := "\x00"
	symbols := make([]elf.Sym64, 1) // entry 0 names nothing
	file := make([]byte, victimSize)
	for i := victimText; i < victimTextEnd; i++ {
		file[i] = victimNop
	}
	for i := range victimListing {
		f := &victimListing[i]
		code := f.code()
		copy(file[f.offset:], code)
		symbols = append(symbols, elf.Sym64{
			Name:  uint32(len(strings)),
			Info:  elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC),
			Shndx: 1, // .text
			Value: victimBase + f.offset,
			Size:  uint64(len(code)),
		})
		strings += f.name + "\x00"
	}
	// After the text, in the order of ld: .shstrtab, section headers, .symtab, .strtab.
	const names = "\x00.symtab\x00.strtab\x00.shstrtab\x00.text\x00"
	const shoff = (victimTextEnd + len(names) + 7) &^ 7
	const shnum = 5
	const symoff = shoff + shnum*64 // sizeof(Elf64_Shdr)
	stroff := symoff + len(symbols)*elf.Sym64Size
	putVictim(file, victimTextEnd, []byte(names))
	putVictim(file, symoff, symbols)
	putVictim(file, stroff, []byte(strings))
	putVictim(file, shoff, [shnum]elf.Section64{
		{},
		{Name: 27, Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR),
			Addr: victimBase + victimText, Off: victimText, Size: victimTextEnd - victimText, Addralign: 16},
		{Name: 17, Type: uint32(elf.SHT_STRTAB), Off: victimTextEnd, Size: uint64(len(names)), Addralign: 1},
		{Name: 1, Type: uint32(elf.SHT_SYMTAB), Off: uint64(symoff), Size: uint64(stroff - symoff),
			Link: 4, Info: 1, Addralign: 8, Entsize: elf.Sym64Size},
		{Name: 9, Type: uint32(elf.SHT_STRTAB), Off: uint64(stroff), Size: uint64(len(strings)), Addralign: 1},
	})
	putVictim(file, 0, victimHeader(uint64(shoff), shnum))
	putVictim(file, 64, elf.Prog64{ // sizeof(Elf64_Ehdr)
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: victimBase, Paddr: victimBase,
		Filesz: victimTextEnd, Memsz: victimTextEnd, Align: 0x1000,
	})
	return file
}

func victimHeader(shoff uint64, shnum uint16) elf.Header64 {
	h := elf.Header64{
		Type:      uint16(elf.ET_EXEC),
		Machine:   uint16(elf.EM_X86_64),
		Version:   uint32(elf.EV_CURRENT),
		Entry:     victimBase + victimListing[0].offset,
		Phoff:     64,
		Shoff:     shoff,
		Ehsize:    64,
		Phentsize: 56,
		Phnum:     1,
		Shentsize: 64,
		Shnum:     shnum,
		Shstrndx:  2,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	h.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	return h
}

// putVictim writes a fixed-size value into file at offset off.
func putVictim(file []byte, off int, v any) {
	if _, err := binary.Encode(file[off:], binary.LittleEndian, v); err != nil {
		panic(fmt.Sprintf("vm: the victim has no room at %#x: %v", off, err))
	}
}
