package events

// The classes of characters of lib/ctype.c, where the upper half is Latin-1:
// arguments are divided at a no-break space, and names may hold letters with
// accents.

func isSpace(c byte) bool { return c >= '\t' && c <= '\r' || c == ' ' || c == 0xa0 }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlpha(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0xc0 && c != 0xd7 && c != 0xf7
}

func isXDigit(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// at is the character at i of a string that a zero ends, as in C.
func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// goodName is is_good_name(): what may be an event or an argument.
func goodName(s string) bool {
	if !isAlpha(at(s, 0)) && at(s, 0) != '_' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isAlpha(s[i]) && !isDigit(s[i]) && s[i] != '_' {
			return false
		}
	}
	return true
}

// goodSystemName is is_good_system_name(): what may be a group.
func goodSystemName(s string) bool {
	if !isAlpha(at(s, 0)) && at(s, 0) != '_' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isAlpha(s[i]) && !isDigit(s[i]) && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

// split is argv_split().
func split(s string) []string {
	var args []string
	for i := 0; i < len(s); {
		if isSpace(s[i]) {
			i++
			continue
		}
		from := i
		for i < len(s) && !isSpace(s[i]) {
			i++
		}
		args = append(args, s[from:i])
	}
	return args
}
