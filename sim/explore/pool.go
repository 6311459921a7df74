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
	workers []*worker

	mu   sync.Mutex
	work sync.Cond // there is something new in open, or the search is over
	open []*node   // with something to visit
	busy int
	// hungry counts the workers that wait, for others to see without the lock.
	hungry atomic.Int32
	over   bool
	err    error
	// stopped says that a worker has ended the search for all, for them to see
	// without the lock.
	stopped atomic.Bool
}

// newPool makes the workers of a search, one of which is to begin.
func newPool(s *search, v *variations) *pool {
	p := &pool{}
	p.work.L = &p.mu
	all := newFootprints()
	for i := range max(s.options.Workers, 1) {
		d := &worker{runner: s.runners[i]}
		d.feet.all, d.feet.prints = all, all.prints
		d.order.variations = v
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
	p.busy = len(p.workers)
	var all sync.WaitGroup
	for _, d := range p.workers[1:] {
		all.Go(func() {
			if p.find(d) {
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
	p.over = true
	p.stopped.Store(true)
	if p.err == nil || errors.Is(err, errLearnt) { // which can make others lose their way
		p.err = err
	}
	p.work.Broadcast()
}

// find waits until there is a sequence for d to take over. It returns false when
// the search is over, which it is when nobody is busy any more.
func (p *pool) find(d *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	for {
		if p.over || p.busy == 0 && len(p.open) == 0 {
			p.over = true
			p.work.Broadcast()
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
	if p == nil || p.hungry.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(d.path) && len(p.open) < int(p.hungry.Load()); i++ {
		n := d.path[i].node
		n.mu.Lock()
		if n.tree != nil && !n.opening && !n.offered {
			n.offered, n.shared = true, true
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
	d.path = slices.Grow(d.path[:0], n.depth+1)[:n.depth+1]
	for x := n; x.parent != nil; x = x.parent {
		up := x.parent
		up.mu.Lock()
		if !up.shared { // else the one that shares it may be reading this
			up.shared = true
		}
		d.path[up.depth] = visit{node: up, slot: x.slot, taken: up.asleep[x.slot]}
		up.mu.Unlock()
	}
	d.path[n.depth] = visit{node: n}
	d.pull(&d.path[n.depth])
	d.order.cut(0)
	d.order.kept = n.depth
	return true
}

// lock is for what workers that come through one node change in it.
func (d *worker) lock(n *node) {
	if d.pool != nil {
		n.mu.Lock()
	}
}

func (d *worker) unlock(n *node) {
	if d.pool != nil {
		n.mu.Unlock()
	}
}
