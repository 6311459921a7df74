package x86

import "encoding/binary"

// PageSize is the size of a page in bytes.
const PageSize = 4096

const pageMask = PageSize - 1

// An Access is what an instruction is about to do with memory.
type Access uint8

// The kinds of access.
const (
	Fetch  Access = iota // of instruction bytes
	Read                 // of data
	Write                // of data
	Modify               // a read by an instruction that will then Write; it needs the right to write
	Atomic               // a read and a write that nothing comes between
)

// A Memory is what lies behind the TLB of a processor.
type Memory interface {
	// Translate finds the frame of the page that holds size bytes from addr on;
	// they do not cross a page boundary. A nil frame means a page fault, and
	// present then says that the page is there but forbids the access. With
	// keep the processor may use the answer again until it is flushed; without,
	// it asks before each access, which happens right after Translate returns.
	Translate(addr uint64, size int, access Access) (f *Frame, keep, present bool)
}

// A Frame is a physical page. All mappings of a page must share its frame, so
// that a write through any of them is seen by the decoders of all processors.
type Frame struct {
	data    *[PageSize]byte
	version uint64      // of the decoded bytes: changes whenever one of them is written
	decoded *[64]uint64 // one bit for each byte that some processor has decoded
}

// NewFrame makes a frame of the bytes of a page.
func NewFrame(data *[PageSize]byte) *Frame {
	return &Frame{data: data}
}

// Data is the content of the page. Whoever changes it calls [Frame.Changed].
func (f *Frame) Data() *[PageSize]byte { return f.data }

// Changed says that n bytes from offset on were written by something other than
// a processor of this package.
func (f *Frame) Changed(offset, n int) {
	if f.decoded != nil && f.covers(offset, n) {
		f.version++
	}
}

// covers reports whether one of the bytes has been decoded.
func (f *Frame) covers(offset, n int) bool {
	for i := offset; i < offset+n && i < PageSize; i++ {
		if f.decoded[i>>6]>>(i&63)&1 != 0 {
			return true
		}
	}
	return false
}

// watch notes that bytes have been decoded.
func (f *Frame) watch(offset, n int) {
	if f.decoded == nil {
		f.decoded = new([64]uint64)
	}
	for i := offset; i < offset+n && i < PageSize; i++ {
		f.decoded[i>>6] |= 1 << (i & 63)
	}
}

// tlbSize is the number of translations kept for reading, and for writing.
const tlbSize = 256

// A translation is one entry of the TLB; tag is the page's address with bit 0
// set, so that the zero value is no translation.
type translation struct {
	tag   uint64
	data  *[PageSize]byte
	frame *Frame
}

func tagOf(addr uint64) uint64 { return addr&^pageMask | 1 }

// Flush forgets all translations.
func (c *CPU) Flush() {
	c.reads = [tlbSize]translation{}
	c.writes = [tlbSize]translation{}
	c.generation++
	c.stop = true
}

// FlushPage forgets the translation of the page of addr.
func (c *CPU) FlushPage(addr uint64) {
	i := addr >> 12 % tlbSize
	if c.reads[i].tag == tagOf(addr) {
		c.reads[i] = translation{}
	}
	if c.writes[i].tag == tagOf(addr) {
		c.writes[i] = translation{}
	}
	c.generation++ // pages of code are few: they are all asked for again
	c.stop = true
}

// canonical reports whether the upper bits of an address repeat its sign (SDM
// vol. 1, 3.3.7.1).
func canonical(addr uint64) bool { return int64(addr<<16)>>16 == int64(addr) }

// translate is the way past the TLB. It raises the exceptions of SDM vol. 1,
// 3.3.7.1 and vol. 3, 4.7.
func (c *CPU) translate(addr uint64, size int, access Access) *Frame {
	if !canonical(addr) {
		c.raise(GeneralProtection, 0, addr) // Run makes it #SS for the stack
		return nil
	}
	f, keep, present := c.mem.Translate(addr, size, access)
	if f == nil {
		code := uint32(FaultUser)
		if present {
			code |= FaultPresent
		}
		switch access {
		case Fetch:
			code |= FaultFetch
		case Write, Modify, Atomic:
			code |= FaultWrite
		}
		c.raise(PageFault, code, addr)
		return nil
	}
	if keep && (c.sys&AC == 0 || access == Fetch) {
		e := translation{tagOf(addr), f.data, f}
		switch access {
		case Read:
			c.reads[addr>>12%tlbSize] = e
		case Write, Modify, Atomic:
			c.writes[addr>>12%tlbSize] = e
		}
	} else if !keep {
		c.recheck = true
	}
	return f
}

