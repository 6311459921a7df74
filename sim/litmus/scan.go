package litmus

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in a file, with the place and what was expected there.
type Error struct {
	File         string
	Line, Column int // from 1; the column counts characters
	Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// kind is what a token is.
type kind uint8

const (
	end kind = iota
	word
	number
	punctuation
)

// token is a piece of the text.
type token struct {
	kind kind
	text string
	at   int // offset of its first byte
}

// String describes a token in a message.
func (t token) String() string {
	if t.kind == end {
		return "the end of the file"
	}
	return fmt.Sprintf("%q", t.text)
}

// language says by whose rules the text is read. Around the C code of the tasks,
// "(*" begins a comment; in the code it does not, for there is "(*x)".
type language uint8

const (
	outside language = iota
	inC
)

// scanner splits the text of a file into tokens.
type scanner struct {
	file string
	src  string
	pos  int // where the next token is looked for
	lang language
}

// symbols lists the punctuation of more than one character, the longest first.
var symbols = []string{
	"<<=", ">>=",
	"/\\", "\\/", "=>", "<>", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "++", "--", "->",
	"+=", "-=", "*=", "/=", "&=", "|=", "^=", "%=",
}

// fail makes the error for a mistake at an offset.
func (s *scanner) fail(at int, format string, args ...any) *Error {
	before := s.src[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &Error{s.file, line, column, fmt.Sprintf(format, args...)}
}

// scan returns the next token.
func (s *scanner) scan() (token, error) {
	if err := s.skip(); err != nil {
		return token{}, err
	}
	rest, at := s.src[s.pos:], s.pos
	if rest == "" {
		return token{end, "", at}, nil
	}
	n, k := 1, punctuation
	switch c := rest[0]; {
	case letter(c):
		k = word
		for n < len(rest) && (letter(rest[n]) || digit(rest[n])) {
			n++
		}
	case digit(c):
		k = number
		for n < len(rest) && (letter(rest[n]) || digit(rest[n])) {
			n++
		}
	default:
		for _, sym := range symbols {
			if strings.HasPrefix(rest, sym) {
				n = len(sym)
				break
			}
		}
		if n == 1 && !strings.ContainsRune("{}()[];:,.*&|^~!=<>+-/%?@#'\"\\$", rune(c)) {
			r, _ := utf8.DecodeRuneInString(rest)
			return token{}, s.fail(at, "the character %q has no meaning here (letters, digits and the punctuation of C do)", r)
		}
	}
	s.pos += n
	return token{k, rest[:n], at}, nil
}

// skip passes over blanks and comments.
func (s *scanner) skip() error {
	for s.pos < len(s.src) {
		rest := s.src[s.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			s.pos++
		case strings.HasPrefix(rest, "//"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			s.pos += n
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return s.fail(s.pos, "the comment has no end (expected */)")
			}
			s.pos += n + 4
		case s.lang == outside && strings.HasPrefix(rest, "(*"):
			n := nested(rest)
			if n < 0 {
				return s.fail(s.pos, "the comment has no end (expected *) as often as (*)")
			}
			s.pos += n
		default:
			return nil
		}
	}
	return nil
}

// nested is the length of the comment in (* and *) that a text begins with, -1 if
// it has no end.
func nested(text string) int {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "(*":
			depth++
			i++
		case "*)":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func letter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
