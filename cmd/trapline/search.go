package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"trapline/sim/explore"
)

// checked is what became of a pair.
type checked struct {
	pair     *pair
	settings settings
	result   *explore.Result
	held     error // what does not agree with the claim
	elapsed  time.Duration
	err      error // the search failed
}

// alone is how many executions of one pair show that its search is long.
const alone = 10_000

// exploreAll explores the pairs, some at a time, and yields them in their order.
// When it ends early, so do the searches.
func exploreAll(ctx context.Context, pairs []*pair, o explore.Options, on settings, workers int, line *statusLine) iter.Seq[*checked] {
	return func(yield func(*checked) bool) {
		if len(pairs) == 1 && o.Strategy == explore.DPOR {
			o.Workers, o.Alone = workers, alone
		}
		ctx, cancel := context.WithCancel(ctx)
		results := make([]chan *checked, len(pairs))
		for i := range results {
			results[i] = make(chan *checked, 1)
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		round := func(of []int, f func(left, i int)) {
			next := make(chan int, len(of))
			for n := range of {
				next <- n
			}
			close(next)
			var all sync.WaitGroup
			for range min(workers, len(of)) {
				all.Go(func() {
					for n := range next {
						f(len(of)-n, of[n])
					}
				})
			}
			all.Wait()
		}
		wg.Go(func() {
			first := make([]*checked, len(pairs)) // of those that their share was too short for
			round(upTo(len(pairs)), func(left, i int) {
				c, short := exploreShare(ctx, left, workers, pairs[i], o, on, line)
				if short {
					first[i] = c
				} else {
					results[i] <- c
				}
			})
			again := slices.DeleteFunc(upTo(len(pairs)), func(i int) bool { return first[i] == nil })
			round(again, func(left, i int) {
				c := first[i]
				if timeFor(ctx, left, workers) > c.elapsed {
					line.add(0, -1)
					again, _ := exploreShare(ctx, left, workers, pairs[i], o, on, line)
					c = furthest(c, again)
				}
				results[i] <- c
			})
		})
		for _, r := range results {
			if !yield(<-r) {
				return
			}
		}
	}
}

// furthest is the second search of a pair, unless it was interrupted before it had come
// as far as the first.
func furthest(first, second *checked) *checked {
	if second.err == nil && !second.result.Complete && second.result.Steps < first.result.Steps {
		return first
	}
	return second
}

// upTo are the numbers below n.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// exploreShare is exploreOne with a share of the time, if that is limited: what is left
// is divided among the pairs that are left, so that a long search does not keep others
// from being made. It says whether the share was too short. Then the pair is explored
// again when all have had theirs, if there is more time for it.
func exploreShare(all context.Context, left, workers int, p *pair, o explore.Options, on settings, line *statusLine) (c *checked, short bool) {
	ctx := all
	if share := timeFor(all, left, workers); share > 0 && left > workers {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(all, share, fmt.Errorf("stopped after %v, its share of the time", share.Round(time.Millisecond)))
		defer cancel()
	}
	c = exploreOne(ctx, p, o, on, line)
	return c, ctx.Err() != nil && all.Err() == nil && c.err == nil && !c.result.Complete
}

// timeFor is the share of the first of some pairs that are left, if so many are explored
// at once: 0 if there is no limit, or no time.
func timeFor(ctx context.Context, left, workers int) time.Duration {
	end, limited := ctx.Deadline()
	if !limited {
		return 0
	}
	return max(0, shareOf(time.Until(end), left, workers))
}

// shareOf is what the first of some pairs gets of a time.
func shareOf(all time.Duration, left, workers int) time.Duration {
	return all * time.Duration(workers) / time.Duration(max(left, workers))
}

// exploreOne explores a pair, or leaves it if there is no time any more.
func exploreOne(ctx context.Context, p *pair, o explore.Options, on settings, line *statusLine) (c *checked) {
	c = &checked{pair: p, settings: on}
	o.Memory = p.model
	defer func() {
		if r := recover(); r != nil {
			c.err = fault(r)
		}
	}()
	begun := time.Now()
	if ctx.Err() != nil && o.Shard.Of == 0 && o.Checkpoint == nil {
		c.result = &explore.Result{
			Strategy: o.Strategy, Memory: o.Memory, Preemptions: o.Preemptions, Delays: o.Delays, TaskSteps: o.TaskSteps, Seed: o.Seed,
			Stopped: context.Cause(ctx).Error(),
		}
	} else {
		seen := 0
		o.Progress = func(r *explore.Result) {
			n := r.Executions + r.Blocked + r.Merged + r.Minimising
			line.add(n-seen, 0)
			line.guess(p, r)
			seen = n
		}
		c.result, c.err = explore.Run(ctx, p.program, o)
	}
	line.add(0, 1)
	line.guess(p, nil)
	c.elapsed = time.Since(begun)
	if c.err == nil && c.result.Part == nil {
		c.held = p.held(c.result)
	}
	return c
}
