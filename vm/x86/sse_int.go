package x86

// SDM vol. 1, 11.4: SSE2 integers.

func pand(a, b vec) vec  { return vec{a[0] & b[0], a[1] & b[1]} }
func pandn(a, b vec) vec { return vec{^a[0] & b[0], ^a[1] & b[1]} }
func por(a, b vec) vec   { return vec{a[0] | b[0], a[1] | b[1]} }
func pxor(a, b vec) vec  { return vec{a[0] ^ b[0], a[1] ^ b[1]} }

func padd[T word](a, b T) T { return a + b }
func psub[T word](a, b T) T { return a - b }

func pcmpeq[T word](a, b T) T { return -T(bit(a == b)) }
func pcmpgt[T word](a, b T) T { return -T(bit(signed(a) > signed(b))) }

func pminu[T word](a, b T) T { return min(a, b) }
func pmaxu[T word](a, b T) T { return max(a, b) }
func pmins[T word](a, b T) T { return T(min(signed(a), signed(b))) }
func pmaxs[T word](a, b T) T { return T(max(signed(a), signed(b))) }

// saturate brings a number into the range of a signed lane, saturateU of an
// unsigned one.
func saturate[T word](v int64) T {
	top := int64(^T(0) >> 1)
	return T(min(max(v, -top-1), top))
}

func saturateU[T word](v int64) T { return T(min(max(v, 0), int64(^T(0)))) }

func padds[T word](a, b T) T  { return saturate[T](signed(a) + signed(b)) }
func psubs[T word](a, b T) T  { return saturate[T](signed(a) - signed(b)) }
func paddus[T word](a, b T) T { return saturateU[T](int64(a) + int64(b)) }
func psubus[T word](a, b T) T { return saturateU[T](int64(a) - int64(b)) }

func pavg[T word](a, b T) T { return T((uint64(a) + uint64(b) + 1) >> 1) }

func pmullw(a, b uint16) uint16  { return a * b }
func pmulhw(a, b uint16) uint16  { return uint16(int32(int16(a)) * int32(int16(b)) >> 16) }
func pmulhuw(a, b uint16) uint16 { return uint16(uint32(a) * uint32(b) >> 16) }

// pmaddwd adds the products of neighbours.
func pmaddwd(a, b uint32) uint32 {
	low := int32(int16(a)) * int32(int16(b))
	high := int32(int16(a>>16)) * int32(int16(b>>16))
	return uint32(low + high)
}

func pmuludq(a, b uint64) uint64 { return a & 0xffffffff * (b & 0xffffffff) }

// psadbw adds the distances of eight bytes.
func psadbw(a, b uint64) (r uint64) {
	for i := 0; i < 64; i += 8 {
		x, y := a>>i&0xff, b>>i&0xff
		r += max(x, y) - min(x, y)
	}
	return r
}

// pack narrows the lanes of both operands.
func pack[To, From word](f func(int64) To) func(a, b vec) vec {
	n := 128 / width[From]()
	return func(a, b vec) (r vec) {
		for i := range n {
			setLane(&r, i, f(signed(lane[From](a, i))))
			setLane(&r, i+n, f(signed(lane[From](b, i))))
		}
		return r
	}
}

// unpack interleaves the low or high halves of both operands.
func unpackLow[T word](a, b vec) (r vec) {
	for i := range 64 / width[T]() {
		setLane(&r, 2*i, lane[T](a, i))
		setLane(&r, 2*i+1, lane[T](b, i))
	}
	return r
}

func unpackHigh[T word](a, b vec) vec {
	return unpackLow[T](vec{a[1]}, vec{b[1]})
}

// A laneShift shifts a lane by a count; counts beyond its size are allowed.
type laneShift[T word] func(a T, n uint64) T

func psll[T word](a T, n uint64) T { return a << n }
func psrl[T word](a T, n uint64) T { return a >> n }
func psra[T word](a T, n uint64) T { return T(signed(a) >> min(n, 63)) }

// shifts shifts all lanes by the low half of the second operand.
func shifts[T word](f laneShift[T]) func(a, b vec) vec {
	return func(a, b vec) (r vec) {
		for i := range 128 / width[T]() {
			setLane(&r, i, f(lane[T](a, i), b[0]))
		}
		return r
	}
}

// pslldq and psrldq shift the whole register by bytes.

func pslldq(a, b vec) vec {
	n := 8 * min(b[0], 16)
	return vec{a[0] << n, a[1]<<n | a[0]<<(n-64) | a[0]>>(64-n)}
}

func psrldq(a, b vec) vec {
	n := 8 * min(b[0], 16)
	return vec{a[0]>>n | a[1]>>(n-64) | a[1]<<(64-n), a[1] >> n}
}

// A shuffle computes a vector from two and an immediate.
type shuffle func(a, b vec, imm uint64) vec

func pshufd(_, b vec, imm uint64) (r vec) {
	for i := range uint64(4) {
		setLane(&r, i, lane[uint32](b, imm>>(2*i)&3))
	}
	return r
}

func pshuflw(_, b vec, imm uint64) vec {
	r := b
	for i := range uint64(4) {
		setLane(&r, i, lane[uint16](b, imm>>(2*i)&3))
	}
	return r
}

func pshufhw(_, b vec, imm uint64) vec {
	r := b
	for i := range uint64(4) {
		setLane(&r, i+4, lane[uint16](b, imm>>(2*i)&3+4))
	}
	return r
}

func shufps(a, b vec, imm uint64) (r vec) {
	setLane(&r, 0, lane[uint32](a, imm&3))
	setLane(&r, 1, lane[uint32](a, imm>>2&3))
	setLane(&r, 2, lane[uint32](b, imm>>4&3))
	setLane(&r, 3, lane[uint32](b, imm>>6&3))
	return r
}

func shufpd(a, b vec, imm uint64) vec { return vec{a[imm&1], b[imm>>1&1]} }

// signs gathers the most significant bits of the lanes.
func signs[T word](v vec) (r uint64) {
	for i := range 128 / width[T]() {
		r |= bit(negative(lane[T](v, i))) << i
	}
	return r
}
