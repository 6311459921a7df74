package explore_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"trapline/sim"
	"trapline/sim/explore"
)

// BenchmarkExhaustive prints how fast the exhaustive search goes through the
// programs of the comparison.
func BenchmarkExhaustive(b *testing.B) {
	for _, bench := range []struct {
		name    string
		program sim.Program
	}{
		{"fib(4)", fib(4)},
		{"sb(14)", sb(14)},
		{"counter(5x1)", counter(5, 1)},
		{"locks(3x6)", locks(3, 6)},
		{"filesystem(22)", filesystem(22)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			executions := 0
			for b.Loop() {
				r, err := explore.Run(context.Background(), bench.program, explore.Options{})
				if err != nil || !r.Complete {
					b.Fatal(err)
				}
				executions += r.Executions
			}
			b.ReportMetric(float64(executions)/float64(b.N), "executions")
			b.ReportMetric(float64(executions)/b.Elapsed().Seconds(), "executions/s")
		})
	}
}

// BenchmarkWorkers prints how much two workers gain over one.
func BenchmarkWorkers(b *testing.B) {
	for _, bench := range []struct {
		name    string
		program sim.Program
	}{
		{"fib(5)", fib(5)},
		{"counter(3x2)", counter(3, 2)},
		{"locks(3x6)", locks(3, 6)},
	} {
		for workers := 1; workers <= 2; workers++ {
			b.Run(fmt.Sprintf("%s by %d", bench.name, workers), func(b *testing.B) {
				executions := 0
				for b.Loop() {
					r, err := explore.Run(context.Background(), bench.program, explore.Options{Workers: workers})
					if err != nil || !r.Complete {
						b.Fatal(err)
					}
					executions += r.Executions
				}
				b.ReportMetric(float64(executions)/b.Elapsed().Seconds(), "executions/s")
			})
		}
	}
}

// lockAndCount is a program of three tasks that lock, count and unlock so many
// times. It makes nothing anew, so what is allocated in an execution is not its own.
func lockAndCount(times int) sim.Program {
	var (
		l sim.Mutex
		x sim.Word[int]
	)
	body := func(k *sim.K) {
		for range times {
			k.MutexLock(&l)
			x.Xchg(k, 1)
			k.MutexUnlock(&l)
		}
	}
	return func(m *sim.Machine) {
		k := m.Setup()
		k.MutexInit(&l, "l")
		x.Init(k, "x", 0)
		m.Go("t0", body)
		m.Go("t1", body)
		m.Go("t2", body)
	}
}

// BenchmarkRandom prints how fast executions are drawn of a program of three
// tasks that lock, count and unlock five times.
func BenchmarkRandom(b *testing.B) {
	p := lockAndCount(5)
	const executions = 1000
	for _, strategy := range explore.Samples() {
		b.Run(strategy, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := explore.Run(context.Background(), p, explore.Options{Strategy: strategy, Executions: executions})
				if err != nil || r.Steps != executions*45 {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(b.N)*executions/b.Elapsed().Seconds(), "executions/s")
		})
	}
}

// BenchmarkStates prints how fast the search for states goes through programs in
// which many ways lead to one state, or none do.
func BenchmarkStates(b *testing.B) {
	for _, bench := range []struct {
		name    string
		program sim.Program
	}{
		{"locks(3x6)", forgettingLocks(3, 6)},
		{"locks(4x5)", forgettingLocks(4, 5)},
		{"cells(3x6)", forgettingCells(3, 6)},
		{"lastzero(10)", lastzero(10)},
		{"counter(5x1)", counter(5, 1)},
		{"fib(5)", fib(5)},
		{"filesystem(22)", filesystem(22)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			states, transitions, before := 0, 0, cpuTime(b)
			for b.Loop() {
				r, err := explore.Run(context.Background(), bench.program, explore.Options{Strategy: explore.States})
				if err != nil || !r.Complete {
					b.Fatal(err)
				}
				states += r.States
				transitions += r.Transitions
			}
			seconds := (cpuTime(b) - before).Seconds()
			b.ReportMetric(float64(states)/float64(b.N), "states")
			b.ReportMetric(float64(states)/seconds, "states/cpu-s")
			b.ReportMetric(float64(transitions)/seconds, "transitions/cpu-s")
			b.ReportMetric(seconds*1000/float64(b.N), "cpu-ms")
		})
	}
}

// BenchmarkSymmetry prints what it takes to visit every interleaving of tasks that
// are alike, and of the same tasks if nothing is known of them.
func BenchmarkSymmetry(b *testing.B) {
	p := func(m *sim.Machine) {
		l, c := mutexes(m, 4), words(m, 4)
		m.GoSymmetric("t", 3, func(k *sim.K) {
			for i := range l {
				k.MutexLock(&l[i])
				c[i].Write(k, c[i].Read(k)+1)
				k.MutexUnlock(&l[i])
			}
		})
	}
	for _, bench := range []struct {
		name  string
		setup func(m *sim.Machine)
	}{{"alike", nil}, {"plainly", plainly}} {
		b.Run("locks(3x4) "+bench.name, func(b *testing.B) {
			executions, before := 0, cpuTime(b)
			for b.Loop() {
				r, err := explore.Run(context.Background(), p, explore.Options{Setup: bench.setup})
				if err != nil || !r.Complete {
					b.Fatal(err)
				}
				executions += r.Executions
			}
			seconds := (cpuTime(b) - before).Seconds()
			b.ReportMetric(float64(executions)/float64(b.N), "executions")
			b.ReportMetric(float64(executions)/seconds, "executions/cpu-s")
			b.ReportMetric(seconds*1000/float64(b.N), "cpu-ms")
		})
	}
}

// cpuTime is the time that the process has spent on a CPU, which says more than
// the clock where others use the machine as well.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
