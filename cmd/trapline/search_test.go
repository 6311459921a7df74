package main

import (
	"context"
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
	c := exploreShare(ctx, int(time.Hour/time.Millisecond), 1, pairs[0], explore.Options{Strategy: explore.Random}, settings{}, line)
	if c.err != nil || !strings.HasSuffix(c.result.Stopped, "its share of the time") {
		t.Errorf("%q, %v", c.result.Stopped, c.err)
	}
}
