package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// statusLine says on a terminal how far a search is. On anything else it is
// silent.
type statusLine struct {
	mu         sync.Mutex
	w          io.Writer // nil if silent
	pairs      int
	done       int
	executions int
	width      int // of what is on the line now
	begun      time.Time
	quit       chan struct{}
	once       sync.Once
}

// statusEvery is how often the line is written again.
const statusEvery = 250 * time.Millisecond

// newStatusLine starts a line for a number of pairs, if w is a terminal.
func newStatusLine(w *writer, pairs int) *statusLine {
	l := &statusLine{pairs: pairs, begun: time.Now(), quit: make(chan struct{})}
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

func (l *statusLine) text(elapsed time.Duration) string {
	return fmt.Sprintf("%d of %d pairs done, %d executions, %v", l.done, l.pairs, l.executions, elapsed.Truncate(time.Second))
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
