package linux

import "trapline/sim"

// A pipe holds what was written to one end and not yet read from the other.
const (
	pipeSize = 64 << 10
	pipeBuf  = 4096 // so much is written in one piece or not at all
)

type pipe struct {
	stream
	buf              []byte
	readers, writers int
	opened           [2]uint64 // how often a FIFO was opened for reading, and for writing
	changes          uint64
}

// pipeEnd is one end of a pipe; a FIFO opened for both is both.
type pipeEnd struct {
	*pipe
	reads, writes bool
}

func (p pipeEnd) read(_ *Thread, _ *file, buf []byte, _ int64) (int, error) {
	switch {
	case len(buf) == 0:
		return 0, nil
	case len(p.buf) == 0 && p.writers == 0:
		return 0, nil
	case len(p.buf) == 0:
		return 0, sim.EAGAIN
	}
	n := copy(buf, p.buf)
	p.changes++
	p.pipe.buf = p.buf[n:]
	if len(p.buf) == 0 {
		p.pipe.buf = nil
	}
	return n, nil
}

func (p pipeEnd) write(t *Thread, _ *file, buf []byte, _ int64) (int, error) {
	if p.readers == 0 {
		t.sendSelf(sigPIPE)
		return 0, ePIPE
	}
	n := min(len(buf), pipeSize-len(p.buf))
	if n == 0 && len(buf) > 0 || n < len(buf) && len(buf) <= pipeBuf {
		return 0, sim.EAGAIN
	}
	p.changes++
	p.pipe.buf = append(p.pipe.buf, buf[:n]...)
	if n < len(buf) {
		return n, sim.EAGAIN
	}
	return n, nil
}

func (p pipeEnd) poll(*file) uint32 {
	var events uint32
	if p.reads {
		if len(p.buf) > 0 {
			events |= pollIn
		}
		if p.pipe.writers == 0 {
			events |= pollHup
		}
	}
	if p.writes {
		if pipeSize-len(p.buf) >= pipeBuf {
			events |= pollOut
		}
		if p.pipe.readers == 0 {
			events |= pollErr
		}
	}
	return events
}

func (p pipeEnd) generation() uint64 { return p.changes }

func (p pipeEnd) release(*Thread, *file) {
	p.changes++
	if p.reads {
		p.pipe.readers--
	}
	if p.writes {
		p.pipe.writers--
	}
}

// newPipe makes both ends of a pipe.
func newPipe(flags int) (r, w *file) {
	p := &pipe{readers: 1, writers: 1}
	r = &file{ops: pipeEnd{p, true, false}, flags: flags & oNonblock, refs: 1}
	w = &file{ops: pipeEnd{p, false, true}, flags: flags&oNonblock | oWronly, refs: 1}
	return r, w
}

// openFIFO is fifo_open(): each end waits until the other one is opened.
func (t *Thread) openFIFO(n *node, flags int) (fileOps, error) {
	if n.fifo == nil {
		n.fifo = &pipe{}
	}
	p := n.fifo
	end := pipeEnd{p, flags&oAccMode != oWronly, flags&oAccMode != 0}
	if !end.reads && p.readers == 0 && flags&oNonblock != 0 {
		return nil, eNXIO
	}
	if end.reads {
		p.readers++
		p.opened[0]++
	}
	if end.writes {
		p.writers++
		p.opened[1]++
	}
	other, there := 1, p.writers > 0
	if end.writes {
		other, there = 0, p.readers > 0
	}
	since := p.opened[other]
	if there || flags&oNonblock != 0 || t.block(func() bool { return p.opened[other] != since }, never) {
		return end, nil
	}
	end.release(t, nil)
	return nil, sim.ERESTARTSYS
}
