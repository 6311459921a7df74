package explore_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline/sim"
	"trapline/sim/explore"
)

// peers are the rows of the comparison whose speed matters, with the best figures
// that were measured of another checker. They were measured on another machine of the
// same size.
var peers = []struct {
	peer
	best   float64 // executions a second of CPU time: GenMC 0.10.3 or 0.11, without what its compiler takes
	memory float64 // MB resident: Nidhugg 0.4
}{
	{peer{"fib(4)", fib(4), 19605}, 178_000, 54},
	{peer{"fib(5)", fib(5), 218243}, 197_000, 54},
	{peer{"sb(14)", sb(14), 16383}, 182_000, 54},
	{peer{"counter(5x1)", counter(5, 1), 14400}, 360_000, 54},
	{peer{"ainc(8)", ainc(8), 40320}, 40_000, 53},
	{peer{"lastzero(13)", lastzero(13), 32768}, 30_000, 54},
	{peer{"readers(15)", readers(15), 32768}, 156_000, 54},
	{peer{"indexer(15)", indexer(15), 4096}, 3_300, 54},
	{peer{"ticketlock(7)", ticketlock(7), 5040}, 9_700, 54},
	{peer{"locks(3x6)", locks(3, 6), 46656}, 11_200, 54},
	{peer{"locks(4x3)", locks(4, 3), 13824}, 15_500, 54},
	{peer{"filesystem(22)", filesystem(22), 512}, 880, 55},
}

// bestPeer prints a figure of another checker, if there is one.
func bestPeer(b *testing.B, figure float64, unit string) {
	if figure != 0 {
		b.ReportMetric(figure, "best-peer-"+unit)
	}
}

// BenchmarkExhaustive prints how fast the exhaustive search goes through the
// programs of the comparison: executions a second of CPU time, and beside it the
// best figure of another checker.
func BenchmarkExhaustive(b *testing.B) {
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			executions, before := 0, cpuTime()
			for b.Loop() {
				r, err := explore.Run(context.Background(), p.program, explore.Options{})
				if err != nil || r.Executions != p.want || r.Blocked > 0 {
					b.Fatal(r, err)
				}
				executions += r.Executions
			}
			b.ReportMetric(float64(executions)/(cpuTime()-before).Seconds(), "executions/cpu-s")
			bestPeer(b, p.best, "executions/cpu-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpuTime is the CPU time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var alone = flag.String("alone", "", "the program of the comparison that TestAlone runs")

// TestAlone runs one program of the comparison and prints the most memory that the
// process has had: BenchmarkResident calls it.
func TestAlone(t *testing.T) {
	for _, p := range peers {
		if p.name != *alone {
			continue
		}
		p.count(t)
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip(err)
		}
		for line := range strings.Lines(string(status)) {
			if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				fmt.Print("resident: ", strings.TrimSpace(size), "\n")
			}
		}
	}
}

// BenchmarkResident prints the most memory that a search of a program has had
// resident, the test binary included, in a process of its own.
func BenchmarkResident(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Skip(err)
	}
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			most := 0
			for b.Loop() {
				out, err := exec.Command(self, "-test.run=^TestAlone$", "-test.v", "-alone="+p.name).Output()
				if err != nil {
					b.Fatal(err)
				}
				kib := 0
				for line := range strings.Lines(string(out)) {
					if n, err := fmt.Sscanf(line, "resident: %d kB", &kib); n == 1 && err == nil {
						most = max(most, kib)
					}
				}
			}
			if most == 0 {
				b.Skip("this system does not say")
			}
			b.ReportMetric(float64(most)/1024, "MiB")
			bestPeer(b, p.memory, "MB")
			b.ReportMetric(0, "ns/op")
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

// shuttle is how many executions a second of CPU time Shuttle 0.9.3 draws of the
// program of BenchmarkRandom; it has no pos.
var shuttle = map[string]float64{explore.Random: 77_000, explore.PCT: 101_000, explore.SURW: 72_000}

// BenchmarkRandom prints how fast executions are drawn of a program of three
// tasks that lock, count and unlock five times.
func BenchmarkRandom(b *testing.B) {
	p := lockAndCount(5)
	const executions = 1000
	for _, strategy := range explore.Samples() {
		b.Run(strategy, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				r, err := explore.Run(context.Background(), p, explore.Options{Strategy: strategy, Executions: executions})
				if err != nil || r.Steps != executions*45 {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(b.N)*executions/(cpuTime()-before).Seconds(), "executions/cpu-s")
			bestPeer(b, shuttle[strategy], "executions/cpu-s")
		})
	}
}

// BenchmarkStates prints how fast the search for states goes through programs in
// which many ways lead to one state, or none do. The peer is SPIN 6.5.2.
func BenchmarkStates(b *testing.B) {
	for _, bench := range []struct {
		name    string
		program sim.Program
		spin    float64
	}{
		{"locks(3x6)", forgettingLocks(3, 6), 20},
		{"locks(4x5)", forgettingLocks(4, 5), 0},
		{"cells(3x6)", forgettingCells(3, 6), 0},
		{"lastzero(10)", lastzero(10), 2160},
		{"counter(5x1)", counter(5, 1), 10},
		{"fib(5)", fib(5), 200},
		{"filesystem(22)", filesystem(22), 0},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			states, transitions, before := 0, 0, cpuTime()
			for b.Loop() {
				r, err := explore.Run(context.Background(), bench.program, explore.Options{Strategy: explore.States})
				if err != nil || !r.Complete {
					b.Fatal(err)
				}
				states += r.States
				transitions += r.Transitions
			}
			seconds := (cpuTime() - before).Seconds()
			b.ReportMetric(float64(states)/float64(b.N), "states")
			b.ReportMetric(float64(states)/seconds, "states/cpu-s")
			b.ReportMetric(float64(transitions)/seconds, "transitions/cpu-s")
			b.ReportMetric(seconds*1000/float64(b.N), "cpu-ms")
			bestPeer(b, bench.spin, "cpu-ms")
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
			executions, before := 0, cpuTime()
			for b.Loop() {
				r, err := explore.Run(context.Background(), p, explore.Options{Setup: bench.setup})
				if err != nil || !r.Complete {
					b.Fatal(err)
				}
				executions += r.Executions
			}
			seconds := (cpuTime() - before).Seconds()
			b.ReportMetric(float64(executions)/float64(b.N), "executions")
			b.ReportMetric(float64(executions)/seconds, "executions/cpu-s")
			b.ReportMetric(seconds*1000/float64(b.N), "cpu-ms")
		})
	}
}
