// Package explore runs a program through its executions: all of them, those
// with few preemptions, or a random sample. It says which rules they break,
// with the schedule that has the fewest preemptions, and exactly what was
// covered.
//
// # In a test
//
// [Check] explores a program as a part of an ordinary Go test, and fails it with
// the steps that lead to a broken rule:
//
//	func TestCounter(t *testing.T) {
//		explore.Check(t, func(m *sim.Machine) {
//			var l sim.Mutex
//			var hits sim.Cell[int]
//			m.Setup().MutexInit(&l, "l")
//			hits.Init(m.Setup(), "hits")
//			for _, name := range []string{"one", "two"} {
//				m.Go(name, func(k *sim.K) {
//					k.MutexLock(&l)
//					hits.Set(k, hits.Get(k)+1)
//					k.MutexUnlock(&l)
//				})
//			}
//		})
//	}
//
// [Replay] runs one of its schedules again and logs the trace, [Expect] demands
// that a rule is broken, and [CheckIndependence] tests what a new primitive
// declares. Code that is no test calls [Run].
//
// # Which strategy
//
// The zero Options visit every interleaving ([DPOR]): the only answer that is
// "clean" of everything. Where there are too many, [Bounded] visits those with few
// preemptions, smallest numbers first; most bugs need one or two. [States] visits
// every state, and not every way to it: that is far less where tasks take locks one
// after another and say what they forget ([sim.K.Forget]), and as exact as they
// are. Tasks that run the same code can be told to be alike ([sim.Machine.GoSymmetric]),
// for every strategy. Where all that is too much as well, four strategies draw a
// sample from a seed:
//
//	random  each task that can go on is equally likely to; a start
//	pct     finds bugs of a small depth with a known probability, in long programs
//	pos     fair to steps that come late; few conflicts among many steps
//	surw    all orders of the steps that matter are equally likely
//
// A sample never shows that a program is clean.
//
// # Long searches
//
// Options.Workers has several goroutines search. Options.Checkpoint is given what it
// takes to resume a search that was stopped or killed. A [Shard] is a part of a
// search, for a machine that knows nothing of those that make the others; [Merge]
// joins what they find.
//
// # Where to read
//
// dpor.go is the exhaustive search, bounded.go the one that counts preemptions,
// states.go the one for states; random.go, pct.go, pos.go and surw.go are the
// samples; graphs.go is the search under a memory model, graphs_known.go what it
// knows and graphs_shard.go how it is divided; minimise.go makes a schedule simpler.
// checkpoint.go, shard.go, crown.go and merge.go are for long searches; options.go,
// result.go, coverage.go, runner.go and findings.go are what all share.
package explore
