package vm

import (
	"bytes"
	"debug/elf"
	"slices"
	"strings"
	"unicode"
)

// missingHint says what to try when no table has symbol.
func (p elfProgram) missingHint(symbol string) string {
	hint := "the file has no symbol table; try an unstripped binary"
	if p.file.SectionByType(elf.SHT_SYMTAB) != nil {
		hint = "names must match exactly; nm lists them"
	} else if p.file.SectionByType(elf.SHT_DYNSYM) != nil {
		hint = "the file has only dynamic symbols; try an unstripped binary"
	}
	near := p.nearest(symbol)
	if len(near) == 0 {
		return hint
	}
	last := len(near) - 1
	if last == 0 {
		return "did you mean " + near[0] + "?"
	}
	return "did you mean " + strings.Join(near[:last], ", ") + " or " + near[last] + "?"
}

// nearest returns up to three functions with names like symbol, best first.
func (p elfProgram) nearest(symbol string) []string {
	type near struct {
		name  string
		score int
	}
	var best []near
	tables := [...]elf.SectionType{elf.SHT_SYMTAB, elf.SHT_DYNSYM}
	for _, typ := range tables {
		t, err := p.symbols(typ)
		if err != nil {
			continue // lookup has reported it
		}
		for i := range min(t.len(), imageSuggestFrom) {
			name, sym := t.at(i, imageSuggestName)
			if len(name) == 0 || p.unfit(sym) != nil {
				continue
			}
			score, ok := likeness(name, symbol)
			if !ok || len(best) == 3 && score > best[2].score || !printable(name) {
				continue
			}
			best = append(best, near{string(name), score})
			slices.SortFunc(best, func(a, b near) int {
				if a.score != b.score {
					return a.score - b.score
				}
				return strings.Compare(a.name, b.name)
			})
			best = slices.Compact(best)
			best = best[:min(len(best), 3)]
		}
	}
	var names []string
	for _, n := range best {
		names = append(names, n.name)
	}
	return names
}

// printable reports whether a name from a file may be shown on a terminal.
func printable(name []byte) bool {
	for _, r := range string(name) {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

// likeness scores how well name fits what the user asked for, 0 best. A
// qualified form of it is the likeliest wish: main.main for main.
func likeness(name []byte, asked string) (score int, ok bool) {
	if rest, ends := bytes.CutSuffix(name, []byte(asked)); ends && (bytes.HasSuffix(rest, []byte(".")) || bytes.HasSuffix(rest, []byte("::"))) {
		return 0, true
	}
	typos := len(asked)/4 + 1
	if d := len(name) - len(asked); len(asked) <= imageSuggestName && -typos <= d && d <= typos {
		if n := editDistance(name, asked); n <= typos && n < len(asked) {
			return n, true
		}
	}
	// As in _ZN3foo4mainEv, or work.cold; anything holds one or two letters.
	if len(asked) >= 3 && bytes.Contains(name, []byte(asked)) {
		return imageSuggestName + len(name), true
	}
	return 0, false
}

// editDistance counts the bytes to insert, delete or replace to make a into b.
func editDistance(a []byte, b string) int {
	var row [imageSuggestName + 1]int // len(b) is at most imageSuggestName
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i, c := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if c != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
