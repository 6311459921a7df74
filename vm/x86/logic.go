package x86

// SDM vol. 1, 7.3.5: logical instructions. AF is undefined; it becomes zero.

// and is also test.
func and[T word](c *CPU, a, b T) T {
	r := a & b
	result(&c.f, r)
	return r
}

func or[T word](c *CPU, a, b T) T {
	r := a | b
	result(&c.f, r)
	return r
}

func xor[T word](c *CPU, a, b T) T {
	r := a ^ b
	result(&c.f, r)
	return r
}

func not[T word](_ *CPU, a T) T { return ^a }
