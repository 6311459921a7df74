package x86

// A word is an integer operand.
type word interface {
	uint8 | uint16 | uint32 | uint64
}

// sizeof is the size of an operand in bytes. The compiler knows it: conditions
// on it cost nothing.
func sizeof[T word]() uint64 {
	switch uint64(^T(0)) {
	case 0xff:
		return 1
	case 0xffff:
		return 2
	case 0xffffffff:
		return 4
	}
	return 8
}

// width is the size of an operand in bits.
func width[T word]() uint64 { return 8 * sizeof[T]() }

// signed extends the sign of an operand to 64 bits.
func signed[T word](v T) int64 {
	shift := 64 - width[T]()
	return int64(uint64(v)<<shift) >> shift
}

// negative reports the most significant bit.
func negative[T word](v T) bool { return uint64(v)>>(width[T]()-1) != 0 }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
