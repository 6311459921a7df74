package linux

import (
	"trapline/pagecache"
	"trapline/vm"
	"trapline/vm/x86"
)

// fileInode is a file as the page cache knows it.
type fileInode = *pagecache.Inode

// The entries of the auxiliary vector, AT_..., in include/uapi/linux/auxvec.h.
const (
	atNull        = 0
	atIgnore      = 1
	atPhdr        = 3
	atPhent       = 4
	atPhnum       = 5
	atPagesz      = 6
	atBase        = 7
	atFlags       = 8
	atEntry       = 9
	atUID         = 11
	atEUID        = 12
	atGID         = 13
	atEGID        = 14
	atPlatform    = 15
	atHwcap       = 16
	atClktck      = 17
	atSecure      = 23
	atRandom      = 25
	atHwcap2      = 26
	atRseqSize    = 27
	atRseqAlign   = 28
	atExecfn      = 31
	atMinsigstksz = 51
)

// hwcap is CPUID leaf 1, EDX, as package x86 answers it.
const hwcap = 1<<0 | 1<<4 | 1<<8 | 1<<15 | 1<<19 | 1<<24 | 1<<25 | 1<<26

// stackPages is what is mapped of the stack at the start; the rest grows.
const stackPages = 33

// setupStack is setup_arg_pages() with create_elf_tables(): the stack as the first
// instruction finds it. From the top down lie the name of the file, the strings of
// the environment and of the arguments, the name of the platform, random bytes,
// and the vectors. The place of everything is that of a kernel without random
// addresses; where that tells of a vdso, AT_IGNORE stands.
func (t *Thread) setupStack(s *space, p *vm.Program, bias uint64, argv, env []string) error {
	prot := vm.ProtRead | vm.ProtWrite
	if p.ExecutableStack {
		prot |= vm.ProtExec
	}
	top := vm.TaskSize
	size := uint64(stackPages * x86.PageSize)
	if _, err := vm.Mmap(t.k, s.mm, vm.MmapArgs{Addr: top - size, Length: size, Prot: prot,
		Flags: vm.MapPrivate | vm.MapFixed | vm.MapAnonymous | vm.MapGrowsDown}); err != nil {
		return err
	}
	sp := top - 8
	push := func(str string) uint64 {
		sp -= uint64(len(str)) + 1
		return sp
	}
	var img stackImage
	put := func(str string) uint64 {
		at := push(str)
		img.add(at, append([]byte(str), 0))
		return at
	}
	execfn := put(s.path)
	s.envEnd = sp
	envp := make([]uint64, len(env))
	for i := len(env) - 1; i >= 0; i-- {
		envp[i] = put(env[i])
	}
	s.envStart, s.argEnd = sp, sp
	args := make([]uint64, len(argv))
	for i := len(argv) - 1; i >= 0; i-- {
		args[i] = put(argv[i])
	}
	s.argStart = sp
	sp &^= 15
	platform := put("x86_64")
	var random [16]byte
	t.sys.random(random[:])
	sp -= 16
	img.add(sp, random[:])
	randomAt := sp

	phdr := uint64(0)
	if p.Headers != 0 {
		phdr = p.Headers + bias
	}
	aux := []uint64{
		atIgnore, 0, atMinsigstksz, frameSize + fxsaveSize + 144, atHwcap, hwcap, atPagesz, x86.PageSize, atClktck, 100,
		atPhdr, phdr, atPhent, 56, atPhnum, uint64(p.Count), atBase, 0, atFlags, 0, atEntry, s.entry,
		atUID, 0, atEUID, 0, atGID, 0, atEGID, 0, atSecure, 0, atRandom, randomAt, atHwcap2, 0,
		atExecfn, execfn, atPlatform, platform, atRseqSize, 28, atRseqAlign, 32, atNull, 0,
	}
	words := append([]uint64{uint64(len(argv))}, args...)
	words = append(append(append(words, 0), envp...), 0)
	sp = (sp - 8*uint64(len(aux)) - 8*uint64(len(words))) &^ 15
	vector := make([]byte, 0, 8*(len(words)+len(aux)))
	for _, w := range append(words, aux...) {
		vector = append(vector, le64(w)...)
	}
	img.add(sp, vector)
	s.auxv = vector[8*len(words):]
	s.startSP, s.stackTop = sp, top
	return img.write(t, s.mm)
}

// A stackImage collects what is to be written to the stack.
type stackImage struct{ parts []stackPart }

type stackPart struct {
	at    uint64
	bytes []byte
}

func (img *stackImage) add(at uint64, b []byte) { img.parts = append(img.parts, stackPart{at, b}) }

func (img *stackImage) write(t *Thread, mm *vm.MM) error {
	for _, p := range img.parts {
		if err := vm.CopyToUser(t.k, mm, p.at, p.bytes); err != nil {
			return e2BIG
		}
	}
	return nil
}
