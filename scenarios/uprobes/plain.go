package uprobes

import (
	"encoding/binary"

	"trapline/pagecache"
	"trapline/vm/x86"
)

// A plainRun is a program that is executed without probes, alone, on memory that
// holds all of it: what a probed one is held against.
type plainRun struct {
	states []x86.State // after so many instructions
	stacks [][]byte
}

func (r *plainRun) stack(n int) []byte { return r.stacks[n] }

// plain executes the first instructions of the program from the probed one on. It
// ends before one that leaves the text and the stack, or needs the kernel.
func (w *World) plain(insns int) *plainRun {
	start, length, pgoff := w.text()
	m := plainMemory{}
	for at := uint64(0); at < length; at += pagecache.PageSize {
		page := new([x86.PageSize]byte)
		copy(page[:], w.Image.Bytes[min(pgoff*pagecache.PageSize+at, uint64(len(w.Image.Bytes))):])
		m = append(m, plainPage{start + at, x86.NewFrame(page), false})
	}
	stack := new([x86.PageSize]byte)
	const top = pagecache.PageSize / 2
	binary.LittleEndian.PutUint64(stack[top:], guestReturns)
	m = append(m, plainPage{guestStack, x86.NewFrame(stack), true})
	c := x86.New(m)
	s := x86.Initial()
	for i := range s.R {
		s.R[i] = uint64(i+1) * 0x1111111111111111
	}
	s.RIP, s.R[x86.RSP] = w.Image.Addr, guestStack+top
	c.SetState(s)
	r := &plainRun{}
	note := func() {
		r.states = append(r.states, c.State())
		r.stacks = append(r.stacks, append([]byte(nil), stack[:]...))
	}
	note()
	for range insns {
		if n, e := c.Run(1); n != 1 || e.Kind != x86.None {
			break
		}
		note()
	}
	return r
}

// A plainMemory is a list of pages; what is not there faults.
type plainMemory []plainPage

type plainPage struct {
	addr  uint64
	frame *x86.Frame
	data  bool // it is the stack, not text
}

// Translate looks a page up, see [x86.Memory].
func (m plainMemory) Translate(addr uint64, _ int, access x86.Access) (f *x86.Frame, keep, present bool) {
	for _, p := range m {
		if p.addr == addr&^(x86.PageSize-1) && (p.data || access == x86.Fetch || access == x86.Read) {
			return p.frame, true, true
		}
	}
	return nil, false, false
}
