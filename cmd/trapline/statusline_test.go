package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	l := &statusLine{w: &b, pairs: 20, sizes: map[*pair]size{}, quit: make(chan struct{})}
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
