package events

import (
	"math"
	"math/bits"
	"strings"

	"trapline/sim"
)

// radix is _parse_integer_fixup_radix(): the base that a number is written in,
// where base 0 leaves that to its prefix, and the number without the prefix.
func radix(s string, base uint64) (string, uint64) {
	hex := at(s, 0) == '0' && at(s, 1)|0x20 == 'x'
	if base == 0 {
		switch {
		case hex && isXDigit(at(s, 2)):
			base = 16
		case at(s, 0) == '0':
			base = 8
		default:
			base = 10
		}
	}
	if base == 16 && hex {
		s = s[2:]
	}
	return s, base
}

// digits is _parse_integer(): the number that s begins with, and how many
// characters it has.
func digits(s string, base uint64) (v uint64, n int, overflow bool) {
	for ; n < len(s); n++ {
		var d uint64
		switch c := s[n]; {
		case isDigit(c):
			d = uint64(c - '0')
		case isXDigit(c):
			d = uint64(c|0x20-'a') + 10
		default:
			return v, n, overflow
		}
		if d >= base {
			break
		}
		high, low := bits.Mul64(v, base)
		sum, carry := bits.Add64(low, d, 0)
		overflow = overflow || high != 0 || carry != 0
		v = sum
	}
	return v, n, overflow
}

// unsigned is kstrtoul().
func unsigned(s string, base uint64) (uint64, error) {
	s = strings.TrimPrefix(s, "+")
	return magnitude(s, base)
}

func magnitude(s string, base uint64) (uint64, error) {
	s, base = radix(s, base)
	v, n, overflow := digits(s, base)
	switch {
	case overflow:
		return 0, sim.ERANGE
	case n == 0, n != len(s):
		return 0, sim.EINVAL
	}
	return v, nil
}

// signed is kstrtol().
func signed(s string) (int64, error) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		v, err := magnitude(rest, 0)
		if err != nil {
			return 0, err
		}
		if v > 1<<63 {
			return 0, sim.ERANGE
		}
		return -int64(v), nil
	}
	v, err := unsigned(s, 0)
	if err != nil {
		return 0, err
	}
	if v > math.MaxInt64 {
		return 0, sim.ERANGE
	}
	return int64(v), nil
}

// simple is simple_strtoul(): the number that s begins with, and what follows.
func simple(s string) (v uint64, rest string) {
	s, base := radix(s, 0)
	v, n, _ := digits(s, base)
	return v, s[n:]
}
