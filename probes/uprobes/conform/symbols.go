package conform

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strconv"
	"strings"
)

// address finds NAME, NAME+OFFSET or a number in a program: the address as linked,
// and whether the program may be loaded anywhere.
func address(content []byte, name string) (addr uint64, relocatable bool, err error) {
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return 0, false, err
	}
	relocatable = f.Type == elf.ET_DYN
	base, plus, hasOffset := strings.Cut(name, "+")
	offset := uint64(0)
	if hasOffset {
		if offset, err = strconv.ParseUint(plus, 0, 64); err != nil {
			return 0, false, fmt.Errorf("%s: %q is no offset", name, plus)
		}
	}
	if addr, err := strconv.ParseUint(base, 0, 64); err == nil {
		return addr + offset, relocatable, nil
	}
	symbols, err := f.Symbols()
	if err != nil {
		return 0, false, err
	}
	for _, s := range symbols {
		if s.Name == base && s.Section != elf.SHN_UNDEF {
			return s.Value + offset, relocatable, nil
		}
	}
	return 0, false, fmt.Errorf("there is no symbol %s", base)
}
