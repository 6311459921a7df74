package explore

import (
	"os"
	"runtime/debug"
	"sync"
)

// Each execution builds the world of the program anew, and what it leaves is garbage.
// There is little else, so with the usual setting the collector runs each time that
// there are 4 MiB more, and takes up to a fifth of the processors: while a long search
// goes on, in this process, it waits for four times as much. A GOGC in the environment
// is left as it is.

// eagerness is GOGC during a long search, and longSearch after how many executions a
// search is one.
const (
	eagerness  = 400
	longSearch = 500
)

// collector is the setting of the process that its searches share.
var collector struct {
	sync.Mutex
	searches int // that are long
	before   int // the setting without them
}

// ease has the collector run less often until the search ends.
func (s *search) ease() {
	if os.Getenv("GOGC") != "" || !s.eased.CompareAndSwap(false, true) {
		return
	}
	collector.Lock()
	defer collector.Unlock()
	if collector.searches++; collector.searches == 1 {
		collector.before = debug.SetGCPercent(eagerness)
	}
}

// unease undoes ease.
func (s *search) unease() {
	if !s.eased.Load() {
		return
	}
	collector.Lock()
	defer collector.Unlock()
	if collector.searches--; collector.searches == 0 {
		debug.SetGCPercent(collector.before)
	}
}
