package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"trapline/sim/explore"
)

// statusLine says on a terminal how far a search is. On anything else it is
// silent.
type statusLine struct {
	mu         sync.Mutex
	w          io.Writer // nil if silent
	pairs      int
	done       int
	executions int
	sizes      map[*pair]explore.Estimate // of the searches under way, as far as there is one
	width      int                        // of what is on the line now
	begun      time.Time
	other      string // what is said in place of all that
	quit       chan struct{}
	once       sync.Once
}

// statusEvery is how often the line is written again.
const statusEvery = 250 * time.Millisecond

// newStatusLine starts a line for a number of pairs, if w is a terminal.
func newStatusLine(w *writer, pairs int) *statusLine {
	l := &statusLine{pairs: pairs, sizes: map[*pair]explore.Estimate{}, begun: time.Now(), quit: make(chan struct{})}
	if f, ok := w.w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.w = w
		go l.tick()
	}
	return l
}

func (l *statusLine) tick() {
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.mu.Lock()
			l.draw(l.text(time.Since(l.begun)))
			l.mu.Unlock()
		case <-l.quit:
			return
		}
	}
}

// add counts executions and pairs.
func (l *statusLine) add(executions, done int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.executions += executions
	l.done += done
}

// guess takes in how large the search of a pair is going to be. It is nil when that
// is over.
func (l *statusLine) guess(p *pair, r *explore.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r == nil || r.Estimate.Probes == 0 || r.Minimising > 0 {
		delete(l.sizes, p)
		return
	}
	l.sizes[p] = r.Estimate
}

func (l *statusLine) text(elapsed time.Duration) string {
	if l.other != "" {
		return fmt.Sprintf("%s, %v", l.other, elapsed.Truncate(time.Second))
	}
	executions := fmt.Sprintf("%d executions", l.executions)
	left := ""
	if of, made, ok := l.size(); ok {
		executions += " " + of.String()
		if of.Within == "" {
			left = ", " + remaining(of, made, elapsed)
		}
	}
	return fmt.Sprintf("%d of %d pairs done, %s, %v%s", l.done, l.pairs, executions, elapsed.Truncate(time.Second), left)
}

// replace has the line say something else.
func (l *statusLine) replace(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.other = text
}

// size is about how many executions there are going to be of all pairs together,
// and how many of them have been made. It is known when it is known of every search
// that is not done: the errors of searches have nothing to do with each other. Of a
// search that knows only a part of itself it is known if that is the only one.
func (l *statusLine) size() (of explore.Estimate, made int, ok bool) {
	if len(l.sizes) == 0 || len(l.sizes) != l.pairs-l.done {
		return of, 0, false
	}
	of.Traces, made = float64(l.executions), l.executions
	var variance float64
	for _, e := range l.sizes {
		if e.Within != "" && l.pairs > 1 {
			return of, 0, false
		}
		of.Within = e.Within
		of.Traces += max(0, e.Traces-float64(e.Made))
		variance += e.Error * e.Error
	}
	of.Error = math.Sqrt(variance)
	return of, made, true
}

// remaining says how long it is going to take, if it goes on as it has so far.
func remaining(of explore.Estimate, made int, elapsed time.Duration) string {
	seconds := elapsed.Seconds() * (of.Traces/float64(max(made, 1)) - 1)
	const long = 100 * 365 * 24 * 3600
	switch {
	case seconds > long:
		return "more than 100 years left"
	case seconds > 48*3600:
		return fmt.Sprintf("about %.0f days left", seconds/(24*3600))
	}
	return fmt.Sprintf("about %v left", time.Duration(seconds)*time.Second)
}

// draw puts a text on the line in place of the old one.
func (l *statusLine) draw(text string) {
	select {
	case <-l.quit:
		return
	default:
	}
	fmt.Fprintf(l.w, "\r%-*s", l.width, text)
	l.width = len(text)
}

// clear empties the line, so that something else can be written there.
func (l *statusLine) clear() {
	if l.w != nil && l.width > 0 {
		fmt.Fprintf(l.w, "\r%*s\r", l.width, "")
		l.width = 0
	}
}

// aside lets f write to the terminal.
func (l *statusLine) aside(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	f()
}

// stop clears the line for good. It may be called twice.
func (l *statusLine) stop() {
	l.once.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.quit)
		l.clear()
	})
}
