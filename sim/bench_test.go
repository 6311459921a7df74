package sim_test

import (
	"runtime"
	"testing"

	"trapline/sim"
)

// three tasks of twelve steps each: lock, read, write and unlock, three times.
func threeTasks() sim.Program {
	var (
		l sim.Mutex
		w sim.Word[int]
	)
	body := func(k *sim.K) {
		for range 3 {
			k.MutexLock(&l)
			w.Write(k, w.Read(k)+1)
			k.MutexUnlock(&l)
		}
	}
	return func(m *sim.Machine) {
		k := m.Setup()
		k.MutexInit(&l, "l")
		w.Init(k, "w", 0)
		m.Go("a", body)
		m.Go("b", body)
		m.Go("c", body)
	}
}

// BenchmarkStep prints the cost of a step and of an execution of a 3-task,
// 36-step program when the machine runs undisturbed, and when the strategy
// changes the task at every step that allows it.
func BenchmarkStep(b *testing.B) {
	rotate := sim.StrategyFunc(func(_ *sim.Machine, p *sim.Point) int { return p.N - 1 })
	for _, bench := range []struct {
		name string
		s    sim.Strategy
	}{{"undisturbed", sim.Undisturbed}, {"switching", rotate}} {
		b.Run(bench.name, func(b *testing.B) {
			m := sim.NewMachine()
			defer m.Close()
			p := threeTasks()
			m.Run(p, bench.s)
			steps := 0
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				o := m.Run(p, bench.s)
				if o.Violation != nil {
					b.Fatal(o.Violation)
				}
				steps += o.Steps
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocations/execution")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
		})
	}
}
