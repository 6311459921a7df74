package x86

import "golang.org/x/arch/x86/x86asm"

func addFloatSSE(m map[x86asm.Op]builder) {}
func addX87(m map[x86asm.Op]builder)      {}
func addMMX(m map[x86asm.Op]builder)      {}

type X87 struct{ CW, SW, TW uint16 }

func initialX87() X87                     { return X87{CW: 0x37f} }
func (c *CPU) fpuPending()                {}
func (d *decoding) quick(shape) operation { return nil }
