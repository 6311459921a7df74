package x86

import "testing"

// flat is a memory of whole pages, all rights given.
type flat struct {
	pages map[uint64]*Frame
	prot  map[uint64]func(Access) bool // of pages with fewer rights
}

func newFlat() *flat { return &flat{map[uint64]*Frame{}, map[uint64]func(Access) bool{}} }

func (m *flat) Translate(addr uint64, _ int, access Access) (f *Frame, keep, present bool) {
	page := addr &^ pageMask
	f = m.pages[page]
	if ok := m.prot[page]; f != nil && ok != nil && !ok(access) {
		return nil, false, true
	}
	return f, true, f != nil
}

// write maps pages as needed and fills them.
func (m *flat) write(addr uint64, p []byte) {
	for i, b := range p {
		a := addr + uint64(i)
		f := m.pages[a&^pageMask]
		if f == nil {
			f = NewFrame(new([PageSize]byte))
			m.pages[a&^pageMask] = f
		}
		f.Data()[a&pageMask] = b
		f.Changed(int(a&pageMask), 1)
	}
}

func TestSmoke(t *testing.T) {
	m := newFlat()
	// mov ecx, 10; xor eax, eax; 1: add eax, ecx; dec ecx; jne 1b; syscall
	m.write(0x1000, []byte{0xb9, 10, 0, 0, 0, 0x31, 0xc0, 0x01, 0xc8, 0xff, 0xc9, 0x75, 0xfa, 0x0f, 0x05})
	c := New(m)
	c.SetRIP(0x1000)
	n, e := c.Run(1000)
	if e.Kind != Syscall || n != 33 || c.Reg(RAX) != 55 || c.Reg(RCX) != 0x100f {
		t.Fatalf("%d instructions, %v, %+v", n, e, c.State())
	}
}
