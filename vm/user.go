package vm

import (
	"trapline/pagecache"
	"trapline/sim"
)

var (
	opFetch = sim.NewOp("fetch(%s)")
	opStore = sim.NewOp("store(%s)")
)

var _ = sim.Plumbing("fetch", "fetch_bytes")

// Fetch is the processor fetching the byte of an instruction at addr: one step
// walks the page table and reads the page. It is false if the page is not
// mapped for execution, which makes a fault.
func Fetch(k *sim.K, mm *MM, addr uint64) (b byte, ok bool) {
	if bs := FetchBytes(k, mm, addr, 1); bs != nil {
		return bs[0], true
	}
	return 0, false
}

// FetchBytes is Fetch of n bytes at once, nil if one of them is not mapped.
func FetchBytes(k *sim.K, mm *MM, addr uint64, n int) []byte {
	k.Step(opFetch, &mm.pgd, sim.Read)
	bs := make([]byte, n)
	for i := range bs {
		at := addr + uint64(i)
		e, present := mm.walk(at)
		if !present || e.bits&pteExec == 0 {
			if k.Tracing() {
				k.Note("%#x: page fault", at)
			}
			return nil
		}
		bs[i] = pagecache.LoadByte(k, e.page, int(at&(pageSize-1)))
	}
	if k.Tracing() {
		k.Note("%#x: % x", addr, bs)
	}
	return bs
}

// Store is the processor writing a byte at addr, in one step. It is false if the
// page is not mapped for writing, which makes a fault. A page of a file becomes
// dirty at once; the dirty bit of the page table entry is left out.
func Store(k *sim.K, mm *MM, addr uint64, b byte) bool {
	k.Step(opStore, &mm.pgd, sim.Read)
	e, present := mm.walk(addr)
	if k.Tracing() {
		k.Note("%#x <- %02x, writable %t", addr, b, e.write())
	}
	if !present || !e.write() {
		return false
	}
	pagecache.StoreByte(k, e.page, int(addr&(pageSize-1)), b)
	if !e.anon() {
		pagecache.DirtyPage(k, e.page)
	}
	return true
}
