package vm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"slices"
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
