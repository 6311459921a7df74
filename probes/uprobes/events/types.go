package events

import "strings"

// A Type is how a value is stored and printed: an entry of
// probe_fetch_types[].
type Type struct {
	Name   string
	Size   int    // bytes in the record; of a string, those of its location
	Signed bool   // what the format file says
	Field  string // the C type in the format file
	Verb   string // how print fmt prints it
	String bool
}

// The types that uprobes know. The kernel's others (symbol, symstr, %pd, %pD)
// are for kernel addresses.
var types = []*Type{
	{"string", 4, true, "__data_loc char[]", `\"%s\"`, true},
	{"ustring", 4, true, "__data_loc char[]", `\"%s\"`, true},
	{"u8", 1, false, "u8", "%u", false},
	{"u16", 2, false, "u16", "%u", false},
	{"u32", 4, false, "u32", "%u", false},
	{"u64", 8, false, "u64", "%Lu", false},
	{"s8", 1, true, "s8", "%d", false},
	{"s16", 2, true, "s16", "%d", false},
	{"s32", 4, true, "s32", "%d", false},
	{"s64", 8, true, "s64", "%Ld", false},
	{"x8", 1, false, "u8", "0x%x", false},
	{"x16", 2, false, "u16", "0x%x", false},
	{"x32", 4, false, "u32", "0x%x", false},
	{"x64", 8, false, "u64", "0x%Lx", false},
	{"char", 1, false, "u8", "'%c'", false},
}

// findType is find_fetch_type(), which takes a bit field for an unsigned
// number of its container's size.
func findType(name string) *Type {
	if strings.HasPrefix(name, "b") {
		i := strings.IndexByte(name, '/')
		if i < 0 {
			return nil
		}
		size, err := unsigned(name[i+1:], 0)
		if err != nil {
			return nil
		}
		switch size {
		case 8:
			return findType("u8")
		case 16:
			return findType("u16")
		case 32:
			return findType("u32")
		case 64:
			return findType("u64")
		}
		return nil
	}
	for _, t := range types {
		if t.Name == name {
			return t
		}
	}
	return nil
}
