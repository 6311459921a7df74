package explore_test

import (
	"context"
	"runtime/debug"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// TestCollectorIsGivenBack: a long search has the collector run less often, and leaves
// it as it was.
func TestCollectorIsGivenBack(t *testing.T) {
	t.Setenv("GOGC", "")
	setting := func() int {
		n := debug.SetGCPercent(100)
		debug.SetGCPercent(n)
		return n
	}
	defer debug.SetGCPercent(debug.SetGCPercent(150))
	for _, c := range []struct {
		tasks, during int
	}{{2, 150}, {6, 400}} {
		during := 0
		_, err := explore.Run(context.Background(), func(m *sim.Machine) {
			during = max(during, setting())
			var n sim.Word[int]
			n.Init(m.Setup(), "n", 0)
			for _, name := range []string{"a", "b", "c", "d", "e", "f"}[:c.tasks] {
				m.Go(name, func(k *sim.K) { n.Write(k, n.Read(k)+1) })
			}
		}, explore.Options{Executions: 2000})
		if err != nil {
			t.Fatal(err)
		}
		if after := setting(); during != c.during || after != 150 {
			t.Errorf("%d tasks: %d during the search, %d after it; want %d and 150", c.tasks, during, after, c.during)
		}
	}
}
