package x86

import "testing"

// benchMemory is the program of benchCode in memory.
func benchMemory() *flat {
	m := newFlat()
	m.write(0x10000, benchCode)
	for a := uint64(0x200000); a < 0x600000; a += PageSize {
		m.write(a, []byte{0})
	}
	m.write(0x7ff000, []byte{0})
	return m
}

func benchState() State {
	s := Initial()
	s.RIP, s.R[RSP] = 0x10000, 0x800000-64
	return s
}

// TestBenchProgram holds the result against a native run of the same code.
func TestBenchProgram(t *testing.T) {
	c := New(benchMemory())
	c.SetState(benchState())
	n, e := c.Run(1 << 30)
	if e.Kind != Syscall || n != benchCount || c.Reg(RAX) != benchSum {
		t.Fatalf("%v after %d instructions, checksum %#x; want %d and %#x", e, n, c.Reg(RAX), benchCount, benchSum)
	}
}

const (
	benchCount = 7566839
	benchSum   = 0xef4d8f15
)

// BenchmarkRun reports instructions per second.
func BenchmarkRun(b *testing.B) {
	c := New(benchMemory())
	b.ReportAllocs()
	var n uint64
	for b.Loop() {
		c.SetState(benchState())
		done, _ := c.Run(1 << 30)
		n += done
	}
	b.ReportMetric(float64(n)/1e6/b.Elapsed().Seconds(), "Minsn/s")
}
