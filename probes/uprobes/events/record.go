package events

import (
	"encoding/binary"

	"trapline/probes/uprobes/defects"
	"trapline/sim"
)

// Regs are the registers that a handler sees, struct pt_regs.
type Regs struct {
	R              [16]uint64 // by the numbers of instructions: ax cx dx bx sp bp si di r8 …
	IP, Flags      uint64
	CS, SS, OrigAX uint64
}

// query reads the register of an index of the table of names.
func (r *Regs) query(i uint32) uint64 {
	switch registers[i] {
	case "orig_ax":
		return r.OrigAX
	case "ip":
		return r.IP
	case "cs":
		return r.CS
	case "flags":
		return r.Flags
	case "ss":
		return r.SS
	case "sp":
		return r.R[4]
	}
	return r.R[[...]uint8{15, 14, 13, 12, 11, 10, 9, 8, 3, 1, 2, 6, 7, 5, 0}[i]]
}

// A Memory is the address space of the task that hit the probe.
type Memory interface {
	// Read copies what is at addr and says how many bytes it got before the
	// first that cannot be read: copy_from_user().
	Read(addr uint64, p []byte) int
}

// A Hit is a probe that was hit.
type Hit struct {
	Regs   Regs
	Memory Memory
	Comm   string // name of the task
	PID    int    // of the thread
	Func   uint64 // of a return probe: the address of the probe
}

const (
	bufferSize = 4096 // MAX_UCB_BUFFER_SIZE, and the longest string (PATH_MAX)
	argsSize   = maxArgs * maxArray * 8

	tokenComm  = ^uint64(70) + 1    // FETCH_TOKEN_COMM, in place of an address
	kernelData = 0xffff888000000000 // any address that the program cannot read
)

// A Buffer is where one CPU puts records together, struct uprobe_cpu_buffer.
// What is in it stays until it is overwritten, which can show: [Buffer.Record].
// The kernel's is a page, which arguments that take more overrun; this one has
// room for them, and a record gets the first page.
type Buffer struct {
	Defects defects.Set
	page    [argsSize + bufferSize]byte
}

// Record makes the record that the trace buffer gets: the common fields, of which
// only the thread is filled in, the addresses, and the arguments. It is
// __uprobe_trace_func(), with prepare_uprobe_buffer().
func (b *Buffer) Record(p *Probe, h *Hit) []byte {
	f := &fetcher{b: b, p: p, h: h, header: p.Event.header()}
	dynamic := 0
	for i := range p.Args {
		if a := &p.Args[i]; a.dynamic {
			if n := f.run(a, nil); n > 0 {
				dynamic += n
			}
		}
	}
	dynamic = max(0, min(dynamic, bufferSize-p.size))
	f.storeArgs(dynamic)
	rec := make([]byte, f.header, f.header+p.size+dynamic)
	binary.LittleEndian.PutUint32(rec[4:], uint32(h.PID))
	if p.Event.Return {
		binary.LittleEndian.PutUint64(rec[commonSize:], h.Func)
		binary.LittleEndian.PutUint64(rec[commonSize+8:], h.Regs.IP)
	} else {
		binary.LittleEndian.PutUint64(rec[commonSize:], h.Regs.IP)
	}
	return append(rec, b.page[:min(p.size+dynamic, bufferSize)]...)
}

// A fetcher evaluates the arguments of one hit.
type fetcher struct {
	b      *Buffer
	p      *Probe
	h      *Hit
	header int
	data   string // of an immediate string
}

// A location is a u32 that says where in the record a string is, and how long
// it is: __data_loc.
func location(length, offset int) uint32 { return uint32(length)<<16 | uint32(offset)&0xffff }

// storeArgs is store_trace_args(); dynamic bytes are behind the arguments.
func (f *fetcher) storeArgs(dynamic int) {
	next := f.p.size
	for i := range f.p.Args {
		a := &f.p.Args[i]
		dest := f.b.page[a.offset:]
		if !f.b.Defects.Has(defects.StaleRecord) {
			clear(dest[:a.Size()])
		}
		if a.dynamic {
			binary.LittleEndian.PutUint32(dest, location(dynamic, f.header+next))
		}
		n := f.run(a, dest)
		if n < 0 && a.dynamic && !f.b.Defects.Has(defects.StaleRecord) {
			clear(dest[:a.Size()])
		}
		if n > 0 && a.dynamic {
			next += n
			dynamic -= n
		}
	}
}

// fault is -EFAULT, as the functions below return it.
const fault = -int(sim.EFAULT)

