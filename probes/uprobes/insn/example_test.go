package insn_test

import (
	"fmt"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/insn"
)

func ExampleAnalyse() {
	for _, text := range []string{
		"\x55",                         // push %rbp
		"\x48\x8b\x05\x10\x00\x00\x00", // mov 16(%rip),%rax
		"\x0f\x1f\x44\x00\x00",         // nop of 5 bytes
		"\xc5\xf8\x77",                 // vzeroupper
		"\xf0\x48\x0f\xc1\x03",         // lock xadd %rax,(%rbx)
	} {
		for _, k := range defects.Kernels {
			in, err := insn.Analyse([]byte(text), 0x401000, k.Defects)
			if err != nil {
				fmt.Printf("%x on %s: %v\n", text, k.Name, err)
				continue
			}
			fmt.Printf("%x on %s: %v, %x\n", text, k.Name, in.Class, in.Slot[:in.Length])
		}
	}
	// Output:
	// 55 on 6.18: push, 55
	// 55 on fixed: push, 55
	// 488b0510000000 on 6.18: out of line, 488b8610000000
	// 488b0510000000 on fixed: out of line, 488b8610000000
	// 0f1f440000 on 6.18: nop, 0f1f440000
	// 0f1f440000 on fixed: nop, 0f1f440000
	// c5f877 on 6.18: jump, c5f877
	// c5f877 on fixed: out of line, c5f877
	// f0480fc103 on 6.18: -ENOTSUPP
	// f0480fc103 on fixed: -ENOTSUPP
}
