package linux

import (
	"encoding/binary"
	"errors"
	"io"

	"trapline/sim"
)

// The files that are no regular ones: the streams that the user gives to the
// program, and the devices.

// hostStream is stdin, stdout or stderr.
type hostStream struct {
	stream
	r io.Reader
	w io.Writer

	waiting int   // threads that wait for input
	wanted  int   // how much they wait for, 0 if none does
	until   int64 // when it is there at the latest
	here    []byte
	err     error // how the last read from the host has ended
}

// inputTime is the longest that input takes, in virtual nanoseconds. Until then other
// threads go on. If all of them wait too, it is there at once.
const inputTime = second / 100

// read waits for the host where nobody else can go on, or [inputTime] later: so when
// input arrives does not depend on the host.
func (h *hostStream) read(t *Thread, f *file, p []byte, _ int64) (int, error) {
	if h.r == nil || len(p) == 0 {
		return 0, nil
	}
	came := func() bool {
		if len(h.here) > 0 || h.err != nil {
			return true
		}
		if h.wanted == 0 { // also when another thread has taken what came
			h.wanted, h.until = len(p), t.sys.now+inputTime
		}
		return false
	}
	if !came() && (t.sys.threads == 1 || f.flags&oNonblock != 0) {
		h.fetch()
	}
	h.waiting++
	there := t.block(came, never)
	if h.waiting--; h.waiting == 0 {
		h.wanted = 0
	}
	if !there {
		return 0, sim.ERESTARTSYS
	}
	n := copy(p, h.here)
	h.here = h.here[n:]
	if n > 0 {
		return n, nil
	}
	err := h.err
	h.err = nil // a terminal can be read again
	if errors.Is(err, io.EOF) {
		return 0, nil
	}
	t.sys.note("reading standard input: %v", err)
	return 0, sim.EIO
}

// fetch reads what the host has, and waits for it.
func (h *hostStream) fetch() {
	p := make([]byte, h.wanted)
	n := 0
	for n == 0 && h.err == nil {
		n, h.err = h.r.Read(p)
	}
	h.here, h.wanted = p[:n], 0
}

func (h *hostStream) write(t *Thread, _ *file, p []byte, _ int64) (int, error) {
	if h.w == nil {
		return len(p), nil
	}
	n, err := h.w.Write(p)
	if err != nil {
		t.sendSelf(sigPIPE)
		return n, ePIPE
	}
	return n, nil
}

func (h *hostStream) poll(*file) uint32 { return pollIn | pollOut }

// The devices of /dev.
type (
	devNull   struct{ stream }
	devZero   struct{ stream }
	devFull   struct{ devZero }
	devRandom struct{ stream }
)

func (devNull) read(*Thread, *file, []byte, int64) (int, error)            { return 0, nil }
func (devNull) write(_ *Thread, _ *file, p []byte, _ int64) (int, error)   { return len(p), nil }
func (devNull) poll(*file) uint32                                          { return pollIn | pollOut }
func (devZero) write(_ *Thread, _ *file, p []byte, _ int64) (int, error)   { return len(p), nil }
func (devZero) poll(*file) uint32                                          { return pollIn | pollOut }
func (devFull) write(*Thread, *file, []byte, int64) (int, error)           { return 0, eNOSPC }
func (devRandom) write(_ *Thread, _ *file, p []byte, _ int64) (int, error) { return len(p), nil }
func (devRandom) poll(*file) uint32                                        { return pollIn | pollOut }
func (devRandom) read(t *Thread, _ *file, p []byte, _ int64) (int, error) {
	t.sys.random(p)
	return len(p), nil
}

func (devZero) read(_ *Thread, _ *file, p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// eventFD is eventfd(2).
type eventFD struct {
	stream
	count     uint64
	changes   uint64
	semaphore bool
}

func (e *eventFD) read(_ *Thread, _ *file, p []byte, _ int64) (int, error) {
	if len(p) < 8 {
		return 0, sim.EINVAL
	}
	if e.count == 0 {
		return 0, sim.EAGAIN
	}
	n := e.count
	if e.semaphore {
		n = 1
	}
	e.count -= n
	e.changes++
	binary.LittleEndian.PutUint64(p, n)
	return 8, nil
}

func (e *eventFD) write(_ *Thread, _ *file, p []byte, _ int64) (int, error) {
	if len(p) < 8 {
		return 0, sim.EINVAL
	}
	n := binary.LittleEndian.Uint64(p)
	switch {
	case n == ^uint64(0):
		return 0, sim.EINVAL
	case e.count > ^uint64(0)-1-n:
		return 0, sim.EAGAIN
	}
	e.count += n
	e.changes++
	return 8, nil
}

func (e *eventFD) generation() uint64 { return e.changes }

func (e *eventFD) poll(*file) uint32 {
	var events uint32
	if e.count > 0 {
		events |= pollIn
	}
	if e.count < ^uint64(0)-1 {
		events |= pollOut
	}
	return events
}

// positioned is what files with positions have in common.
type positioned struct{}

func (positioned) seekable() bool         { return true }
func (positioned) generation() uint64     { return 0 }
func (positioned) release(*Thread, *file) {}

// textFile is a file of /proc: its content is made when it is opened.
type textFile struct {
	positioned
	text []byte
}

func (f *textFile) read(_ *Thread, _ *file, p []byte, pos int64) (int, error) {
	if pos < 0 || pos >= int64(len(f.text)) {
		return 0, nil
	}
	return copy(p, f.text[pos:]), nil
}

func (f *textFile) write(*Thread, *file, []byte, int64) (int, error) { return 0, eACCES }
func (f *textFile) poll(*file) uint32                                { return pollIn | pollOut }
