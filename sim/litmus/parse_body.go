package litmus

import (
	"strings"

	"trapline/sim/memory"
)

// block reads { … }. What follows is read by the rules of the language after.
func (p *parser) block(after language) (stmt, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.expect("{", ""); err != nil {
		return nil, err
	}
	b := &block{}
	for !p.is("}") {
		if p.tok.kind == end {
			return nil, p.expected("a statement or }")
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		if s != nil {
			b.list = append(b.list, s)
		}
	}
	p.lang = after
	return b, p.advance()
}

// statement reads a statement, nil if there is nothing to do.
func (p *parser) statement() (stmt, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.is("{"):
		return p.block(inC)
	case p.is(";"):
		return nil, p.advance()
	case p.is("if"):
		return p.choice()
	case p.is("while"):
		return p.loop()
	case p.isUnread():
		return nil, p.unreadWord()
	case p.isType():
		return p.declaration()
	default:
		s, err := p.simple()
		if err != nil {
			return nil, err
		}
		return s, p.expect(";", " after the statement")
	}
}

// isUnread reports whether a word of C stands here that is not read. Some tests have
// variables of such names, since for herd7 they are like any other.
func (p *parser) isUnread() bool {
	if p.tok.kind != word || unread[p.tok.text] == "" {
		return false
	}
	if _, known := p.proc.registers[p.tok.text]; known {
		return false
	}
	next, err := p.peek()
	return err != nil || next.text != "="
}

func (p *parser) unreadWord() error {
	return p.fail(p.tok.at, "%q is not read (%s)", p.tok.text, unread[p.tok.text])
}

// unread lists words of C that litmus tests do without, with what to write instead.
var unread = map[string]string{
	"for": "write while", "do": "write while", "switch": "write if", "goto": "write if and while",
	"return": "let the task end", "break": "write the condition into the while", "continue": "write if",
	"else": "there is no if before it",
}

func (p *parser) choice() (stmt, error) {
	cond, err := p.bracketed("if")
	if err != nil {
		return nil, err
	}
	c := &choice{cond: cond}
	if c.then, err = p.statement(); err != nil {
		return nil, err
	}
	if ok, err := p.accept("else"); !ok || err != nil {
		return c, err
	}
	c.alt, err = p.statement()
	return c, err
}

func (p *parser) loop() (stmt, error) {
	cond, err := p.bracketed("while")
	if err != nil {
		return nil, err
	}
	body, err := p.statement()
	return &loop{cond, body}, err
}

// bracketed reads a keyword and a condition in brackets.
func (p *parser) bracketed(keyword string) (expr, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("(", " after "+keyword); err != nil {
		return nil, err
	}
	cond, err := p.value()
	if err != nil {
		return nil, err
	}
	return cond, p.expect(")", " after the condition of the "+keyword)
}

// isType reports whether a type begins here, and with it a declaration or a cast.
func (p *parser) isType() bool {
	switch _, known := p.proc.registers[p.tok.text]; {
	case p.tok.kind != word:
		return false
	case typeNames[p.tok.text]:
		return true
	case known || !typeLike(p.tok.text):
		return false
	}
	next, err := p.peek()
	return err == nil && (next.kind == word || next.text == "*")
}

// peek returns the token after the current one.
func (p *parser) peek() (token, error) {
	rest := &scanner{src: p.src, pos: p.pos, lang: p.lang}
	return rest.scan()
}

