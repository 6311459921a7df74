package events

import (
	"fmt"
	"strings"
)

// A SymbolTable finds functions of files.
type SymbolTable interface {
	// Offset returns where in the file a symbol is, and whether there is one.
	Offset(path, symbol string) (uint64, bool)
}

// Resolve replaces a symbol by its offset in a line that defines an event:
// PATH:SYMBOL[+OFFSET] in place of PATH:OFFSET. The kernel knows no symbols; what
// it is given is what Resolve returns. Lines without one are left as they are.
func Resolve(line string, symbols SymbolTable) (string, error) {
	head, comment, _ := strings.Cut(line, "#")
	args := split(head)
	if len(args) < 2 || args[0][0] != 'p' && args[0][0] != 'r' {
		return line, nil
	}
	colon := strings.LastIndexByte(args[1], ':')
	if colon < 0 || isDigit(at(args[1], colon+1)) {
		return line, nil
	}
	path, place := args[1][:colon], args[1][colon+1:]
	name, rest := place, ""
	if i := strings.IndexAny(place, "%("); i >= 0 {
		name, rest = place[:i], place[i:]
	}
	name, plus, hasPlus := strings.Cut(name, "+")
	offset, ok := symbols.Offset(path, name)
	if !ok {
		return "", fmt.Errorf("%s has no symbol %q", path, name)
	}
	if hasPlus {
		n, err := unsigned(plus, 0)
		if err != nil {
			return "", fmt.Errorf("%q is not an offset from %s", plus, name)
		}
		if offset += n; offset < n {
			return "", fmt.Errorf("%s+%s is beyond all offsets", name, plus)
		}
	}
	args[1] = fmt.Sprintf("%s:%#x%s", path, offset, rest)
	out := strings.Join(args, " ")
	if comment != "" {
		out += " #" + comment
	}
	return out, nil
}
