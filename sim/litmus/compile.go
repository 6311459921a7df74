package litmus

import (
	"fmt"

	"trapline/sim/memory"
)

// unroll is how often the body of a while is run. As in herd7, executions that would
// need more are left out, and the result says so.
const unroll = 2

// The registers that a task sets are those that are observed, and these after them.
const (
	faultRegister = iota // a mistake of the program's, by its number in builder.faults
	loopRegister         // 1 if a loop went on for too long
	extraRegisters
)

// frame is one run of a task.
type frame struct {
	core    *memory.Core
	regs    []memory.Value
	fault   int // 0, or 1 more than a number in builder.faults
	tooLong bool
}

// run is a compiled statement. It returns false if the task cannot go on.
type run func(f *frame) bool

// compute is a compiled expression.
type compute func(f *frame) memory.Value

// fault is a mistake that only a run shows.
type fault struct {
	at      int
	message string
}

// builder compiles one task.
type builder struct {
	test   *Test
	faults []fault
}

// task compiles a process. A Task is run many times, and each run is a short one, so
// all that can be known before is found out here.
func (b *builder) task(p *process) memory.Task {
	body := b.stmt(p.body)
	initial := make([]memory.Value, len(p.names))
	for _, i := range p.initial {
		initial[i.register] = memory.Const(i.value)
	}
	return func(c *memory.Core) {
		f := frame{core: c, regs: append([]memory.Value(nil), initial...)}
		body(&f)
		for i, o := range p.observed {
			c.Set(i, f.regs[o.register])
		}
		c.Set(len(p.observed)+faultRegister, memory.Const(int64(f.fault)))
		c.Set(len(p.observed)+loopRegister, memory.Const(truth(f.tooLong)))
	}
}

// mistake numbers a possible fault.
func (b *builder) mistake(at int, format string, args ...any) int {
	b.faults = append(b.faults, fault{at, fmt.Sprintf(format, args...)})
	return len(b.faults)
}

// is notes a fault, of which the first one counts.
func (f *frame) is(fault int) {
	if f.fault == 0 {
		f.fault = fault
	}
}

func (b *builder) stmt(s stmt) run {
	switch s := s.(type) {
	case nil:
		return func(*frame) bool { return true }
	case *block:
		return b.block(s)
	case *choice:
		return b.choice(s)
	case *loop:
		return b.loop(s)
	case *assign:
		v, r := b.expr(s.value), s.register
		return func(f *frame) bool {
			f.regs[r] = v(f)
			return f.fault == 0
		}
	case *store:
		address, v := b.address(s.at, s.address), b.expr(s.value)
		return func(f *frame) bool {
			a, ok := address(f)
			n := v(f)
			if !ok || f.fault != 0 {
				return false
			}
			f.core.Store(a, n, memory.Plain)
			return true
		}
	case *evaluate:
		v := b.expr(s.value)
		return func(f *frame) bool {
			v(f)
			return f.fault == 0
		}
	}
	panic(fmt.Sprintf("litmus: no such statement: %T", s))
}

func (b *builder) block(s *block) run {
	list := make([]run, len(s.list))
	for i, s := range s.list {
		list[i] = b.stmt(s)
	}
	return func(f *frame) bool {
		for _, r := range list {
			if !r(f) {
				return false
			}
		}
		return true
	}
}

// choice compiles an if. The control dependency ends with its arms.
func (b *builder) choice(s *choice) run {
	cond, then, alt := b.expr(s.cond), b.stmt(s.then), b.stmt(s.alt)
	return func(f *frame) bool {
		before := f.core.Control()
		v := cond(f)
		if f.fault != 0 {
			return false
		}
		goesOn := false
		if f.core.If(v) {
			goesOn = then(f)
		} else {
			goesOn = alt(f)
		}
		f.core.EndIf(before)
		return goesOn
	}
}

