package events

import (
	"fmt"
	"strings"
)

// The common fields of every event (kernel/trace/trace_events.c), which take
// commonSize bytes.
const (
	commonFields = "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" +
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" +
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	commonSize = 8
)

// header is SIZEOF_TRACE_ENTRY(): the common fields and the addresses.
func (e *Event) header() int {
	if e.Return {
		return commonSize + 16
	}
	return commonSize + 8
}

// Format is the event's file format; id is the number in its second line.
func (e *Event) Format(id int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nID: %d\nformat:\n%s\n", e.Name, id, commonFields)
	for _, line := range e.Fields() {
		fmt.Fprintf(&b, "%s\n", line)
	}
	fmt.Fprintf(&b, "\nprint fmt: %s\n", e.PrintFmt())
	return b.String()
}

// Fields are the lines of the file format for the fields of this event.
func (e *Event) Fields() []string {
	line := func(decl string, offset, size int, signed bool) string {
		bit := 0
		if signed {
			bit = 1
		}
		return fmt.Sprintf("\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;", decl, offset, size, bit)
	}
	var lines []string
	if e.Return {
		lines = append(lines,
			line("unsigned long __probe_func", commonSize, 8, false),
			line("unsigned long __probe_ret_ip", commonSize+8, 8, false))
	} else {
		lines = append(lines, line("unsigned long __probe_ip", commonSize, 8, false))
	}
	for i := range e.Probes[0].Args {
		a := &e.Probes[0].Args[i]
		decl := a.Type.Field + " " + a.Name
		switch {
		case a.Count != 0 && a.Type.String:
			decl = fmt.Sprintf("%s[%d] %s", a.Type.Field, a.Count, a.Name)
		case a.Count != 0:
			decl += "[]"
		}
		lines = append(lines, line(decl, e.header()+a.offset, a.Size(), a.Type.Signed))
	}
	return lines
}

// PrintFmt is what stands behind "print fmt: " in the file format:
// __set_print_fmt().
func (e *Event) PrintFmt() string {
	var verbs, values strings.Builder
	if e.Return {
		verbs.WriteString("(%lx <- %lx)")
		values.WriteString(", REC->__probe_func, REC->__probe_ret_ip")
	} else {
		verbs.WriteString("(%lx)")
		values.WriteString(", REC->__probe_ip")
	}
	for i := range e.Probes[0].Args {
		a := &e.Probes[0].Args[i]
		verb := a.Type.Verb
		if a.Count != 0 {
			verb = "{" + verb + strings.Repeat(","+verb, a.Count-1) + "}"
		}
		fmt.Fprintf(&verbs, " %s=%s", a.Name, verb)
		for j := range max(a.Count, 1) {
			value := a.Name
			if a.Count != 0 {
				value = fmt.Sprintf("%s[%d]", a.Name, j)
			}
			if a.Type.String {
				fmt.Fprintf(&values, ", __get_str(%s)", value)
			} else {
				fmt.Fprintf(&values, ", REC->%s", value)
			}
		}
	}
	return `"` + verbs.String() + `"` + values.String()
}
