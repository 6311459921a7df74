package live

import (
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/sim"
)

func TestEnabling(t *testing.T) {
	text := make([]byte, 0x100)
	text[0x10], text[0x20] = 0x90, 0xf4 // nop, hlt
	for _, c := range []struct {
		line   string
		d      defects.Set
		enable error
	}{
		{"p:g/e /bin/prog:0x10", defects.Linux618, nil},
		{"p:g/e /bin/prog:0x20", defects.Linux618, nil}, // nobody has looked yet
		{"p:g/e /bin/prog:0x20", defects.Fixed, sim.ENOTSUPP},
		{"p:g/e /bin/prog:0x101", defects.Linux618, sim.EINVAL},
		{"p:g/e /bin/prog:0x100", defects.Linux618, nil},
		{"p:g/e /bin/prog:0x10(0x31)", defects.Linux618, sim.EINVAL},
		{"p:g/e /bin/prog:0x10(0x30)", defects.Linux618, nil},
	} {
		k := New(one{"/bin/prog", text}, c.d)
		if err := k.Write(c.line); err != nil {
			t.Fatal(err)
		}
		if err := k.Enable("g/e", true); err != c.enable {
			t.Errorf("%s: enabling: %v, want %v", c.line, err, c.enable)
		}
		busy := k.Write("-:g/e")
		if want := c.enable == nil; (busy == sim.EBUSY) != want {
			t.Errorf("%s: removing: %v", c.line, busy)
		}
		if err := k.Enable("g/e", false); err != nil && c.enable == nil {
			t.Errorf("%s: disabling: %v", c.line, err)
		}
		if len(k.uprobes) != 0 || len(k.attached) != 0 {
			t.Errorf("%s: %d probes are left", c.line, len(k.uprobes))
		}
	}
	if err := New(one{}, defects.Fixed).Enable("g/e", true); err != sim.ENOENT {
		t.Errorf("an event that is not there: %v", err)
	}
}

func TestSiblingsOfARemovedProbe(t *testing.T) {
	for _, kernel := range defects.Kernels {
		text := make([]byte, 0x100)
		text[0x10], text[0x20] = 0x90, 0x90
		k := New(one{"/bin/prog", text}, kernel.Defects)
		if err := k.Write("p:g/m /bin/prog:0x10\np:g/m /bin/prog:0x20\n"); err != nil {
			t.Fatal(err)
		}
		if err := k.Enable("m", true); err != nil {
			t.Fatal(err)
		}
		if err := k.Write("-:g/m"); err != sim.EBUSY {
			t.Errorf("kernel %s: %v", kernel.Name, err)
		}
		want := 1
		if kernel.Defects.Has(defects.SiblingFree) {
			want = 2
		}
		if len(k.attached) != want {
			t.Errorf("kernel %s: %d consumers, want %d", kernel.Name, len(k.attached), want)
		}
	}
}
