//go:build linux && amd64

package x86

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var long = flag.Bool("long", false, "compare a million instructions with the host, not thousands")

// batch is the number of instances that go to the host at once.
const batch = 32

// differ compares n instances of the templates with the host. After prepare an
// instance may differ from what its template says.
func differ(t *testing.T, ts []template, n int, prepare func(in *instance, v *values)) {
	h, x := startHost(t), newRig()
	if *long {
		n *= 115
	}
	check := func(t *rapid.T, draw choose, seeds func() uint64) {
		var ins []*instance
		records := make([]record, batch)
		for i := range records {
			in := build(ts[draw(len(ts), "template")], draw, seeds())
			if prepare != nil {
				v := values(seeds())
				prepare(in, &v)
			}
			if len(in.code) > 15 {
				in.code = in.code[:0] // padding alone
			}
			ins = append(ins, in)
			records[i].put(in.code, &in.state, in.data[:])
		}
		h.run(t, records)
		for i, in := range ins {
			if d := in.compare(x, &records[i]); d != "" {
				t.Fatalf("%s % x\n%s\nbefore: %+v", in.name, in.code, d, in.state)
			}
		}
	}
	for done := 0; done < n; {
		rapid.Check(t, func(rt *rapid.T) {
			seed := values(rapid.Uint64().Draw(rt, "seed"))
			check(rt, func(n int, _ string) int { return int(seed.raw() % uint64(n)) }, seed.raw)
			done += batch
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d instructions compared", n)
}

// A rig is the executor with the memory of the host's process. One serves many
// instances, so that its cache of decoded instructions is tried as well.
type rig struct {
	cpu        *CPU
	code, page *Frame
}

func newRig() *rig {
	r := &rig{code: NewFrame(new([PageSize]byte)), page: NewFrame(new([PageSize]byte))}
	m := newFlat()
	m.pages[hostSlot&^pageMask] = r.code
	m.pages[hostRec] = r.page
	r.cpu = New(m)
	return r
}

// emulate runs an instance on the executor.
func (r *rig) emulate(in *instance) (s State, e Exception, data []byte) {
	slot := r.code.Data()[hostSlot&pageMask:][:16]
	for i := range slot {
		slot[i] = 0x90
	}
	copy(slot, in.code)
	r.code.Changed(hostSlot&pageMask, len(slot))
	data = r.page.Data()[recData : recData+dataSize]
	var before record // all of it: a stray stack may lie there
	before.put(in.code, &in.state, in.data[:])
	copy(r.page.Data()[:], before[:])
	clear(r.page.Data()[recSize:])
	s = in.state
	s.RIP = hostSlot
	r.cpu.SetState(s)
	for range 300 { // iterations of one instruction
		if e = r.cpu.Step(); e.Kind != None || r.cpu.RIP() != hostSlot {
			break
		}
	}
	return r.cpu.State(), e, data
}

// misaligned is a bit of MXCSR that only AMD processors have.
const misaligned = 1 << 17

// compare says what differs, one thing a line.
func (in *instance) compare(x *rig, r *record) string {
	if in.undef&undefinedResult != 0 {
		return ""
	}
	var out strings.Builder
	want := r.state()
	got, e, data := x.emulate(in)
	number, code, cr2 := r.trap()
	if e.Kind == PageFault && e.Addr-hostBase < 0x60000 {
		return "" // what the host keeps there, we have not
	}
	if r.u64(recSig) == 0 {
		number = ^uint64(0)
		want.RIP = hostSlot + max(1, uint64(len(in.code)))
	}
	if in.name == "ldmxcsr" && e.Kind == GeneralProtection && want.MXCSR&misaligned != 0 {
		return ""
	}
	if number == 14 && cr2 >= 1<<47-PageSize {
		e.Code |= FaultPresent // Linux says so of the kernel's addresses
	}
	if int(number) != e.Kind.Vector() || number != ^uint64(0) && uint32(code) != e.Code {
		return fmt.Sprintf("exception: %v, the host has vector %d, error code %#x, address %#x", e, int(number), code, cr2)
	}
	if e.Kind == PageFault && e.Addr != cr2 {
		fmt.Fprintf(&out, "fault address: %#x, the host has %#x\n", e.Addr, cr2)
	}
	for i := range got.R {
		if got.R[i] != want.R[i] {
			fmt.Fprintf(&out, "register %d: %#x, the host has %#x\n", i, got.R[i], want.R[i])
		}
	}
	undef := in.undef
	if in.name == x87Comparison && want.X87.SW&fpES != 0 {
		const codes = fpC0 | fpC2 | fpC3
		got.X87.SW |= codes
		want.X87.SW |= codes
		undef = status
	}
	if (got.RFLAGS^want.RFLAGS)&^undef != 0 {
		fmt.Fprintf(&out, "flags: %#x, the host has %#x; undefined are %#x\n", got.RFLAGS, want.RFLAGS, undef)
	}
	if got.RIP != want.RIP {
		fmt.Fprintf(&out, "rip: %#x, the host has %#x\n", got.RIP, want.RIP)
	}
	for i := range got.XMM {
		if got.XMM[i] != want.XMM[i] {
			fmt.Fprintf(&out, "xmm%d: %#x, the host has %#x\n", i, got.XMM[i], want.XMM[i])
		}
	}
	if got.MXCSR != want.MXCSR {
		fmt.Fprintf(&out, "mxcsr: %#x, the host has %#x\n", got.MXCSR, want.MXCSR)
	}
	got.X87.IP, got.X87.DP, got.X87.Op = 0, 0, 0 // the host may not store them
	want.X87.IP, want.X87.DP, want.X87.Op = 0, 0, 0
	if got.X87 != want.X87 {
		fmt.Fprintf(&out, "x87: %+v, the host has %+v\n", got.X87, want.X87)
	}
	if hostMem := r[recData : recData+dataSize]; !bytes.Equal(data, hostMem) {
		for i := range data {
			if data[i] != hostMem[i] {
				fmt.Fprintf(&out, "memory at +%d: %#x, the host has %#x\n", i, data[i], hostMem[i])
			}
		}
	}
	return out.String()
}

// TestComparisonComplains plants a mistake: the rig runs another instruction
// than the host.
func TestComparisonComplains(t *testing.T) {
	h, x := startHost(t), newRig()
	for _, c := range []struct {
		host, ours []byte
		want       string
	}{
		{[]byte{0x01, 0xc8}, []byte{0x01, 0xc8}, ""},
		{[]byte{0x01, 0xc8}, []byte{0x29, 0xc8}, "register 0: 0xfffffffe, the host has 0x4\nflags: "},
		{[]byte{0xf9}, []byte{0xf8}, "flags: 0x202, the host has 0x203"},
		{[]byte{0x90}, []byte{0x0f, 0x0b}, "exception: #UD, the host has vector -1"},
		{[]byte{0x0f, 0x0b}, []byte{0x90}, "exception: none, the host has vector 6"},
		{[]byte{0x88, 0x02}, []byte{0x88, 0x22}, "memory at +64: 0x0, the host has 0x1"},
		{[]byte{0x0f, 0x57, 0xc0}, []byte{0x0f, 0x54, 0xc0}, "xmm0: "},
		{[]byte{0xd9, 0xe8}, []byte{0xd9, 0xee}, "x87: "},
	} {
		in := &instance{code: c.host, state: Initial()}
		in.state.R[RAX], in.state.R[RCX], in.state.R[RDX] = 1, 3, hostData+64
		in.state.XMM[0] = vec{1, 2}
		records := make([]record, 1)
		records[0].put(in.code, &in.state, in.data[:])
		h.run(t, records)
		in.code = c.ours
		if got := in.compare(x, &records[0]); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("% x for % x: %q, want %q", c.ours, c.host, got, c.want)
		}
	}
}

func TestIntegerAgainstHost(t *testing.T) { differ(t, integerTemplates(), 3200, nil) }

func TestStackAgainstHost(t *testing.T) { differ(t, stackTemplates(), 640, stackPrepare) }

func stackPrepare(in *instance, v *values) {
	if in.base != RSP && (!in.mem || v.raw()%4 != 0) {
		in.state.R[RSP] = hostData + 64 + v.raw()%64
	}
}

func TestStringsAgainstHost(t *testing.T) { differ(t, stringTemplates(), 640, stringPrepare) }

func stringPrepare(in *instance, v *values) {
	in.state.R[RSI] = hostData + 64 + v.raw()%128
	in.state.R[RDI] = hostData + 64 + v.raw()%128
	in.state.R[RBX] = hostData
	if in.name == "string" {
		in.state.R[RCX] = v.raw() % 8
	}
	if v.raw()%2 == 0 {
		copy(in.data[128:], in.data[:128]) // something that is equal
	}
}

func TestVectorsAgainstHost(t *testing.T) { differ(t, vectorTemplates(), 1600, dataPrepare) }

func TestX87AgainstHost(t *testing.T) { differ(t, x87Templates(), 1600, x87Prepare) }

func TestFloatsAgainstHost(t *testing.T) { differ(t, floatTemplates(), 1600, dataPrepare) }

// dataPrepare is for instructions with an implied operand at RDI.
func dataPrepare(in *instance, v *values) {
	if in.name == "maskmovdqu" {
		in.state.R[RDI] = hostData + 64 + v.raw()%64
	}
}
