package litmus

import (
	"slices"
	"strconv"
	"strings"

	"trapline/sim/memory"
)

// maxDepth bounds how deep brackets, statements and conditions may be nested, so
// that no file can exhaust the stack; see also maxSize.
const maxDepth = 200

// maxSize bounds the text of a test in bytes, since chains of operators are as deep as
// they are long once they are compiled. Real tests have a few hundred.
const maxSize = 1 << 20

// maxLocations bounds the shared variables of a test, each element of an array
// counting as one. It is package memory's bound.
const maxLocations = 64

// parser reads a test by recursive descent, one token ahead.
type parser struct {
	*scanner
	tok   token
	depth int
	test  *Test
	proc  *process // the task being read
	// places are those that the condition names.
	places []shown
}

// Parse reads a test. The name of the file is for messages; every mistake is an
// *Error.
func Parse(file string, src []byte) (*Test, error) {
	s := &scanner{file: file, src: string(src)}
	t := &Test{scanner: s, globals: globals{byName: map[string]int{}, init: map[int]int64{}}}
	p := &parser{scanner: s, test: t}
	if len(src) > maxSize {
		return nil, s.fail(0, "the test has %d bytes; %d are read", len(src), maxSize)
	}
	if err := p.file(); err != nil {
		return nil, err
	}
	t.verdicts = expectations(s.src)
	return t, nil
}

func (p *parser) file() error {
	if err := p.header(); err != nil {
		return err
	}
	if err := p.initialState(); err != nil {
		return err
	}
	for {
		read := p.process
		switch {
		case p.is("{"):
			read = p.preamble
		case p.tok.kind != word || p.tok.text != "void" && p.tok.text != "static" && taskNumber(p.tok.text) < 0:
			read = nil
		}
		if read == nil {
			break
		}
		if err := read(); err != nil {
			return err
		}
	}
	if len(p.test.processes) == 0 {
		return p.expected("a task (P0(int *x) { … })")
	}
	if err := p.final(); err != nil {
		return err
	}
	if n := p.test.globals.locations; n > maxLocations {
		return p.fail(p.tok.at, "the test has %d shared variables; %d can be explored (an element of an array counts as one)", n, maxLocations)
	}
	return nil
}

// header reads the first line, and passes over what stands between it and the
// initial state: comments, texts in quotes, and lines such as Cycle=….
func (p *parser) header() error {
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.text != "C" {
		return p.expected("C and the name of the test (only litmus tests in C are read)")
	}
	at := p.pos
	line, _, _ := strings.Cut(p.src[at:], "\n")
	p.test.Name, _, _ = strings.Cut(strings.TrimSpace(line), " ")
	if name, _, ok := strings.Cut(p.test.Name, "\t"); ok {
		p.test.Name = name
	}
	if p.test.Name == "" {
		return p.fail(at, "expected the name of the test after C")
	}
	for _, c := range p.test.Name {
		if c < ' ' || c == 0x7f || c == 0xfffd {
			return p.fail(at, "the name of the test has the character %q in it", c)
		}
	}
	p.pos = at + len(line)
	for {
		if err := p.skip(); err != nil {
			return err
		}
		rest := p.src[p.pos:]
		switch {
		case rest == "":
			return p.fail(p.pos, "expected { before the initial state, found the end of the file")
		case rest[0] == '{':
			return p.advance()
		case rest[0] == '"':
			n := strings.IndexByte(rest[1:], '"')
			if n < 0 {
				return p.fail(p.pos, `the text has no end (expected ")`)
			}
			p.pos += n + 2
		case beginsTask(rest):
			return p.fail(p.pos, "expected { before the initial state, found a task (write {} if all is 0)")
		default:
			n := strings.IndexAny(rest, "\n{")
			if n < 0 {
				n = len(rest)
			}
			p.pos += n
		}
	}
}

// beginsTask reports whether a text begins like P0(.
func beginsTask(text string) bool {
	name, _, ok := strings.Cut(text, "(")
	return ok && taskNumber(strings.TrimSpace(name)) >= 0
}

// taskNumber is the number in a task's name, -1 if it is none.
func taskNumber(name string) int {
	if len(name) < 2 || name[0] != 'P' {
		return -1
	}
	n, err := strconv.Atoi(name[1:])
	if err != nil || name[1] == '+' || name[1] == '-' {
		return -1
	}
	return n
}

