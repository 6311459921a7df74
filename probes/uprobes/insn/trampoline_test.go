package insn

import (
	"testing"

	"trapline/vm/x86"
)

func TestCallTo(t *testing.T) {
	for _, c := range []struct {
		addr, to uint64
		ok       bool
	}{
		{0x400ffb, 0x3ff000, true},
		{0x80000000, 5, true},
		{0x80000000 - 5, 0, true},
		{0x80000001, 5, false},
		{0x1000, 0x80001004, true},
		{0x1000, 0x80001005, false},
		{0x555555555000, 0x3ff000, false},
	} {
		text, ok := CallTo(c.addr, c.to)
		if ok != c.ok {
			t.Errorf("CallTo(%#x, %#x) says %v", c.addr, c.to, ok)
			continue
		}
		if !ok {
			continue
		}
		distance := int64(int32(uint32(text[1]) | uint32(text[2])<<8 | uint32(text[3])<<16 | uint32(text[4])<<24))
		if text[0] != 0xe8 || c.addr+CallLen+uint64(distance) != c.to {
			t.Errorf("CallTo(%#x, %#x) = %x", c.addr, c.to, text)
		}
	}
}

// onTrampoline is a task in the system call of a trampoline that the
// instruction at 0x401000 has called.
func onTrampoline() (*bench, x86.State) {
	b := newBench(nil)
	s := x86.Initial()
	s.R[x86.RSP], s.RIP = benchData+0x100, 0x3ff00d
	for i, v := range []byte{0x11, 0x22, 0x33} { // rax, r11, rcx
		b.poke(s.R[x86.RSP]+uint64(8*i), []byte{v, 0, 0, 0, 0, 0, 0, 0})
	}
	b.poke(s.R[x86.RSP]+24, []byte{0x05, 0x10, 0x40, 0, 0, 0, 0, 0})
	return b, s
}

func TestTrampolineShowsTheProbedInstruction(t *testing.T) {
	b, s := onTrampoline()
	f, ok := EnterTrampoline(&s, b)
	if !ok || s.R[x86.RAX] != 0x11 || s.R[x86.R11] != 0x22 || s.R[x86.RCX] != 0x33 || s.RIP != 0x401000 || s.R[x86.RSP] != benchData+0x120 {
		t.Fatalf("entered: %v, %+v", ok, s)
	}
	s.R[x86.RCX] = 0x44 // a handler's doing
	if !f.Leave(&s, b) || s.RIP != 0x3ff00d || s.R[x86.RSP] != benchData+0x100 || s.R[x86.RAX] != 0 {
		t.Fatalf("left: %+v", s)
	}
	again, ok := EnterTrampoline(&s, b)
	if !ok || again.cx != 0x44 || again.ret != 0x401005 {
		t.Errorf("the frame: %+v", again)
	}
}

func TestTrampolineFollowsHandlers(t *testing.T) {
	for _, c := range []struct {
		name       string
		handler    func(*x86.State)
		ip, sp, to uint64 // to is the return address in the frame
	}{
		{"elsewhere", func(s *x86.State) { s.RIP = 0x402000 }, 0x3ff00d, benchData + 0x100, 0x402000},
		{"stack", func(s *x86.State) { s.R[x86.RSP] -= 8 }, 0x401005, benchData + 0x118, 0x401005},
		{"both", func(s *x86.State) { s.R[x86.RSP] += 8; s.RIP = 0x402000 }, 0x402000, benchData + 0x128, 0x401005},
	} {
		b, s := onTrampoline()
		f, _ := EnterTrampoline(&s, b)
		c.handler(&s)
		if !f.Leave(&s, b) || s.RIP != c.ip || s.R[x86.RSP] != c.sp || f.ret != c.to {
			t.Errorf("%s: %#x, %#x, %#x", c.name, s.RIP, s.R[x86.RSP], f.ret)
		}
	}
	b, s := onTrampoline()
	s.R[x86.RSP] = 8
	if _, ok := EnterTrampoline(&s, b); ok {
		t.Error("a frame that is not there was read")
	}
}

// holes are free pages, in order.
type holes []uint64

func (h holes) Lowest(low, high uint64) (uint64, bool) {
	for _, a := range h {
		if a >= low && a+4096 <= high {
			return a, true
		}
	}
	return 0, false
}

func (h holes) Highest(low, high uint64) (uint64, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i] >= low && h[i]+4096 <= high {
			return h[i], true
		}
	}
	return 0, false
}

func TestPlaceTrampoline(t *testing.T) {
	const far = 0x555555555000
	for _, c := range []struct {
		name string
		addr uint64
		free holes
		want uint64
	}{
		{"below the image, as in the captures", 0x4040c8, holes{0x1000, 0x3ff000, 0x45e000}, 0x3ff000},
		{"above is nearer", 0x45c000, holes{0x3ff000, 0x45e000}, 0x45e000},
		{"only above", 0x4040c8, holes{0x45e000}, 0x45e000},
		{"none", 0x4040c8, nil, 0},
		{"none near", far, holes{0x3ff000, 0x7ffff7000000}, 0},
		{"at the limits", far, holes{far - 1<<31 + 4096, far + 1<<31}, far - 1<<31 + 4096},
	} {
		got, ok := PlaceTrampoline(c.addr, c.free)
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%s: %#x, %v", c.name, got, ok)
			continue
		}
		if _, reached := CallTo(c.addr, got); ok && !reached {
			t.Errorf("%s: %#x cannot be called from %#x", c.name, got, c.addr)
		}
	}
}
