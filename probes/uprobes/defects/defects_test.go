package defects

import "testing"

func TestAllAreListed(t *testing.T) {
	var union Set
	names := map[string]bool{}
	for i, d := range All {
		if d.Set != 1<<i {
			t.Errorf("%s is out of order", d.Name)
		}
		if d.Name == "" || d.Title == "" || d.About == "" || d.Where == "" || names[d.Name] {
			t.Errorf("%q is not told, or told twice", d.Name)
		}
		names[d.Name] = true
		union |= d.Set
	}
	if union != Linux618 {
		t.Errorf("All has %b, the constants %b", union, Linux618)
	}
	if k, ok := Find("6.18"); !ok || k.Defects != Linux618 || Kernels[0].Name != k.Name {
		t.Errorf("Find(6.18) = %v, %v", k, ok)
	}
	if _, ok := Find("2.6"); ok {
		t.Error("Find(2.6) found something")
	}
	if got := (VEXOpcode | REXNop).String(); got != "vex-opcode,rex-nop" {
		t.Errorf("String() = %q", got)
	}
	if Fixed.Has(VEXOpcode) || !Linux618.Has(VEXOpcode|RedZone) {
		t.Error("Has is wrong")
	}
}
