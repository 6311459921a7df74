package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"trapline/sim"
	"trapline/sim/explore"
)

func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	l := &statusLine{w: &b, pairs: 20, sizes: map[*pair]explore.Estimate{}, quit: make(chan struct{})}
	l.add(123456, 1)
	l.add(0, 1)
	l.draw(l.text(12345 * time.Millisecond))
	l.draw("short")
	l.aside(func() { fmt.Fprintln(&b, "{}") })
	l.draw("later")
	l.stop()
	l.stop()
	l.draw("too late")
	want := "\r2 of 20 pairs done, 123456 executions, 12s" +
		"\rshort                                     " +
		"\r     \r{}\n" +
		"\rlater\r     \r"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestStatusLineSaysHowLargeTheSearchIs(t *testing.T) {
	a, b := &pair{design: "a"}, &pair{design: "b"}
	of := func(executions int, traces, err float64) *explore.Result {
		return &explore.Result{Estimate: explore.Estimate{Made: executions, Traces: traces, Error: err, Probes: 40}}
	}
	within := func(r *explore.Result) *explore.Result { r.Estimate.Within = "1 delay"; return r }
	l := &statusLine{pairs: 3, sizes: map[*pair]explore.Estimate{}, quit: make(chan struct{})}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { l.add(1000, 1) }, "1 of 3 pairs done, 1000 executions, 10s"},
		{func() { l.guess(a, of(0, 2000, 3)) }, "1 of 3 pairs done, 1000 executions, 10s"}, // of b nothing is known
		{func() { l.guess(b, of(0, 3000, 4)) }, "1 of 3 pairs done, 1000 executions of about 6000 ± 5, 10s, about 50s left"},
		{func() { l.add(500, 0); l.guess(a, of(500, 2000, 3)) }, "1 of 3 pairs done, 1500 executions of about 6000 ± 5, 10s, about 30s left"},
		{func() { l.add(1500, 1); l.guess(a, nil) }, "2 of 3 pairs done, 3000 executions of about 6000 ± 4, 10s, about 10s left"},
		{func() { l.guess(b, within(of(500, 3000, 4))) }, "2 of 3 pairs done, 3000 executions, 10s"},
		{func() { l.pairs, l.done = 1, 0 }, "0 of 1 pairs done, 3000 executions of about 5500 ± 4 within 1 delay, 10s"},
		{func() { l.pairs, l.done = 3, 2 }, "2 of 3 pairs done, 3000 executions, 10s"},
		{func() { l.guess(b, of(0, 1e9, 0)) }, "2 of 3 pairs done, 3000 executions of about 1e+09 ± 0, 10s, about 39 days left"},
		{func() { l.guess(b, of(0, 1e30, 0)) }, "2 of 3 pairs done, 3000 executions of about 1e+30 ± 0, 10s, more than 100 years left"},
		{func() { l.guess(b, &explore.Result{Minimising: 1, Estimate: explore.Estimate{Traces: 1, Probes: 1}}) }, "2 of 3 pairs done, 3000 executions, 10s"},
	} {
		step.do()
		if got := l.text(10 * time.Second); got != step.want {
			t.Errorf("got  %s\nwant %s", got, step.want)
		}
	}
}

// A search under way says how large it is.
func TestSearchesTellTheStatusLine(t *testing.T) {
	c := programCatalogue(writers(3, 3))
	_, pairs, err := c.open("", "")
	if err != nil {
		t.Fatal(err)
	}
	l := &statusLine{pairs: 1, sizes: map[*pair]explore.Estimate{}, quit: make(chan struct{})}
	saw := ""
	o := explore.Options{Strategy: explore.DPOR, Estimate: probesMade, Executions: 600}
	p := *pairs[0]
	n := 0
	p.program = func(m *sim.Machine) {
		if n++; n > 599 && saw == "" {
			saw = l.text(time.Second)
		}
		pairs[0].program(m)
	}
	if r := exploreOne(context.Background(), &p, o, settings{}, l); r.err != nil {
		t.Fatal(r.err)
	}
	if !strings.Contains(saw, " executions of about 1") || !strings.Contains(saw, " left") { // 9!/(3!)^3 = 1680
		t.Errorf("it says %q", saw)
	}
	if got := l.text(time.Second); got != "1 of 1 pairs done, 512 executions, 1s" {
		t.Errorf("at the end it says %q", got)
	}
}

func TestStatusLineIsSilentElsewhere(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, w := range []*writer{{w: f}, {w: &bytes.Buffer{}}} {
		if l := newStatusLine(w, 1); l.w != nil {
			t.Errorf("a line for %T", w.w)
		}
	}
}
