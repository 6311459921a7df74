package x86

import "golang.org/x/arch/x86/x86asm"

func addX87(m map[x86asm.Op]builder) {}
func addMMX(m map[x86asm.Op]builder) {}

func (d *decoding) quick(shape) operation { return nil }