// advance goes to the next token.
func (p *parser) advance() error {
	t, err := p.scan()
	p.tok = t
	return err
}

// in changes the rules that the text is read by, from the current token on.
func (p *parser) in(l language) error {
	p.lang, p.pos = l, p.tok.at
	return p.advance()
}

// expected is the error that something else should stand here.
func (p *parser) expected(what string) error {
	return p.fail(p.tok.at, "expected %s, found %v", what, p.tok)
}

// is reports whether the current token is the punctuation or word.
func (p *parser) is(text string) bool { return p.tok.kind != number && p.tok.text == text }

// accept passes over a token if it is there.
func (p *parser) accept(text string) (bool, error) {
	if !p.is(text) || p.tok.kind == end {
		return false, nil
	}
	return true, p.advance()
}

// expect passes over a token that must be there.
func (p *parser) expect(text, why string) error {
	if ok, err := p.accept(text); ok || err != nil {
		return err
	}
	return p.expected(text + why)
}

// name reads a name.
func (p *parser) name(what string) (string, error) {
	if p.tok.kind != word {
		return "", p.expected(what)
	}
	s := p.tok.text
	return s, p.advance()
}

// integer reads a number.
func (p *parser) integer() (int64, error) {
	if p.tok.kind != number {
		return 0, p.expected("a number")
	}
	text := strings.TrimRight(p.tok.text, "uUlL")
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		text, base = hex, 16
	}
	n, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		return 0, p.fail(p.tok.at, "%v is no number of C's, or does not fit into 64 bits", p.tok)
	}
	return int64(n), p.advance()
}

// signed reads a number that may have a minus.
func (p *parser) signed() (int64, error) {
	minus, err := p.accept("-")
	if err != nil {
		return 0, err
	}
	n, err := p.integer()
	if minus {
		n = -n
	}
	return n, err
}

// deeper guards the stack.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.tok.at, "nested too deeply (%d levels are read)", maxDepth)
	}
	return nil
}

// initialState reads the block before the tasks.
func (p *parser) initialState() error {
	if err := p.expect("{", " before the initial state"); err != nil {
		return err
	}
	for !p.is("}") {
		if ok, err := p.accept(";"); err != nil {
			return err
		} else if ok {
			continue
		}
		if err := p.initialValue(); err != nil {
			return err
		}
		if !p.is(";") && !p.is("}") {
			return p.expected("; or } after an initial value")
		}
	}
	p.lang = outside
	return p.advance()
}

// preamble passes over C code in braces that belongs to no task, such as
// { #include "api.h" }. It is for other tools, and means nothing.
func (p *parser) preamble() error {
	depth := 0
	for i, c := range []byte(p.src[p.tok.at:]) {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			p.pos = p.tok.at + i + 1
			return p.advance()
		}
	}
	return p.fail(p.tok.at, "the code has no end (expected } as often as {)")
}

// pending is the initial value of a register of a task that is yet to be read.
type pending struct {
	task int
	name string
	v    int64
}

