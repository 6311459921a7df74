package events

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Print is the text of a record in the trace, behind the time and the colon:
// print_uprobe_event(). The first probe of the event says how arguments are
// printed.
func (e *Event) Print(rec []byte) string {
	var b strings.Builder
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(rec[commonSize+8*i:]) }
	if e.Return {
		fmt.Fprintf(&b, "%s: (0x%x <- 0x%x)", e.Name, word(1), word(0))
	} else {
		fmt.Fprintf(&b, "%s: (0x%x)", e.Name, word(0))
	}
	last := e.header() + e.Probes[0].size
	for len(rec) < last {
		rec = append(rec, 0) // what did not fit into a page
	}
	data := rec[e.header():]
	for i := range e.Probes[0].Args {
		a := &e.Probes[0].Args[i]
		fmt.Fprintf(&b, " %s=", a.Name)
		if a.Count == 0 {
			a.Type.write(&b, data[a.offset:], rec)
			continue
		}
		for j := range a.Count {
			b.WriteByte("{,"[min(j, 1)])
			a.Type.write(&b, data[a.offset+j*a.Type.Size:], rec)
		}
		b.WriteByte('}')
	}
	return b.String()
}

// write prints one value.
func (t *Type) write(b *strings.Builder, data, rec []byte) {
	v := getWord(data[:t.Size])
	shift := 64 - 8*t.Size
	switch {
	case t.String:
		length, offset := int(v>>16), int(v&0xffff)
		if length == 0 {
			b.WriteString("(fault)")
			return
		}
		s, _, _ := bytes.Cut(rec[min(offset, len(rec)):], []byte{0})
		fmt.Fprintf(b, `"%s"`, s)
	case t.Name == "char":
		b.WriteByte('\'')
		b.WriteByte(byte(v))
		b.WriteByte('\'')
	case t.Name[0] == 'x':
		fmt.Fprintf(b, "0x%x", v)
	case t.Signed:
		fmt.Fprintf(b, "%d", int64(v<<shift)>>shift)
	default:
		fmt.Fprintf(b, "%d", v)
	}
}
