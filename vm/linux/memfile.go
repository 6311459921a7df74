package linux

import (
	"trapline/sim"
	"trapline/vm"
)

// memFile is /proc/PID/mem: the memory of a process. It lasts only as long as a
// thread of the process has it.
type memFile struct {
	positioned
	space *space
}

func (f *memFile) access(t *Thread, p []byte, pos int64, write bool) (int, error) {
	if len(p) == 0 || !vm.MMGetNotZero(t.k, f.space.mm) {
		return 0, nil
	}
	defer vm.MMPut(t.k, f.space.mm)
	n := vm.AccessRemoteVM(t.k, f.space.mm, uint64(pos), p, write)
	if n == 0 {
		return 0, sim.EIO
	}
	return n, nil
}

func (f *memFile) read(t *Thread, _ *file, p []byte, pos int64) (int, error) {
	return f.access(t, p, pos, false)
}

// write is one call of mem_write(): what can be reached is written, and the next
// call fails.
func (f *memFile) write(t *Thread, _ *file, p []byte, pos int64) (int, error) {
	return f.access(t, p, pos, true)
}

func (f *memFile) poll(*file) uint32 { return pollIn | pollOut }
