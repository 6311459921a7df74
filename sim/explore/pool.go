package explore

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// pool has the workers of an exhaustive search share what is to be visited. Each
// works below the node that it came to last; one that has nothing left takes over
// a sequence from a node of another, the one nearest to the start.
//
// That changes the order of the visits, on which the optimal algorithm relies: when
// a step is asleep it has been visited to the end, and every way from there to
// before the step is in a wakeup tree that leads here. From a node that is shared
// that is not so any more, and what is asleep there is foreign to those who begin
// at it: they leave it asleep, but find out by themselves what can be done before
// it. To them it is as if the step were blocked until another one that conflicts
// with it has been taken. So each trace is still visited once; what can be lost is
// an execution in which a foreign step stays asleep to the end. It counts as
// blocked.
type pool struct {
	s          *search
	workers    []*worker
	variations *variations
	feet       *footprints
	division   division
	// tops are the places at which workers begin if the search is resumed, and
	// finished says that there are none.
	tops     []*node
	finished bool

	mu   sync.Mutex
	work sync.Cond // there is something new in open, or the search is over
	open []*node   // with something to visit
	busy int
	// hungry counts the workers that wait, for others to see without the lock.
	hungry atomic.Int32
	over   bool
	ended  atomic.Bool // over, without the lock
	err    error

	calm    sync.Cond // somebody rests, or need not any more
	resting int       // workers that are busy, but between two executions
	rests   int       // how often all did
}

// newPool makes the workers of a search, one of which is to begin.
func newPool(s *search, v *variations, by division) *pool {
	p := &pool{s: s, variations: v, feet: newFootprints(), division: by}
	p.work.L, p.calm.L = &p.mu, &p.mu
	for i := range max(s.options.Workers, 1) {
		d := &worker{runner: s.runners[i], crew: p}
		d.feet.all, d.feet.prints = p.feet, p.feet.prints
		d.order.variations, d.order.fatal = v, -1
		if s.options.Workers > 1 {
			d.pool = p
		}
		p.workers = append(p.workers, d)
	}
	return p
}

// run makes the search. It returns early when a budget is used up, or when a
// worker has found a kind of steps to vary.
func (p *pool) run() error {
	if p.finished {
		return nil
	}
	p.busy = len(p.workers)
	var all sync.WaitGroup
	for i, d := range p.workers[1:] {
		all.Go(func() {
			if i+1 < len(p.tops) || p.find(d) {
				p.serve(d)
			}
		})
	}
	p.serve(p.workers[0])
	all.Wait()
	return p.err
}

// serve has d visit what there is until the search is over.
func (p *pool) serve(d *worker) {
	for {
		done, err := d.walk()
		if !done || err != nil {
			p.end(err)
			return
		}
		if d.pool == nil || !p.find(d) {
			return
		}
	}
}

// end has all workers come to an end.
func (p *pool) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil || errors.Is(err, errLearnt) { // which can make others lose their way
		p.err = err
	}
	p.isOver()
}

func (p *pool) isOver() {
	p.over = true
	p.ended.Store(true)
	p.work.Broadcast()
	p.calm.Broadcast()
}

// pause has d wait, between two executions, until all workers that are busy do so,
// if a checkpoint is due; the last one makes it. What is left to visit then lies
// in the trees of the places where the workers are.
func (p *pool) pause(d *worker) error {
	if !d.due() || p.division.counted != nil {
		return nil
	}
	if d.pool == nil {
		return p.s.keep(p.save)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting++
	defer func() { p.resting-- }()
	for n := p.rests; n == p.rests && !p.over; {
		if p.resting < p.busy {
			p.calm.Wait()
			continue
		}
		p.rests++
		p.calm.Broadcast()
		if p.variations.grown.Load() {
			return nil // the search is to begin again
		}
		return p.s.keep(p.save)
	}
	return nil
}

// find waits until there is a sequence for d to take over. It returns false when
// the search is over, which it is when nobody is busy any more.
func (p *pool) find(d *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	for {
		p.calm.Broadcast()
		if p.over || p.busy == 0 && len(p.open) == 0 {
			p.isOver()
			return false
		}
		if len(p.open) == 0 {
			p.hungry.Add(1)
			p.work.Wait()
			p.hungry.Add(-1)
			continue
		}
		n := p.open[0]
		p.open = slices.Delete(p.open, 0, 1)
		p.busy++
		p.mu.Unlock()
		got := d.takeOver(n)
		p.mu.Lock()
		if got {
			return true
		}
		p.busy--
	}
}

// offer lets idle workers take over from the places of d, the first ones first. d
// has ended an execution.
func (d *worker) offer() {
	p := d.pool
	if p == nil || p.hungry.Load() == 0 || int(d.begun.Load()) < d.options.Alone {
		return
	}
	d.joined.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(d.path) && len(p.open) < int(p.hungry.Load()); i++ {
		n := d.path[i].node
		n.mu.Lock()
		if n.tree != nil && !n.opening && !n.offered {
			n.offered = true
			// Who takes over comes through those above as well. Nobody else can be
			// reading this of one that is not shared yet.
			for j := i; j >= 0 && !d.path[j].shared; j-- {
				d.path[j].shared = true
			}
			p.open = append(p.open, n)
			p.work.Signal()
		}
		n.mu.Unlock()
	}
}

// takeOver makes what is left to visit at n the work of d, unless another worker
// has done it by now.
func (d *worker) takeOver(n *node) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.offered = false
	if n.tree == nil || n.opening {
		return false
	}
	d.goTo(n, true)
	return true
}

// goTo makes the way to n the path of d, which is to take the next sequence from
// there. Whether others may know the places is for the caller to say.
func (d *worker) goTo(n *node, shared bool) {
	d.path = slices.Grow(d.path[:0], n.depth+1)[:n.depth+1]
	for x := n; x.parent != nil; x = x.parent {
		up := x.parent
		up.mu.Lock()
		if shared && !up.shared { // else the one that shares it may be reading this
			up.shared = true
		}
		d.path[up.depth] = visit{node: up, slot: x.slot, taken: up.asleep[x.slot]}
		up.mu.Unlock()
	}
	d.path[n.depth] = visit{node: n}
	d.pull(&d.path[n.depth])
	d.order.cut(0)
	d.order.kept = n.depth
	d.started = true
}

// lock is for what workers that come through one node change in it. A node that one
// worker has to itself, as most are, needs no lock: it is shared by that one only.
func (d *worker) lock(n *node) {
	if n.shared {
		n.mu.Lock()
	}
}

func (d *worker) unlock(n *node) {
	if n.shared {
		n.mu.Unlock()
	}
}
