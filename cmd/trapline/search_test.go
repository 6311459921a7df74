package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"trapline/sim/explore"
)

// TestShareOfTheTime has a pair that would take all the time there is: it gets what the
// pairs behind it leave to it.
func TestShareOfTheTime(t *testing.T) {
	if got := shareOf(time.Minute, 10, 2); got != 12*time.Second {
		t.Errorf("of ten, two at a time: %v", got)
	}
	_, pairs, err := fakeCatalogue().open("", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	line := newStatusLine(&writer{w: &strings.Builder{}}, 1)
	defer line.stop()
	c, short := exploreShare(ctx, int(time.Hour/time.Millisecond), 1, pairs[0], explore.Options{Strategy: explore.Random}, settings{}, line)
	if c.err != nil || !short || !strings.HasSuffix(c.result.Stopped, "its share of the time") {
		t.Errorf("%q, %v", c.result.Stopped, c.err)
	}
}

// TestWhatIsLeftOfTheTime has one long search before many short ones: it is made again
// with what they have left.
func TestWhatIsLeftOfTheTime(t *testing.T) {
	_, pairs, err := programCatalogue(writers(4, 6)).open("", "")
	if err != nil {
		t.Fatal(err)
	}
	_, short, err := programCatalogue(writers(2, 1)).open("", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		pairs = append(pairs, short...)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("the time is over"))
	defer cancel()
	line := newStatusLine(&writer{w: &strings.Builder{}}, len(pairs))
	defer line.stop()
	done := 0
	for c := range exploreAll(ctx, pairs, explore.Options{Strategy: explore.DPOR}, settings{}, 1, line) {
		switch {
		case c.err != nil:
			t.Error(c.err)
		case done == 0 && c.result.Stopped != "the time is over":
			t.Errorf("the first: %q after %v", c.result.Stopped, c.elapsed)
		case done > 0 && !c.result.Complete:
			t.Errorf("pair %d: %q", done, c.result.Stopped)
		}
		done++
	}
	if done != len(pairs) {
		t.Errorf("%d pairs of %d", done, len(pairs))
	}
}

// What a search has found is not lost because the second one is interrupted.
func TestFurthest(t *testing.T) {
	of := func(steps int, complete bool) *checked {
		return &checked{result: &explore.Result{Steps: steps, Complete: complete}}
	}
	first, less, more, all := of(10, false), of(5, false), of(20, false), of(5, true)
	failed := &checked{err: errors.New("failed")}
	for _, c := range []struct{ second, want *checked }{{less, first}, {more, more}, {all, all}, {failed, failed}} {
		if got := furthest(first, c.second); got != c.want {
			t.Errorf("after %v and %v it is %v", first.result, c.second.result, got.result)
		}
	}
}