// initialValue reads one entry: "int x = 1", "x = 1", "int *p = &x", "0:r1 = 1",
// "int a[2] = {1, 2}" or "spinlock_t l".
func (p *parser) initialValue() error {
	at, name := p.tok.at, ""
	for p.tok.kind == word || p.is("*") {
		if p.tok.kind == word {
			at, name = p.tok.at, p.tok.text
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	if task, ok, err := p.taskOf(at, name); err != nil {
		return err
	} else if ok {
		return p.initialRegister(task)
	}
	if p.is("[") && (name == "" || typeNames[name]) { // [x] = 1
		var err error
		if at, name, err = p.inBrackets(); err != nil {
			return err
		}
	}
	switch {
	case name == "":
		return p.expected("a variable and its first value (int x = 1), or }")
	case typeNames[name]:
		return p.expected("the name of a variable after its type")
	}
	g := &p.test.globals
	if p.is("[") {
		return p.array(at, name)
	}
	if i, known := g.byName[name]; known && g.list[i].array {
		return p.fail(at, "%q is an array, and has been declared before", name)
	}
	first := g.find(name).first
	if g.locations > maxLocations {
		return p.fail(at, "more than %d shared variables", maxLocations)
	}
	if ok, err := p.accept("="); !ok || err != nil {
		return err
	}
	n, err := p.initialNumber()
	g.init[first] = n
	return err
}

// inBrackets reads [x], herd7's way to write a variable.
func (p *parser) inBrackets() (at int, name string, err error) {
	if err := p.expect("[", ""); err != nil {
		return 0, "", err
	}
	at = p.tok.at
	if name, err = p.name("the name of a variable"); err != nil {
		return 0, "", err
	}
	return at, name, p.expect("]", "")
}

// array reads the rest of "int a[2] = {1, 2}".
func (p *parser) array(at int, name string) error {
	if err := p.expect("[", ""); err != nil {
		return err
	}
	sizeAt := p.tok.at
	size, err := p.integer()
	if err != nil {
		return err
	}
	g := &p.test.globals
	_, known := g.byName[name]
	switch {
	case size < 1 || size > int64(maxLocations-g.locations):
		return p.fail(sizeAt, "an array has 1 element or more, and all shared variables together have at most %d", maxLocations)
	case known:
		return p.fail(at, "%q has been used before; declare an array once, before its address is taken", name)
	}
	first := g.add(name, int(size), true).first
	if err := p.expect("]", ""); err != nil {
		return err
	}
	if ok, err := p.accept("="); !ok || err != nil {
		return err
	}
	if err := p.expect("{", " before the values of an array"); err != nil {
		return err
	}
	for i := range int(size) {
		if i > 0 {
			if err := p.expect(",", ": an array needs all its values"); err != nil {
				return err
			}
		}
		n, err := p.initialNumber()
		if err != nil {
			return err
		}
		g.init[first+i] = n
	}
	return p.expect("}", " after the last value of an array")
}

// taskOf reads the colon of "0:r1" or "P0:r1".
func (p *parser) taskOf(at int, name string) (int, bool, error) {
	var task int64
	switch {
	case p.tok.kind == number:
		var err error
		at = p.tok.at
		if task, err = p.integer(); err != nil {
			return 0, false, err
		}
	case p.is(":"):
		if task = int64(taskNumber(name)); task < 0 {
			return 0, false, p.fail(at, "expected the number of a task before the colon (0:r1), found %q", name)
		}
	default:
		return 0, false, nil
	}
	if task < 0 || task > 1<<20 {
		return 0, false, p.fail(at, "there is no task %d", task)
	}
	return int(task), true, p.expect(":", " between a task's number and its register (0:r1)")
}

func (p *parser) initialRegister(task int) error {
	name, err := p.name("the name of a register (0:r1)")
	if err != nil {
		return err
	}
	n := int64(0)
	if ok, err := p.accept("="); err != nil {
		return err
	} else if ok {
		if n, err = p.initialNumber(); err != nil {
			return err
		}
	}
	p.test.pending = append(p.test.pending, pending{task, name, n})
	return nil
}

// initialNumber reads a value: a number, x or &x for an address, or ATOMIC_INIT(…).
func (p *parser) initialNumber() (int64, error) {
	if ok, err := p.accept("&"); err != nil {
		return 0, err
	} else if ok || p.tok.kind == word {
		name, err := p.name("the variable whose address is meant")
		if err != nil {
			return 0, err
		}
		switch {
		case !ok && name == "ATOMIC_INIT":
			if err := p.expect("(", ""); err != nil {
				return 0, err
			}
			n, err := p.signed()
			if err != nil {
				return 0, err
			}
			return n, p.expect(")", "")
		case !ok && name == "NULL":
			return 0, nil
		}
		return p.element(name)
	}
	if ok, err := p.accept("("); err != nil {
		return 0, err
	} else if ok { // a cast, or brackets
		for p.tok.kind == word && typeNames[p.tok.text] || p.is("*") {
			if err := p.advance(); err != nil {
				return 0, err
			}
		}
		if ok, err := p.accept(")"); err != nil {
			return 0, err
		} else if ok {
			if err := p.deeper(); err != nil {
				return 0, err
			}
			defer func() { p.depth-- }()
			return p.initialNumber()
		}
		n, err := p.signed()
		if err != nil {
			return 0, err
		}
		return n, p.expect(")", "")
	}
	if p.tok.kind != number && !p.is("-") {
		return 0, p.expected("a value: a number, or &x for the address of x")
	}
	return p.signed()
}

// element reads the index after the name of a variable, and returns the address.
func (p *parser) element(name string) (int64, error) {
	v := p.test.globals.find(name)
	at := p.tok.at
	ok, err := p.accept("[")
	if err != nil {
		return 0, err
	}
	i := int64(0)
	if ok {
		if i, err = p.integer(); err != nil {
			return 0, err
		}
		if err := p.expect("]", ""); err != nil {
			return 0, err
		}
	}
	if i < 0 || i >= int64(v.size) {
		return 0, p.fail(at, "%s[%d] is outside of the variable, which has %d elements", name, i, v.size)
	}
	return memory.Addr(v.first + int(i)).Int(), nil
}

// process reads a task.
func (p *parser) process() error {
	for p.is("static") || p.is("void") || p.is("*") {
		if err := p.advance(); err != nil {
			return err
		}
	}
	number := len(p.test.processes)
	if taskNumber(p.tok.text) != number {
		return p.expected("task P" + strconv.Itoa(number) + " (tasks are numbered from 0, in order)")
	}
	p.proc = &process{at: p.tok.at, registers: map[string]int{}}
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.in(inC); err != nil {
		return err
	}
	if err := p.expect("(", " before the parameters"); err != nil {
		return err
	}
	if err := p.parameters(); err != nil {
		return err
	}
	for _, r := range p.test.pending {
		if r.task == number {
			p.proc.initialise(r.name, r.v)
		}
	}
	if !p.is("{") {
		return p.expected("{ before the body of the task")
	}
	body, err := p.block(outside)
	if err != nil {
		return err
	}
	p.proc.body = body
	p.test.processes = append(p.test.processes, p.proc)
	return nil
}

// initialise gives a register a first value.
func (p *process) initialise(name string, v int64) {
	r := p.register(name)
	p.assigned[r] = true
	p.initial = slices.DeleteFunc(p.initial, func(i initial) bool { return i.register == r })
	p.initial = append(p.initial, initial{r, v})
}

// parameters reads "int *x, spinlock_t *l)". A parameter is a pointer to the shared
// variable of its name.
func (p *parser) parameters() error {
	for !p.is(")") {
		if err := p.parameter(); err != nil {
			return err
		}
		if ok, err := p.accept(","); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	return p.expect(")", " or , after a parameter")
}

func (p *parser) parameter() error {
	stars, void := 0, false
	for p.tok.kind == word && (typeNames[p.tok.text] || typeLike(p.tok.text)) || p.is("*") {
		if p.is("struct") || p.is("union") {
			if err := p.advance(); err != nil {
				return err
			}
			if _, err := p.name("the name of a struct"); err != nil {
				return err
			}
			continue
		}
		if p.is("*") {
			stars++
		}
		void = p.is("void")
		if err := p.advance(); err != nil {
			return err
		}
	}
	if void && p.is(")") && p.proc.names == nil {
		return nil // (void): no parameters
	}
	at := p.tok.at
	name, err := p.name("a parameter (int *x)")
	if err != nil {
		return err
	}
	v := p.test.globals.find(name)
	if p.is("[") { // int a[]
		stars++
		if err := p.advance(); err != nil {
			return err
		}
		if p.tok.kind == number {
			if _, err := p.integer(); err != nil {
				return err
			}
		}
		if err := p.expect("]", ""); err != nil {
			return err
		}
	}
	if stars == 0 {
		return p.fail(at, "parameter %s is not a pointer; expected int *%s (parameters are pointers to shared variables)", name, name)
	}
	p.proc.initialise(name, memory.Addr(v.first).Int())
	return nil
}

// typeNames lists the words that a type is made of.
var typeNames = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`int long short char unsigned signed bool _Bool void size_t
		volatile const _Atomic struct union static register
		u8 u16 u32 u64 s8 s16 s32 s64 int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
		__int128 intptr_t uintptr_t atomic_t atomic_long_t atomic64_t atomic_int
		spinlock_t raw_spinlock_t srcu_struct`) {
		m[name] = true
	}
	return m
}()

// typeLike reports whether a word is a type by custom.
func typeLike(name string) bool { return strings.HasSuffix(name, "_t") }
