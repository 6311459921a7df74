package explore

import (
	"math"
	"math/bits"
	"slices"
)

// outline guesses how large the tree is that a search goes through depth first, from
// what the search has seen of it: how many executions have begun below each place that
// it has left, and below those that it is at.
//
// Weighting each execution by the choices that led to it (Knuth, 1975; Kilby, Slaney,
// Thiébaux and Walsh, "Estimating Search Tree Size", AAAI 2006) takes all branches of
// a place for alike. In a search that gives up where it has been they are not: the
// first branch comes to what the others would have come to as well. After a tenth of the
// work that is wrong by factors of a million. So it is learnt how large a later branch is
// beside the first one of its place. That depends on how large the first one is: the
// larger, the less there is left for the others. The logarithms of the two are put on
// a line, from which a branch is guessed that is still to come: one of a place the first
// branch of which is larger than all that were seen yet, as a rule.
//
// The error is half of what lies between the sizes that the tree has if all branches to
// come are larger than on the line by a factor of doubt, and smaller by it. It is the
// larger the more of the tree is to come, and nought in the end. What it knows nothing of
// are parts of the tree that are unlike all that was seen, and those come last more often
// than not: early guesses are too small more often than too large.
type outline struct {
	executions int // that have begun
	places     []outlined
	sizes      [64]sizeClass // by the binary length of the size of a first branch
}

// outlined is a place on the path of the search. Sizes are in executions.
type outlined struct {
	begun  int // how many had begun before the first one that came here
	first  int // the size of the first branch, 0 if the search is still in it
	later  int // branches after that one
	turned int // how many had begun before the first one of the branch under way
}

// sizeClass adds up later branches of places with first branches of about one size.
type sizeClass struct{ branches, first, later float64 }

// after takes in an execution that came through so many places, of which the search
// stays at some: it goes on with the next branch of the last of these.
func (o *outline) after(places, stays int) {
	o.places = o.places[:min(len(o.places), places)]
	for len(o.places) < places {
		o.places = append(o.places, outlined{begun: o.executions})
	}
	o.executions++
	size := 1
	for n := places; n > stays; n-- {
		p := &o.places[n-1]
		size = o.executions - p.begun
		if p.later > 0 {
			c := &o.sizes[bits.Len(uint(p.first))]
			c.branches += float64(p.later)
			c.first += float64(p.first) * float64(p.later)
			c.later += float64(size - p.first)
		}
	}
	o.places = o.places[:stays]
	if stays > 0 {
		p := &o.places[stays-1]
		if p.later == 0 {
			p.first = size
		}
		p.later++
		p.turned = o.executions
	}
}

// estimate guesses how many executions there are going to be, if so many branches are
// still to come at each place after the one under way.
func (o *outline) estimate(toCome []int) (guess, err float64) {
	l := o.line()
	guess = o.size(toCome, l)
	l.y += math.Log(doubt)
	most := o.size(toCome, l)
	l.y -= 2 * math.Log(doubt)
	return guess, (most - o.size(toCome, l)) / 2
}

// mostSize is more than any search could go through.
const mostSize = 1e300

// size is the size of the tree if the branches to come lie on the line.
func (o *outline) size(toCome []int, l sizeLine) float64 {
	below := 1. // the size of the branch under way
	for n, p := range slices.Backward(o.places) {
		left := float64(toCome[n])
		switch {
		case p.later > 0:
			first := float64(p.first)
			before := float64(p.turned - p.begun) // the first branch and those that are done
			like := (before - first + first*l.ratio(first)) / float64(p.later)
			if n == len(o.places)-1 {
				below = like // it has not begun
			}
			like = (like*float64(p.later) + below) / float64(p.later+1)
			below += before + left*like
		case left > 0:
			below += left * below * l.ratio(below)
		}
		below = min(below, mostSize)
	}
	return max(below, float64(o.executions))
}

// sizeLine says how large a later branch is beside the first one of its place, by the
// size of that.
type sizeLine struct{ x, y, slope float64 }

// What the line is made of. Larger places count more, as those to come are larger still:
// fading is how much less the next smaller ones do. Few branches are few: half of the
// weight is that of so many. Where little is known the slope is leaning, as if lean had
// been seen of that. No branch is taken for more than mostRatio of the first one.
const (
	fading    = 0.9
	half      = 3
	leaning   = 0.2
	lean      = 4
	mostRatio = 4
	doubt     = 2.5
)

// line is the line through what was seen, by weighted least squares.
func (o *outline) line() sizeLine {
	var w, x, y, xx, xy float64
	for i := range o.sizes {
		c := &o.sizes[i]
		if c.branches == 0 {
			continue
		}
		a, b, k := math.Log(c.first/c.branches), math.Log(c.later/c.first), c.branches/(c.branches+half)
		f := math.Pow(fading, k)
		w, x, y, xx, xy = w*f+k, x*f+k*a, y*f+k*b, xx*f+k*a*a, xy*f+k*a*b
	}
	if w == 0 {
		return sizeLine{slope: leaning}
	}
	spread, together := xx-x*x/w+lean, xy-x*y/w-lean*leaning
	return sizeLine{x: x / w, y: y / w, slope: min(max(-together/spread, 0), 1)}
}

// ratio is how large a later branch is beside a first one of this size.
func (l sizeLine) ratio(size float64) float64 {
	return min(math.Exp(l.y-l.slope*(math.Log(size)-l.x)), mostRatio)
}
