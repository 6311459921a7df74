package events

import (
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
)

// bytesAt is a memory with some bytes at some addresses.
type bytesAt map[uint64]string

func (m bytesAt) Read(addr uint64, p []byte) int {
	for i := range p {
		found := false
		for base, s := range m {
			if a := addr + uint64(i); a >= base && a < base+uint64(len(s)) {
				p[i], found = s[a-base], true
			}
		}
		if !found {
			return i
		}
	}
	return len(p)
}

// fire defines an event, hits it once and prints it.
func fire(t *testing.T, b *Buffer, line string, h *Hit) string {
	t.Helper()
	r := New(oracleFiles{})
	if err := r.Command(line); err != nil {
		t.Fatal(err)
	}
	p := r.Probes()[0]
	return p.Event.Print(b.Record(p, h))
}

func TestDefectsOfFetching(t *testing.T) {
	word := func(b byte) string { return strings.Repeat(string(rune(b)), 8) }
	h := &Hit{Comm: "prog", Memory: bytesAt{
		0x1000: "text\x00", 0x2010: word(1), 0x2020: word(2), 0x3000: "\x00\x10\x00\x00\x00\x00\x00\x00",
	}}
	h.Regs.IP = 0x2000
	h.Regs.R[0] = 0x1000
	for _, c := range []struct{ name, line, linux, fixed string }{
		{"offset in the file", "p:e bin/basic:0x0 a=@+0x10:x8", "a=0x2", "a=0x1"},
		{"immediate string", `p:e bin/basic:0x0 a=\"abc"`, "a=(fault)", `a="abc"`},
		{"pointer to a pointer that is not there", "p:e bin/basic:0x0 a=+0(+0(%cx)):x16", "a=0x7777", "a=0x0"},
		{"string behind such a pointer", "p:e bin/basic:0x0 a=+0(+0(%cx)):string b=+0(%ax):string", `a="text" b="text"`, `a=(fault) b="text"`},
	} {
		for _, k := range defects.Kernels {
			b := &Buffer{Defects: k.Defects}
			before := &Hit{Memory: h.Memory, Regs: h.Regs}
			before.Regs.R[0] = 0x7777777777777777
			fire(t, b, "p:x bin/basic:0x0 %ax %ax %ax", before)
			want := "e: (0x2000) " + c.linux
			if k.Defects == defects.Fixed {
				want = "e: (0x2000) " + c.fixed
			}
			if got := fire(t, b, c.line, h); got != want {
				t.Errorf("%s, kernel %s: %s, want %s", c.name, k.Name, got, want)
			}
		}
	}
}

func TestValues(t *testing.T) {
	h := &Hit{Comm: "prog", Func: 0x5000, Memory: bytesAt{
		0x1000: "\xff\xee\xdd\xcc\xbb\xaa\x99\x88", 0x2000: strings.Repeat("y", 5000) + "\x00",
		0x9000: "\x00\x10\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00", 0x4000: "end\x00",
	}}
	h.Regs = Regs{IP: 0x6000, Flags: 0x246, CS: 0x33, SS: 0x2b, OrigAX: ^uint64(0)}
	for i := range h.Regs.R {
		h.Regs.R[i] = uint64(i)
	}
	h.Regs.R[3], h.Regs.R[4] = 0x1000, 0x9000
	for _, c := range []struct{ args, want string }{
		{"%ax:u8 %cx:u8 %dx:u8 %bp:u8 %si:u8 %di:u8", "arg1=0 arg2=1 arg3=2 arg4=5 arg5=6 arg6=7"},
		{"%r8:u8 %r9:u8 %r10:u8 %r11:u8 %r12:u8 %r13:u8 %r14:u8 %r15:u8", "arg1=8 arg2=9 arg3=10 arg4=11 arg5=12 arg6=13 arg7=14 arg8=15"},
		{"%ip %flags %cs %ss %orig_ax:s64 %sp", "arg1=0x6000 arg2=0x246 arg3=0x33 arg4=0x2b arg5=-1 arg6=0x9000"},
		{"$stack $stack0 $stack1 $stack2", "arg1=0x9000 arg2=0x1000 arg3=0x4000 arg4=0x0"},
		{"+0(%bx):s8 +0(%bx):s16 +0(%bx):s32 +0(%bx):s64", "arg1=-1 arg2=-4353 arg3=-857870593 arg4=-8603657889541918977"},
		{"+0(%bx):b4@4/8 +0(%bx):b12@4/32 +0(%bx):b64@0/64", "arg1=15 arg2=3823 arg3=9843086184167632639"},
		{"+0(%bx):x16[4] +0(%bx):char", "arg1={0xeeff,0xccdd,0xaabb,0x8899} arg2='\xff'"},
		{"+0(%sp):string[2]", "arg1={\"\xff\xee\xdd\xcc\xbb\xaa\x99\x88\",\"end\"}"},
		{"\\-2:s8 \\0x10 @0x4000:string $comm $COMM", `arg1=-2 arg2=0x10 arg3="end" arg4="prog" arg5="prog"`},
		{"@0x2000:string", "arg1=(fault)"}, // too long
		{"@0x5000:u64 @0x5000:string @0x1004:x64", "arg1=0 arg2=(fault) arg3=0x8899aabb"},
	} {
		b := &Buffer{Defects: defects.Linux618}
		if c.args == "+0(%sp):string[2]" {
			h.Memory.(bytesAt)[0x1008] = "\x00"
		}
		if got := fire(t, b, "p:e bin/basic:0x0 "+c.args, h); got != "e: (0x6000) "+c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.args, got, "e: (0x6000) "+c.want)
		}
	}
	got := fire(t, &Buffer{}, "r:e bin/basic:0x0 $retval", h)
	if want := "e: (0x6000 <- 0x5000) arg1=0x0"; got != want {
		t.Errorf("return: %q, want %q", got, want)
	}
}

func TestArgumentsLargerThanTheBuffer(t *testing.T) {
	var line strings.Builder
	line.WriteString("p:e bin/basic:0x0")
	for range 128 {
		line.WriteString(" +0(%bx):x64[64]")
	}
	h := &Hit{Memory: holes{}}
	if got := fire(t, &Buffer{}, line.String(), h); !strings.HasSuffix(got, ",0x0}") {
		t.Errorf("%.80s", got)
	}
	if got := fire(t, &Buffer{}, line.String()[:len("p:e bin/basic:0x0")+8*16]+" $comm", &Hit{Memory: holes{}, Comm: "c"}); !strings.Contains(got, " arg9=") {
		t.Errorf("%.80s", got)
	}
}