// A span is where the bytes of one access lie: in a frame, or at the end of one
// and the beginning of another.
type span struct {
	addr          uint64
	first, second *Frame
	n             int // bytes in the first
}

// find translates both pages of an access before anything is done.
func (c *CPU) find(addr uint64, size int, access Access) (s span, ok bool) {
	if h := c.held; h.first != nil && h.addr == addr && access == Write {
		return h, true
	}
	if c.sys&AC != 0 && size <= 8 && addr&uint64(size-1) != 0 {
		c.raise(AlignmentCheck, 0, 0)
		return s, false
	}
	s = span{addr: addr, n: min(size, PageSize-int(addr&pageMask))}
	if end := addr + uint64(size) - 1; !canonical(end) { // comes before a fault of the first page
		c.raise(GeneralProtection, 0, end)
		return s, false
	}
	if s.first = c.lookup(addr, s.n, access); s.first == nil {
		return s, false
	}
	if s.n < size {
		if s.second = c.lookup(addr+uint64(s.n), size-s.n, access); s.second == nil {
			return s, false
		}
	}
	if access == Atomic {
		c.held = s
	}
	return s, true
}

func (c *CPU) lookup(addr uint64, size int, access Access) *Frame {
	e := &c.reads[addr>>12%tlbSize]
	if access != Read {
		e = &c.writes[addr>>12%tlbSize]
	}
	if e.tag == tagOf(addr) {
		return e.frame
	}
	return c.translate(addr, size, access)
}

// loadBytes reads as many bytes as p holds, or raises an exception.
func (c *CPU) loadBytes(addr uint64, p []byte, access Access) bool {
	s, ok := c.find(addr, len(p), access)
	if !ok {
		return false
	}
	copy(p[:s.n], s.first.data[addr&pageMask:])
	if s.second != nil {
		copy(p[s.n:], s.second.data[:])
	}
	return true
}

// storeBytes writes all of p, or raises an exception and writes nothing.
func (c *CPU) storeBytes(addr uint64, p []byte) bool {
	s, ok := c.find(addr, len(p), Write)
	if !ok {
		return false
	}
	copy(s.first.data[addr&pageMask:], p[:s.n])
	c.wrote(s.first, int(addr&pageMask), s.n)
	if s.second != nil {
		copy(s.second.data[:], p[s.n:])
		c.wrote(s.second, 0, len(p)-s.n)
	}
	return true
}

// wrote follows every store: instructions that have been decoded from these
// bytes are forgotten, also the rest of the block that is being executed.
func (c *CPU) wrote(f *Frame, offset, n int) {
	if f.decoded != nil && f.covers(offset, n) {
		f.version++
		f.decoded = nil
		c.code.dropFrame(f)
		c.stop = true
	}
}

// load reads an operand. Access is Read, Modify or Atomic.
func load[T word](c *CPU, addr uint64, access Access) (T, bool) {
	size := sizeof[T]()
	e := &c.reads[addr>>12%tlbSize]
	if access != Read {
		e = &c.writes[addr>>12%tlbSize]
	}
	if off := addr & pageMask; e.tag == tagOf(addr) && off <= PageSize-size {
		return get[T](e.data, off), true
	}
	var b [8]byte
	if !c.loadBytes(addr, b[:size], access) {
		return 0, false
	}
	return T(binary.LittleEndian.Uint64(b[:])), true
}

// store writes an operand.
func store[T word](c *CPU, addr uint64, v T) bool {
	size := sizeof[T]()
	e := &c.writes[addr>>12%tlbSize]
	if off := addr & pageMask; e.tag == tagOf(addr) && off <= PageSize-size {
		put(e.data, off, v)
		if e.frame.decoded != nil {
			c.wrote(e.frame, int(off), int(size))
		}
		return true
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(v))
	return c.storeBytes(addr, b[:size])
}

func get[T word](p *[PageSize]byte, off uint64) T {
	switch sizeof[T]() {
	case 1:
		return T(p[off&pageMask])
	case 2:
		return T(binary.LittleEndian.Uint16(p[off&pageMask:]))
	case 4:
		return T(binary.LittleEndian.Uint32(p[off&pageMask:]))
	}
	return T(binary.LittleEndian.Uint64(p[off&pageMask:]))
}

func put[T word](p *[PageSize]byte, off uint64, v T) {
	switch sizeof[T]() {
	case 1:
		p[off&pageMask] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(p[off&pageMask:], uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p[off&pageMask:], uint32(v))
	default:
		binary.LittleEndian.PutUint64(p[off&pageMask:], uint64(v))
	}
}