// typ passes over a type, with its stars.
func (p *parser) typ() error {
	for p.isType() {
		tagged := p.is("struct") || p.is("union")
		if err := p.advance(); err != nil {
			return err
		}
		if tagged {
			if _, err := p.name("the name of a struct"); err != nil {
				return err
			}
		}
	}
	for p.is("*") || p.is("const") || p.is("volatile") {
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}

// declaration reads "int r0 = 1, *r1;".
func (p *parser) declaration() (stmt, error) {
	if err := p.typ(); err != nil {
		return nil, err
	}
	b := &block{}
	for {
		at := p.tok.at
		name, err := p.name("the name of a variable")
		if err != nil {
			return nil, err
		}
		if p.is("[") {
			return nil, p.fail(p.tok.at, "a local array is not read (declare it in the initial state: it is shared then)")
		}
		r := p.proc.register(name)
		if ok, err := p.accept("="); err != nil {
			return nil, err
		} else if ok {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			b.list = append(b.list, p.set(r, v))
		} else if macros[name] != nil {
			return nil, p.fail(at, "%q is an operation of the kernel; choose another name", name)
		}
		if ok, err := p.accept(","); err != nil {
			return nil, err
		} else if !ok {
			return b, p.expect(";", " after the declaration")
		}
		for p.is("*") {
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
	}
}

// set assigns to a register.
func (p *parser) set(r int, v expr) stmt {
	p.proc.assigned[r] = true
	return &assign{r, v}
}

// simple reads an assignment, or an expression for its effect.
func (p *parser) simple() (stmt, error) {
	at := p.tok.at
	x, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	op := p.tok.text
	if p.tok.kind != punctuation {
		op = ""
	}
	binop, assigns := strings.CutSuffix(op, "=")
	switch {
	case assigns && operators[op].f == nil && (binop == "" || operators[binop].f != nil):
		opAt := p.tok.at
		if err := p.advance(); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		return p.assignment(at, x, opAt, binop, v)
	case op == "++" || op == "--":
		opAt := p.tok.at
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.assignment(at, x, opAt, op[:1], &constant{1})
	}
	return &evaluate{x}, nil
}

// assignment makes "x = v", or "x op= v".
func (p *parser) assignment(at int, x expr, opAt int, op string, v expr) (stmt, error) {
	l, isLoad := x.(*load)
	if op != "" {
		if isLoad && reads(l.address) {
			return nil, p.fail(at, "the address of what is changed is read from memory; read it into a local variable first")
		}
		v = &binary{opAt, op, x, v}
	}
	if isLoad {
		return &store{l.at, l.address, v}, nil
	}
	if r, ok := x.(*register); ok {
		return p.set(r.register, v), nil
	}
	return nil, p.fail(at, "expected a variable or an object (*x) on the left of an assignment")
}

// reads reports whether an expression takes more than registers and numbers, so that it
// must not be evaluated twice.
func reads(x expr) bool {
	switch x := x.(type) {
	case *constant, *register:
		return false
	case *binary:
		return reads(x.x) || reads(x.y)
	}
	return true
}

// value reads an expression that must have a value.
func (p *parser) value() (expr, error) {
	at := p.tok.at
	x, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	return x, p.hasValue(at, x)
}

// hasValue rejects an operation that returns nothing.
func (p *parser) hasValue(at int, x expr) error {
	if c, ok := x.(*call); ok && c.macro.void {
		return p.fail(at, "%s has no value; expected an operation that returns one", c.macro.name)
	}
	return nil
}

// expression reads an expression of operators that bind more than the given one,
// or a ternary.
func (p *parser) expression(binds int) (expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	at := p.tok.at
	x, err := p.operand()
	if err != nil {
		return nil, err
	}
	for p.tok.kind == punctuation {
		op := p.tok
		o, ok := operators[op.text]
		if !ok || o.binds <= binds {
			break
		}
		if err := p.hasValue(at, x); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		yAt := p.tok.at
		y, err := p.expression(o.binds)
		if err != nil {
			return nil, err
		}
		if err := p.hasValue(yAt, y); err != nil {
			return nil, err
		}
		x = &binary{op.at, op.text, x, y}
	}
	if binds > 0 || !p.is("?") {
		return x, nil
	}
	if err := p.hasValue(at, x); err != nil {
		return nil, err
	}
	return p.ternary(x)
}

func (p *parser) ternary(cond expr) (expr, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	x, err := p.value()
	if err != nil {
		return nil, err
	}
	if err := p.expect(":", " between the two values of a ?"); err != nil {
		return nil, err
	}
	y, err := p.value()
	return &ternary{cond, x, y}, err
}

// operand reads what operators stand between.
func (p *parser) operand() (expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	at := p.tok.at
	if apply := unary[p.tok.text]; apply != nil {
		if err := p.advance(); err != nil {
			return nil, err
		}
		xAt := p.tok.at
		x, err := p.operand()
		if err != nil {
			return nil, err
		}
		return apply(at, x), p.hasValue(xAt, x)
	}
	if ok, err := p.accept("&"); err != nil {
		return nil, err
	} else if ok {
		return p.addressOf()
	}
	if p.is("(") {
		return p.castOrBrackets()
	}
	x, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.indexed(x)
}

// unary are the operators with one operand.
var unary = map[string]func(at int, x expr) expr{
	"*": func(at int, x expr) expr { return &load{at, x} },
	"-": func(at int, x expr) expr { return &binary{at, "-", &constant{0}, x} },
	"+": func(_ int, x expr) expr { return x },
	"~": func(at int, x expr) expr { return &binary{at, "^", x, &constant{-1}} },
	"!": func(at int, x expr) expr { return &binary{at, "==", x, &constant{0}} },
}

// castOrBrackets reads (type) x, where the type means nothing, or (x).
func (p *parser) castOrBrackets() (expr, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.isType() {
		if err := p.typ(); err != nil {
			return nil, err
		}
		if err := p.expect(")", " after the type of a cast"); err != nil {
			return nil, err
		}
		return p.operand()
	}
	x, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if err := p.expect(")", ""); err != nil {
		return nil, err
	}
	return p.indexed(x)
}

// indexed reads the [i] after x.
func (p *parser) indexed(x expr) (expr, error) {
	for p.is("[") {
		at := p.tok.at
		if err := p.hasValue(at, x); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		i, err := p.value()
		if err != nil {
			return nil, err
		}
		if err := p.expect("]", " after the index"); err != nil {
			return nil, err
		}
		x = &load{at, &binary{at, "+", x, i}}
	}
	if p.is("->") || p.is(".") {
		return nil, p.fail(p.tok.at, "fields of a struct are not read (use a variable for each)")
	}
	return x, nil
}

// addressOf reads what stands after an &: an object, or a shared variable that is
// no parameter.
func (p *parser) addressOf() (expr, error) {
	at, name := p.tok.at, p.tok.text
	isWord := p.tok.kind == word
	_, local := p.proc.registers[name]
	g := &p.test.globals
	if i, known := g.byName[name]; isWord && known && !local {
		return &constant{memory.Addr(g.list[i].first).Int()}, p.advance()
	}
	x, err := p.operand()
	if err != nil {
		return nil, err
	}
	if l, ok := x.(*load); ok {
		return l.address, nil
	}
	if _, ok := x.(*register); ok {
		return nil, p.fail(at, "the address of the local variable %s is not shared; expected an object (&*p), or the parameter itself, which is an address", name)
	}
	return nil, p.fail(at, "expected an object after & (&*p, &a[1])")
}

// primary reads a number, a variable or a call.
func (p *parser) primary() (expr, error) {
	at := p.tok.at
	if p.tok.kind == number {
		n, err := p.integer()
		return &constant{n}, err
	}
	switch {
	case p.tok.kind != word || p.isType():
		return nil, p.expected("a value or a statement")
	case p.isUnread():
		return nil, p.unreadWord()
	}
	name, err := p.name("a value")
	if err != nil {
		return nil, err
	}
	if p.is("(") {
		return p.call(at, name)
	}
	switch {
	case name == "NULL":
		return &constant{0}, nil
	case macros[name] != nil:
		return nil, p.expected("( after " + name)
	}
	return &register{p.proc.register(name)}, nil
}

// call reads the arguments of an operation.
func (p *parser) call(at int, name string) (expr, error) {
	m := macros[name]
	if m == nil {
		hint := "trapline reads those of tools/memory-model/linux-kernel.def"
		if like := nearest(name, macroNames); like != "" {
			hint = "did you mean " + like + "?"
		}
		return nil, p.fail(at, "no operation %q (%s)", name, hint)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	c := &call{at: at, macro: m}
	for i, want := range m.args {
		if i > 0 {
			if err := p.expect(",", " and "+arguments[want]+": "+usage(m)); err != nil {
				return nil, err
			}
		} else if p.is(")") {
			return nil, p.expected(arguments[want] + ": " + usage(m))
		}
		if err := p.argument(c, want); err != nil {
			return nil, err
		}
	}
	return c, p.expect(")", ": "+usage(m))
}

// argument reads one argument.
func (p *parser) argument(c *call, want rune) error {
	at := p.tok.at
	if want == 'r' {
		if err := p.expect("&", " and the local variable with the value that is expected"); err != nil {
			return err
		}
		name, err := p.name("the name of a local variable")
		if err != nil {
			return err
		}
		c.register = p.proc.register(name)
		p.proc.assigned[c.register] = true
		c.args = append(c.args, &register{c.register})
		return nil
	}
	x, err := p.value()
	if err != nil {
		return err
	}
	if want == 'o' {
		l, ok := x.(*load)
		if !ok {
			return p.fail(at, "expected an object, such as *x or a[1]: %s", usage(c.macro))
		}
		x = l.address
	}
	c.args = append(c.args, x)
	return nil
}

// arguments are the letters of macro.args in words.
var arguments = map[rune]string{'o': "an object (*x)", 'p': "a pointer", 'v': "a value", 'r': "the address of a local variable"}

// usage shows how an operation is called.
func usage(m *macro) string {
	var args []string
	for _, a := range m.args {
		args = append(args, map[rune]string{'o': "*x", 'p': "x", 'v': "value", 'r': "&old"}[a])
	}
	return m.name + "(" + strings.Join(args, ", ") + ")"
}
