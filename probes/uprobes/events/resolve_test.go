package events

import "testing"

type symbols map[string]uint64

func (s symbols) Offset(path, name string) (uint64, bool) {
	v, ok := s[path+" "+name]
	return v, ok
}

func TestResolve(t *testing.T) {
	table := symbols{"/bin/x main": 0x1234}
	for _, c := range []struct{ line, want string }{
		{"p:g/e /bin/x:main a=%ax", "p:g/e /bin/x:0x1234 a=%ax"},
		{"r /bin/x:main", "r /bin/x:0x1234"},
		{"p /bin/x:main+0x10", "p /bin/x:0x1244"},
		{"p /bin/x:main%return(0x8) # why", "p /bin/x:0x1234%return(0x8) # why"},
		{"p /bin/x:0x10 %ax", "p /bin/x:0x10 %ax"},
		{"-:g/e", "-:g/e"},
		{"p /bin/x", "p /bin/x"},
		{"", ""},
		{"p /bin/x:none", `/bin/x has no symbol "none"`},
		{"p /bin/x:main+z", `"z" is not an offset from main`},
		{"p /bin/x:main+0xffffffffffffffff", "main+0xffffffffffffffff is beyond all offsets"},
	} {
		got, err := Resolve(c.line, table)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}
