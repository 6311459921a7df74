package x86

import "slices"

// blockSize is the most instructions in a block.
const blockSize = 64

// A block is a run of instructions that ends at the first that may branch or
// needs the kernel. It lies in one page, but for a last instruction that may
// reach into the next; such an instruction is a block of its own.
type block struct {
	addr uint64
	ops  []insn
	page *codePage
	tail *codePage // page of the last bytes, if it is another
	next [2]*block // seen last: the one that follows in memory, any other
	end  uint64    // address behind the block
}

// A codePage holds the blocks of a page.
type codePage struct {
	addr       uint64
	frame      *Frame           // which was there when it was last asked for
	bytes      *Frame           // where instructions are read from: frame, or a copy
	version    uint64           // of bytes, when the first block was decoded
	generation uint64           // of the translations when the frame was asked for
	keep       bool             // the translation may be kept
	dead       bool             // a copy that is out of date
	index      [PageSize]uint16 // number of the block that begins there, plus one
	blocks     []*block
}

// valid reports whether the blocks are still those that a fetch would find.
func (p *codePage) valid(c *CPU) bool {
	return p.version == p.bytes.version && p.generation == c.generation && p.keep && !p.dead
}

// codeCacheSize is the number of pages that are found without a search.
const codeCacheSize = 256

// A codeCache holds what a processor has decoded.
type codeCache struct {
	deferred bool
	recent   [codeCacheSize]*codePage
	pages    map[uint64]*codePage
	copies   []*codePage // when deferred
	size     int         // instructions decoded, and what pages take counted as such
}

// serialize forgets the copies: the next fetch sees what is there.
func (cc *codeCache) serialize() {
	if cc.deferred {
		cc.forget()
	}
}

// forget leaves nothing but the block that is executed.
func (cc *codeCache) forget() {
	for _, p := range cc.copies {
		p.dead = true
	}
	*cc = codeCache{deferred: cc.deferred}
}

// dropFrame forgets what was copied from a frame that the processor itself has
// written: its own stores it sees at once (SDM vol. 3, 11.6).
func (cc *codeCache) dropFrame(f *Frame) {
	for _, p := range cc.copies {
		if p.frame == f {
			p.dead = true
		}
	}
}

// codeLimit is the most that a codeCache holds, which is some 50 MB: a program may
// begin a block at each of its bytes. pageCost is what a page of code takes, in
// instructions.
const (
	codeLimit = 1 << 19
	pageCost  = 80
)

// grow counts what has been decoded. Where that is too much, all of it is forgotten
// but for the block that is executed next.
func (cc *codeCache) grow(c *CPU, n int) {
	if cc.size += n; cc.size > codeLimit {
		cc.forget()
		c.generation++ // no block goes on with one from before
	}
}

// follow finds the block at RIP, given the one executed before.
func (cc *codeCache) follow(c *CPU, last *block) *block {
	if last == nil {
		return cc.lookup(c)
	}
	i := 1
	if c.rip == last.end {
		i = 0
	}
	b := last.next[i]
	if b != nil && b.addr == c.rip && b.page.valid(c) && (b.tail == nil || b.tail.valid(c)) {
		return b
	}
	b = cc.lookup(c)
	last.next[i] = b
	return b
}

func (cc *codeCache) lookup(c *CPU) *block {
	p := cc.page(c, c.rip)
	if p == nil {
		return nil
	}
	if n := p.index[c.rip&pageMask]; n != 0 {
		b := p.blocks[n-1]
		if b.tail == nil {
			return b
		}
		switch cc.page(c, b.tail.addr) {
		case nil:
			return nil
		case b.tail:
			return b
		}
		b = cc.build(c, p)
		if b != nil {
			p.blocks[n-1] = b
		}
		return b
	}
	b := cc.build(c, p)
	if b != nil {
		p.blocks = append(p.blocks, b) // at most one for each byte of the page
		p.index[c.rip&pageMask] = uint16(len(p.blocks))
		cc.grow(c, len(b.ops))
	}
	return b
}

// page finds the page of code at addr; it is what a fetch of addr goes through.
func (cc *codeCache) page(c *CPU, addr uint64) *codePage {
	slot := &cc.recent[addr>>12%codeCacheSize]
	p := *slot
	if p == nil || p.addr != addr&^pageMask {
		p = cc.pages[addr&^pageMask]
	}
	if p != nil && p.valid(c) {
		*slot = p
		return p
	}
	f, keep := c.fetch(addr)
	if f == nil {
		return nil
	}
	if p == nil || p.frame != f || p.version != p.bytes.version || p.dead {
		p = &codePage{addr: addr &^ pageMask, frame: f, bytes: f}
		if cc.deferred {
			data := *f.data
			p.bytes = NewFrame(&data)
			cc.copies = append(cc.copies, p)
		}
		p.version = p.bytes.version
		cc.size += pageCost
		if cc.pages == nil {
			cc.pages = map[uint64]*codePage{}
		}
		cc.pages[p.addr] = p
	}
	p.generation, p.keep = c.generation, keep
	*slot = p
	return p
}

// fetch translates the address of an instruction.
func (c *CPU) fetch(addr uint64) (f *Frame, keep bool) {
	c.recheck = false
	f = c.translate(addr, 1, Fetch)
	keep = !c.recheck
	c.recheck = false
	return f, keep
}

// build decodes a block. Where the first instruction cannot be fetched, it
// raises the exception and returns nil; where it is undefined, the block raises
// it when it is executed.
func (cc *codeCache) build(c *CPU, p *codePage) *block {
	b := &block{addr: c.rip, page: p}
	for addr := c.rip; len(b.ops) < blockSize && addr&^pageMask == p.addr; {
		text := p.bytes.data[addr&pageMask:]
		in, n := decode(addr, text)
		if n > len(text) {
			if len(b.ops) > 0 {
				break // it will be a block of its own
			}
			q := cc.page(c, p.addr+PageSize)
			if q == nil {
				return nil
			}
			in, n = decode(addr, slices.Concat(text, q.bytes.data[:maxLen]))
			p.note(addr, len(text))
			q.note(q.addr, n-len(text))
			b.tail = q
			b.ops = append(b.ops, in)
			b.end = in.next
			break
		}
		if in.alone && len(b.ops) > 0 {
			break
		}
		p.note(addr, n)
		b.ops = append(b.ops, in)
		addr = in.next
		b.end = addr
		if in.last {
			break
		}
	}
	b.ops = slices.Clip(b.ops)
	return b
}

// note makes writes to decoded bytes noticed. A copy is never written, but the
// frame behind it may be, by this processor.
func (p *codePage) note(addr uint64, n int) {
	p.frame.watch(int(addr&pageMask), n)
}
