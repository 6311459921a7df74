package events

import (
	"slices"
	"strings"

	"trapline/sim"
)

// A fetchOp is one operation of a fetch argument, enum fetch_op.
type fetchOp uint8

const (
	opNop     fetchOp = iota // not used yet
	opReg                    // value: of a register
	opStack                  // value: the n-th word of the stack
	opStackP                 // value: the stack pointer
	opRetval                 // value: what the function returned
	opImm                    // value: a number
	opComm                   // value: stands for the name of the task
	opData                   // value: stands for a string in the line
	opFoffs                  // value: the address of an offset in the file
	opDeref                  // the value becomes the word that it points to
	opUderef                 // the same, declared to be in user space
	opRaw                    // store the value
	opMem                    // store what it points to
	opUmem                   // the same, declared to be in user space
	opString                 // store the string that it points to
	opUstring                // the same, declared to be in user space
	opBits                   // take a bit field of what was stored
	opArray                  // again for the next element
	opEnd
)

// A fetchInsn is struct fetch_insn.
type fetchInsn struct {
	op             fetchOp
	param          uint32 // register, word of the stack, elements
	imm            uint64
	offset         int64
	size           int
	data           string
	lshift, rshift uint8
}

// fetchMax is FETCH_INSN_MAX; the last operation is kept for the end.
const fetchMax = 16

// A fetchParser turns one argument into operations. It keeps the kernel's idea
// of where it is in the text, which the columns of errors show.
type fetchParser struct {
	cmd    *command
	offset int // ctx->offset: of the expression in the argument
	isRet  bool
	code   [fetchMax]fetchInsn
	at     int // the operation that is being made
}

// registers is regoffset_table[] for x86-64: the names are those of struct
// pt_regs.
var registers = []string{
	"r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "bx", "cx", "dx", "si", "di", "bp", "ax",
	"orig_ax", "ip", "cs", "flags", "sp", "ss",
}

func (p *fetchParser) fail(errno error, offset int, text string) error {
	return p.cmd.refuse(errno, offset, text)
}

// next goes on to the next operation: ++code == end.
func (p *fetchParser) next() error {
	p.at++
	if p.at == fetchMax-1 {
		return p.fail(sim.EINVAL, p.offset, tooManyOps)
	}
	return nil
}

// parse is parse_probe_arg().
func (p *fetchParser) parse(arg string) error {
	in := &p.code[p.at]
	var err error
	switch c := at(arg, 0); c {
	case '$':
		return p.parseVar(arg[1:])
	case '%':
		i := slices.Index(registers, arg[1:])
		if i < 0 {
			return p.fail(sim.EINVAL, p.offset, badRegName)
		}
		in.op, in.param = opReg, uint32(i)
		return nil
	case '@':
		return p.parseAddress(arg[1:])
	case '+', '-':
		return p.parseDeref(arg)
	case '\\':
		if s, ok := strings.CutPrefix(arg[1:], `"`); ok {
			if !strings.HasSuffix(s, `"`) {
				return p.fail(sim.EINVAL, p.offset+2+len(s), immstrNoClose)
			}
			in.op, in.data = opData, s[:len(s)-1]
			return nil
		}
		if in.imm, err = immediate(arg[1:]); err != nil {
			return p.fail(err, p.offset+1, badImm)
		}
		in.op = opImm
		return nil
	default:
		if isAlpha(c) || c == '_' {
			return p.fail(sim.EINVAL, p.offset, nosupBTFArg)
		}
	}
	return p.fail(sim.EINVAL, p.offset, badFetchArg)
}

// parseVar is parse_probe_vars(): what stands behind a dollar sign.
func (p *fetchParser) parseVar(name string) error {
	in := &p.code[p.at]
	bad := func(text string) error { return p.fail(sim.EINVAL, p.offset, text) }
	switch {
	case strings.HasPrefix(name, "retval"):
		if !p.isRet {
			return bad(retvalOnProbe)
		}
		in.op = opRetval
	case name == "stack":
		in.op = opStackP
	case strings.HasPrefix(name, "stack"):
		n, err := unsigned(name[5:], 10)
		if !isDigit(name[5]) || err != nil {
			return bad(badVar)
		}
		in.op, in.param = opStack, uint32(n)
	case name == "comm", name == "COMM":
		in.op = opComm
	case strings.HasPrefix(name, "arg"):
		const maxStack = 16384 / 8 // PARAM_MAX_STACK, words of a kernel stack
		n, err := unsigned(name[3:], 10)
		switch {
		case err != nil:
			return bad(badVar)
		case n == 0, n > maxStack:
			return bad(badArgNum)
		}
		return bad(nofentryArgs)
	default:
		return bad(badVar)
	}
	return nil
}

// parseAddress parses what stands behind an @: an address, or an offset in the
// probed file.
func (p *fetchParser) parseAddress(s string) error {
	in := &p.code[p.at]
	var offset int64
	switch {
	case isDigit(at(s, 0)):
		v, err := unsigned(s, 0)
		if err != nil {
			return p.fail(err, p.offset, badMemAddr)
		}
		in.op, in.imm = opImm, v
	case at(s, 0) == '+':
		v, err := signed(s[1:])
		if err != nil {
			return p.fail(err, p.offset, badFileOffs)
		}
		// The kernel leaves the offset in the dereference as well: it is added
		// twice (trace_probe.c, parse_probe_arg(), case '@').
		in.op, in.imm, offset = opFoffs, uint64(v), v
	default:
		return p.fail(sim.EINVAL, p.offset, symOnUprobe)
	}
	if err := p.next(); err != nil {
		return err
	}
	p.code[p.at].op, p.code[p.at].offset = opDeref, offset
	return nil
}

// parseDeref parses +OFFS(FETCHARG) and its forms.
func (p *fetchParser) parseDeref(arg string) error {
	op := opDeref
	if at(arg, 1) == 'u' {
		op = opUderef
		arg = arg[:1] + arg[2:]
	}
	arg = strings.TrimPrefix(arg, "+")
	open := strings.IndexByte(arg, '(')
	if open < 0 {
		return p.fail(sim.EINVAL, p.offset, derefNeedBrace)
	}
	offset, err := signed(arg[:open])
	if err != nil {
		return p.fail(err, p.offset, badDerefOffs)
	}
	p.offset += open + 1
	if arg[0] != '-' {
		p.offset++
	}
	inner := arg[open+1:]
	end := strings.LastIndexByte(inner, ')')
	if end < 0 {
		return p.fail(sim.EINVAL, p.offset+len(inner), derefOpenBrace)
	}
	here := p.offset
	if err := p.parse(inner[:end]); err != nil {
		return err
	}
	p.offset = here
	if op := p.code[p.at].op; op == opComm || op == opData {
		return p.fail(sim.EINVAL, p.offset, commCantDeref)
	}
	if err := p.next(); err != nil {
		return err
	}
	p.code[p.at].op, p.code[p.at].offset = op, offset
	return nil
}

// immediate is str_to_immediate().
func immediate(s string) (uint64, error) {
	switch c := at(s, 0); {
	case isDigit(c):
		return unsigned(s, 0)
	case c == '-':
		v, err := signed(s)
		return uint64(v), err
	case c == '+':
		v, err := signed(s[1:])
		return uint64(v), err
	}
	return 0, sim.EINVAL
}