// loop compiles a while, which is so many ifs in one another.
func (b *builder) loop(s *loop) run {
	cond, body := b.expr(s.cond), b.stmt(s.body)
	return func(f *frame) bool {
		before := f.core.Control()
		for n := 0; ; n++ {
			v := cond(f)
			if f.fault != 0 {
				return false
			}
			if !f.core.If(v) {
				break
			}
			if n == unroll {
				f.tooLong = true
				return false
			}
			if !body(f) {
				return false
			}
		}
		f.core.EndIf(before)
		return true
	}
}

// address compiles an expression that must be the address of a location.
func (b *builder) address(at int, x expr) func(f *frame) (memory.Value, bool) {
	v := b.expr(x)
	bad := b.mistake(at, "the pointer does not point to a shared variable in every execution (a pointer needs a first value: int *p = &x)")
	g := &b.test.globals
	return func(f *frame) (memory.Value, bool) {
		a := v(f)
		if _, ok := g.location(a.Int()); !ok {
			f.is(bad)
			return a, false
		}
		return a, true
	}
}

func (b *builder) expr(x expr) compute {
	switch x := x.(type) {
	case *constant:
		v := memory.Const(x.value)
		return func(*frame) memory.Value { return v }
	case *register:
		r := x.register
		return func(f *frame) memory.Value { return f.regs[r] }
	case *binary:
		return b.binary(x)
	case *load:
		address := b.address(x.at, x.address)
		return func(f *frame) memory.Value {
			a, ok := address(f)
			if !ok || f.fault != 0 {
				return memory.Value{}
			}
			return f.core.Load(a, memory.Plain)
		}
	case *ternary:
		return b.ternary(x)
	case *call:
		return b.call(x)
	}
	panic(fmt.Sprintf("litmus: no such expression: %T", x))
}

func (b *builder) binary(x *binary) compute {
	left, right, op := b.expr(x.x), b.expr(x.y), operators[x.op].f
	switch x.op {
	case "+", "-":
		op = b.test.globals.pointers(x.op, op)
	case "/", "%":
		bad := b.mistake(x.at, "division by 0 in some execution")
		return func(f *frame) memory.Value {
			m, n := left(f), right(f)
			if n.Int() == 0 {
				f.is(bad)
			}
			return memory.Op(op, m, n)
		}
	}
	return func(f *frame) memory.Value {
		m := left(f)
		return memory.Op(op, m, right(f))
	}
}

// ternary compiles c ? x : y as a branch whose result depends on c as well. herd7
// does not read it.
func (b *builder) ternary(x *ternary) compute {
	cond, then, alt := b.expr(x.cond), b.expr(x.x), b.expr(x.y)
	first := func(a, _ int64) int64 { return a }
	return func(f *frame) memory.Value {
		before := f.core.Control()
		c := cond(f)
		if f.fault != 0 {
			return memory.Value{}
		}
		var v memory.Value
		if f.core.If(c) {
			v = then(f)
		} else {
			v = alt(f)
		}
		f.core.EndIf(before)
		return memory.Op(first, v, c)
	}
}

// call compiles an operation.
func (b *builder) call(x *call) compute {
	var addresses [3]func(f *frame) (memory.Value, bool)
	var values [3]compute
	compares := false // a try_cmpxchg, which leaves what it saw in a register
	for i, kind := range x.macro.args {
		switch kind {
		case 'o', 'p':
			addresses[i] = b.address(x.at, x.args[i])
		default:
			values[i] = b.expr(x.args[i])
			compares = compares || kind == 'r'
		}
	}
	n, perform, r := len(x.args), x.macro.run, x.register
	return func(f *frame) memory.Value {
		var args [3]memory.Value
		for i := range n {
			if values[i] != nil {
				args[i] = values[i](f)
			} else {
				args[i], _ = addresses[i](f)
			}
		}
		if f.fault != 0 {
			return memory.Value{}
		}
		v := perform(f.core, &args)
		if compares {
			f.regs[r] = v
			return memory.Op(equal, v, args[1])
		}
		return v
	}
}
