package events

import (
	"fmt"
	"strings"

	"trapline/sim"
)

// The limits on arguments of trace_probe.h.
const (
	maxArgs    = 128
	maxArgName = 32
	maxArgText = 63
	maxArray   = 64
)

// An Arg is a fetch argument of a probe.
type Arg struct {
	Name  string
	Text  string // the expression as it was written
	Type  *Type
	Count int // elements of an array, 0 if it is none

	offset  int // in the data of the record
	code    []fetchInsn
	dynamic bool // the record has a location, and the value behind its end
}

// Size is the number of bytes that the argument takes in the record, without
// what strings take behind its end.
func (a *Arg) Size() int { return a.Type.Size * max(a.Count, 1) }

// reserved lists the names of fields that every record has.
var reserved = []string{
	"common_type", "common_flags", "common_preempt_count", "common_pid", "common_tgid",
	"__probe_ip", "__probe_ret_ip", "__probe_func",
}

// parseArg is traceprobe_parse_probe_arg(): the i-th argument, behind others.
func (c *command) parseArg(arg string, before []Arg, isRet bool, offset int) (Arg, error) {
	a := Arg{Text: arg, offset: offset}
	bad := func(text string) (Arg, error) { return a, c.refuse(sim.EINVAL, 0, text) }
	if i := strings.IndexByte(arg, '='); i >= 0 {
		switch {
		case i > maxArgName:
			return bad(argNameTooLong)
		case i == 0:
			return bad(noArgName)
		}
		a.Name, a.Text = arg[:i], arg[i+1:]
	} else {
		a.Name = generateName(arg, len(before))
	}
	if !goodName(a.Name) {
		return bad(badArgName)
	}
	for _, name := range reserved {
		if name == a.Name {
			return bad(usedArgName)
		}
	}
	for _, b := range before {
		if b.Name == a.Name {
			return bad(usedArgName)
		}
	}
	p := &fetchParser{cmd: c, offset: len(arg) - len(a.Text), isRet: isRet}
	return a, p.parseBody(&a)
}

// generateName is generate_probe_arg_name() of a kernel with BTF: an argument
// that looks like a variable is called by its name.
func generateName(arg string, i int) string {
	name, _, _ := strings.Cut(arg, ":")
	if goodName(name) {
		return name
	}
	return fmt.Sprintf("arg%d", i+1)
}

// parseBody is traceprobe_parse_probe_arg_body().
func (p *fetchParser) parseBody(a *Arg) error {
	switch {
	case len(a.Text) > maxArgText:
		return p.fail(sim.E2BIG, p.offset, argTooLong)
	case a.Text == "":
		return p.fail(sim.EINVAL, p.offset, noArgBody)
	}
	expr, typ, hasType, err := p.parseType(a)
	if err != nil {
		return err
	}
	if err := p.parse(expr); err != nil {
		return err
	}
	typeOffset := 0
	if hasType {
		typeOffset = len(expr) + 1
	}
	if err := p.finalize(a, typ, hasType, typeOffset); err != nil {
		return err
	}
	a.code = append([]fetchInsn(nil), p.code[:p.at+1]...)
	return nil
}

// parseType is parse_probe_arg_type(): it takes the type off the expression.
func (p *fetchParser) parseType(a *Arg) (expr, typ string, hasType bool, err error) {
	expr, typ, hasType = strings.Cut(a.Text, ":")
	offset := 0
	if hasType {
		offset = len(expr) + 1
		if open := strings.IndexByte(typ, '['); open >= 0 {
			number := typ[open+1:]
			start := offset + open + 1
			typ = typ[:open]
			end := strings.IndexByte(number, ']')
			if end < 0 {
				return "", "", false, p.fail(sim.EINVAL, p.offset+start+len(number), arrayNoClose)
			}
			if end+1 < len(number) {
				return "", "", false, p.fail(sim.EINVAL, p.offset+start+end+1, badArraySuffix)
			}
			n, err := unsigned(number[:end], 0)
			if err != nil || n == 0 || n > 1<<32-1 {
				return "", "", false, p.fail(sim.EINVAL, p.offset+start, badArrayNum)
			}
			if n > maxArray {
				return "", "", false, p.fail(sim.EINVAL, p.offset+start, arrayTooBig)
			}
			a.Count = int(n)
		}
	}
	switch {
	case expr == "$comm", expr == "$COMM", strings.HasPrefix(expr, `\"`):
		if a.Count != 0 || hasType && typ != "string" {
			return "", "", false, p.fail(sim.EINVAL, p.offset+offset, needStringType)
		}
		a.Type = findType("string")
	case hasType:
		a.Type = findType(typ)
	default:
		a.Type = findType("x64")
	}
	if a.Type == nil {
		return "", "", false, p.fail(sim.EINVAL, p.offset+offset, badType)
	}
	return expr, typ, hasType, nil
}

// finalize is finalize_fetch_insn(): how the value is stored.
func (p *fetchParser) finalize(a *Arg, typ string, hasType bool, typeOffset int) error {
	grow := func(errno error) error {
		p.at++
		if p.at == fetchMax-1 {
			return p.fail(errno, p.offset, tooManyOps)
		}
		return nil
	}
	in := &p.code[p.at]
	switch {
	case a.Type.String:
		isValue := in.op == opImm || in.op == opComm || in.op == opData
		if !isValue && in.op != opDeref && in.op != opUderef {
			return p.fail(sim.EINVAL, p.offset+typeOffset, badString)
		}
		if isValue || a.Count != 0 { // these point to the string, or to a pointer to it
			if err := grow(sim.EINVAL); err != nil {
				return err
			}
			in = &p.code[p.at]
		}
		if a.Type.Name == "ustring" || in.op == opUderef {
			in.op = opUstring
		} else {
			in.op = opString
		}
		a.dynamic = true
	case in.op == opDeref:
		in.op = opMem
	case in.op == opUderef:
		in.op = opUmem
	default:
		if err := grow(sim.E2BIG); err != nil {
			return err
		}
		in = &p.code[p.at]
		in.op = opRaw
	}
	in.size = a.Type.Size
	if hasType {
		if err := p.bitfield(a.Type, typ); err != nil {
			return p.fail(err, p.offset+typeOffset, badBitfield)
		}
	}
	if a.Count != 0 {
		if in.op != opMem && in.op != opString && in.op != opUstring {
			return p.fail(sim.EINVAL, p.offset+typeOffset, badString)
		}
		if err := grow(sim.E2BIG); err != nil {
			return err
		}
		p.code[p.at].op, p.code[p.at].param = opArray, uint32(a.Count)
	}
	p.at++
	p.code[p.at].op = opEnd
	return nil
}

// bitfield is __parse_bitfield_probe_arg().
func (p *fetchParser) bitfield(t *Type, typ string) error {
	rest, ok := strings.CutPrefix(typ, "b")
	if !ok {
		return nil
	}
	width, rest := simple(rest)
	if width == 0 || at(rest, 0) != '@' {
		return sim.EINVAL
	}
	rest = rest[1:]
	offset, tail := simple(rest)
	if tail == rest || at(tail, 0) != '/' {
		return sim.EINVAL
	}
	p.at++
	if p.at == fetchMax-1 {
		return sim.EINVAL
	}
	bits := uint64(8 * t.Size)
	p.code[p.at] = fetchInsn{op: opBits, size: t.Size, lshift: uint8(bits - (width + offset)), rshift: uint8(bits - width)}
	if bits < width+offset {
		return sim.EINVAL
	}
	return nil
}
