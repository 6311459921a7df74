package events

import (
	"math/bits"
	"strings"
)

// maxCPUs is how many processors a list may name.
const maxCPUs = 64

// parseCPUList is cpulist_parse(): numbers and ranges between commas, N for the
// last one, and "all".
func parseCPUList(s string) (mask uint64, ok bool) {
	for item := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == ',' || c < 0x80 && isSpace(byte(c)) }) {
		if item == "all" {
			mask = ^uint64(0)
			continue
		}
		item, group, grouped := strings.Cut(item, ":")
		first, last, isRange := strings.Cut(item, "-")
		if item == "all" {
			first, last, isRange = "0", "N", true
		}
		if !isRange {
			if grouped {
				return 0, false
			}
			last = first
		}
		from, ok1 := cpuNumber(first)
		to, ok2 := cpuNumber(last)
		use, of := uint64(1), uint64(1)
		if grouped {
			used, size, both := strings.Cut(group, "/")
			var ok3, ok4 bool
			use, ok3 = cpuNumber(used)
			of, ok4 = cpuNumber(size)
			if !both || !ok3 || !ok4 || use == 0 || use > of {
				return 0, false
			}
		}
		if !ok1 || !ok2 || from > to {
			return 0, false
		}
		for cpu := from; cpu <= to; cpu++ {
			if (cpu-from)%of < use {
				mask |= 1 << cpu
			}
		}
	}
	return mask, true
}

func cpuNumber(s string) (uint64, bool) {
	if s == "N" {
		return maxCPUs - 1, true
	}
	v, err := magnitude(s, 10)
	return v, err == nil && v < maxCPUs
}

// setCPUs makes the term one of a set of processors; one of a single processor is
// one of its number.
func (t *term) setCPUs(mask uint64) {
	if bits.OnesCount64(mask) != 1 {
		t.cpus, t.isSet = mask, true
		return
	}
	t.value = uint64(bits.TrailingZeros64(mask))
	if t.op == opBand {
		t.op = opEQ
	}
	t.field.signed = false
	t.not = t.op == opNE
}

// cpuIn is do_filter_scalar_cpumask(): a set that is not of one processor is never
// equal to one. A number that is none of a processor is in no relation to it.
func (t *term) cpuIn(cpu uint64) bool {
	if cpu >= maxCPUs {
		return false
	}
	switch t.op {
	case opNE:
		return true
	case opBand:
		return t.cpus>>cpu&1 != 0
	case opGlob, opEQ, opLE, opLT, opGE, opGT:
	}
	return false
}
