package sim_test

import (
	"testing"

	"trapline/sim"
)

// A step that is taken 200 times does not allocate 200 times.
func TestStepsDoNotAllocate(t *testing.T) {
	type named uint16
	var (
		number  sim.AtomicInt
		long    sim.AtomicLong
		refs    sim.Refcount
		flags   sim.Flags
		fields  sim.Bitfield
		percpu  sim.PerCPUInt[int]
		word    sim.Word[int]
		kind    sim.Word[named]
		comm    sim.Word[string]
		opcodes sim.Word[[4]int]
	)
	for _, test := range []struct {
		name string
		do   func(k *sim.K)
	}{
		{"atomic_t", func(k *sim.K) {
			old := int32(70000)
			number.Inc(k)
			number.AddReturn(k, 70000)
			number.TryCmpxchg(k, &old, number.Read(k))
		}},
		{"atomic_long_t", func(k *sim.K) { long.Inc(k); long.Or(k, long.FetchAdd(k, 70000)) }},
		{"refcount_t", func(k *sim.K) { k.RefcountInc(&refs); k.RefcountDecAndTest(&refs) }},
		{"flags", func(k *sim.K) { k.SetBit(40, &flags); k.TestBit(3, &flags); k.SetBitNonatomic(7, &flags) }},
		{"bit-fields", func(k *sim.K) { fields.Set(k, highBit, fields.Get(k, lowBit)+1) }},
		{"per-CPU", func(k *sim.K) { percpu.Inc(k); percpu.Write(k, percpu.Read(k)+70000) }},
		{"word", func(k *sim.K) { word.Write(k, word.Read(k)+70000) }},
		{"word of a named type", func(k *sim.K) { kind.Write(k, kind.Read(k)+7000) }},
		{"word of a string", func(k *sim.K) { comm.Write(k, "trapline"); comm.Read(k) }},
		{"word of an array", func(k *sim.K) { opcodes.Write(k, [4]int{1, 70000, 3, 4}); opcodes.Read(k) }},
	} {
		m := sim.NewMachine()
		allocations := func(times int) float64 {
			p := func(m *sim.Machine) {
				k := m.Setup()
				number.Init(k, "number", 0)
				long.Init(k, "long", 0)
				refs.Init(k, "refs", 1)
				flags.Init(k, "flags", 0)
				fields.Init(k, "fields")
				percpu.Init(k, "percpu", 1)
				word.Init(k, "word", 0)
				kind.Init(k, "kind", 0)
				comm.Init(k, "comm", "")
				opcodes.Init(k, "opcodes", [4]int{})
				m.Go("t", func(k *sim.K) {
					for range times {
						test.do(k)
					}
				})
			}
			m.Run(p, sim.Undisturbed)
			return testing.AllocsPerRun(5, func() { m.Run(p, sim.Undisturbed) })
		}
		if once, often := allocations(1), allocations(200); often > once+20 { // the runtime has some of its own, with -race
			t.Errorf("%s: %v allocations for one time, %v for 200", test.name, once, often)
		}
		m.Close()
	}
}