// run is process_fetch_insn(): it stores the argument at dest, or, without one,
// only measures its strings. It returns the bytes that strings take, or a
// negative error number.
func (f *fetcher) run(a *Arg, dest []byte) int {
	v := f.first(&a.code[0])
	code := a.code[1:]
	ret, total, last := 0, 0, v
	var third []fetchInsn // the operations from storing on
	for i := 0; ; {
		// Follow pointers.
		for code[0].op == opDeref || code[0].op == opUderef {
			last = v
			var ok bool
			if v, ok = f.word(v + uint64(code[0].offset)); !ok {
				return fault
			}
			ret = 0
			code = code[1:]
		}
		third = code
	store:
		in := &third[0]
		if in.op < opRaw || in.op > opUstring {
			return fault // -EILSEQ: an array of strings in the line itself
		}
		isString := in.op == opString || in.op == opUstring
		var loc uint32
		switch {
		case dest == nil:
			ret = f.length(v + uint64(in.offset))
		case isString:
			loc = binary.LittleEndian.Uint32(dest)
			ret = f.string(v+uint64(in.offset), dest, loc)
		case in.op == opRaw:
			putWord(dest[:in.size], v)
		default:
			f.read(v+uint64(in.offset), dest[:in.size])
		}
		code = third[1:]
		if code[0].op == opBits {
			if dest != nil {
				code[0].apply(dest)
			}
			code = code[1:]
		}
		if code[0].op != opArray {
			return ret
		}
		total += max(ret, 0)
		if i++; i == int(code[0].param) {
			return total
		}
		if !isString {
			dest = dest[in.size:]
			v += uint64(in.size)
			goto store
		}
		// Strings are an array of pointers: back to the one before.
		v = last + 8
		if dest != nil {
			dest = dest[4:]
			n := uint32(max(ret, 0))
			binary.LittleEndian.PutUint32(dest, loc&0xffff+n|(loc>>16-n)<<16)
		}
		code = a.code[len(a.code)-len(third)-1:]
	}
}

// first is the value that the operations begin with.
func (f *fetcher) first(in *fetchInsn) uint64 {
	r := &f.h.Regs
	switch in.op {
	case opReg:
		return r.query(in.param)
	case opStack:
		v, _ := f.word(r.R[4] + 8*uint64(in.param))
		return v
	case opStackP:
		return r.R[4]
	case opRetval:
		return r.R[0]
	case opComm:
		return tokenComm
	case opData:
		f.data = in.data
		return kernelData
	case opFoffs:
		at := r.IP
		if f.p.Event.Return {
			at = f.h.Func
		}
		v := at - f.p.Offset
		if f.b.Defects.Has(defects.FileOffsetTwice) {
			v += in.imm
		}
		return v
	}
	return in.imm
}

// read is copy_from_user(), which clears what it could not read.
func (f *fetcher) read(addr uint64, p []byte) bool {
	n := f.h.Memory.Read(addr, p)
	clear(p[n:])
	return n == len(p)
}

func (f *fetcher) word(addr uint64) (uint64, bool) {
	var b [8]byte
	ok := f.read(addr, b[:])
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[:]), true
}

// text reads the string at addr, without the zero at its end, of which it reads
// at most limit bytes. It is strncpy_from_user() and strnlen_user().
func (f *fetcher) text(addr uint64, limit int) (string, bool) {
	switch {
	case addr == tokenComm:
		return f.h.Comm[:min(len(f.h.Comm), limit)], true
	case addr == kernelData:
		if f.b.Defects.Has(defects.KernelString) {
			return "", false
		}
		return f.data[:min(len(f.data), limit)], true
	}
	var s []byte
	for len(s) < limit {
		var piece [64]byte
		n := f.h.Memory.Read(addr+uint64(len(s)), piece[:])
		for _, c := range piece[:n] {
			if c == 0 || len(s) == limit {
				return string(s), true
			}
			s = append(s, c)
		}
		if n < len(piece) {
			return "", len(s) == limit
		}
	}
	return string(s), true
}

// length is fetch_store_strlen(): the bytes of a string and of its zero, 0 if it
// cannot be read or is too long.
func (f *fetcher) length(addr uint64) int {
	s, ok := f.text(addr, bufferSize)
	if !ok || len(s) == bufferSize {
		return 0
	}
	return len(s) + 1
}

// string is fetch_store_string(): it puts the string where the location says.
func (f *fetcher) string(addr uint64, dest []byte, loc uint32) int {
	limit, offset := int(loc>>16), int(loc&0xffff)
	if limit == 0 {
		return -int(sim.ENOMEM)
	}
	s, ok := f.text(addr, limit)
	if !ok || offset < f.header { // the location has 16 bits
		binary.LittleEndian.PutUint32(dest, location(0, offset))
		return fault
	}
	place := f.b.page[offset-f.header:]
	n := copy(place, s)
	if n == limit {
		n--
	}
	place[n] = 0
	binary.LittleEndian.PutUint32(dest, location(n+1, offset))
	return n + 1
}

// apply is fetch_apply_bitfield().
func (in *fetchInsn) apply(dest []byte) {
	v := getWord(dest[:in.size]) << in.lshift
	keep := 64 - 8*in.size
	putWord(dest[:in.size], v<<keep>>keep>>in.rshift)
}

func getWord(p []byte) uint64 {
	var b [8]byte
	copy(b[:], p)
	return binary.LittleEndian.Uint64(b[:])
}

func putWord(p []byte, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	copy(p, b[:])
}
