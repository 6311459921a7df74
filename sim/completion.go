package sim

import "slices"

// Completion is struct completion: it counts events that have happened, and
// lets one waiter through for each.
type Completion struct {
	o     Object
	done  uint
	timed []*K // who waits with a timeout
}

// completed is the way in to a completion that has something to give.
const completed Wait = 1

var (
	opWaitForCompletion        = NewOp("wait_for_completion(&%s)")
	opWaitForCompletionTimeout = NewOp("wait_for_completion_timeout(&%s)")
	opTryWaitForCompletion     = NewOp("try_wait_for_completion(&%s)")
	opCompletionDone           = NewOp("completion_done(&%s)")
	opReinitCompletion         = NewOp("reinit_completion(&%s)")
	opComplete                 = NewOp("complete(&%s)")
	opCompleteAll              = NewOp("complete_all(&%s)")
)

// In places the completion inside an allocation.
func (c *Completion) In(life *Life) { c.o.In(life) }

// InitCompletion is init_completion().
func (k *K) InitCompletion(c *Completion, name string) {
	*c = Completion{}
	c.o.init(k, name)
	c.o.content = c
}

func (c *Completion) content(Mode) uint64 {
	h := uint64(c.done)
	for _, w := range c.timed {
		h = mix(h, orderOf(w))
	}
	return h
}

// ReinitCompletion is reinit_completion(): events that nobody has waited for are
// forgotten. Nobody may be waiting.
func (k *K) ReinitCompletion(c *Completion) {
	k.Step(opReinitCompletion, &c.o, Write)
	c.done = 0
	c.o.Forbid(completed)
}

// WaitForCompletion is wait_for_completion(): it sleeps until there is an event
// and consumes it.
func (k *K) WaitForCompletion(c *Completion) {
	k.MightSleep(c.o.name)
	k.StepWait(opWaitForCompletion, &c.o, Write, completed)
	c.consume()
}

// consume takes an event, if there is one.
func (c *Completion) consume() bool {
	if c.done == 0 {
		return false
	}
	if c.done != forAll {
		c.done--
	}
	if c.done == 0 {
		c.o.Forbid(completed)
	}
	return true
}

// WaitForCompletionTimeout is wait_for_completion_timeout(): WaitForCompletion
// that gives up at a moment that the strategy chooses. It says whether there was an
// event, where the kernel's returns the time that is left, or 0.
func (k *K) WaitForCompletionTimeout(c *Completion) bool {
	k.MightSleep(c.o.name)
	k.Step(opWaitForCompletionTimeout, &c.o, Write)
	inTime := true
	for inTime && c.done == 0 {
		c.timed = append(c.timed, k)
		k.wake.Forbid(granted) // whoever completes finds k in the list
		inTime = k.sleepTimeout(opWaitForCompletionTimeout, &c.o, granted)
		k.Step(opWaitForCompletionTimeout, &c.o, Write)
		c.timed = slices.DeleteFunc(c.timed, func(w *K) bool { return w == k })
	}
	return k.noted(c.consume())
}

// TryWaitForCompletion is try_wait_for_completion(): it consumes an event if there
// is one, and says whether there was. Any context may call it.
func (k *K) TryWaitForCompletion(c *Completion) bool {
	k.Step(opTryWaitForCompletion, &c.o, Write)
	return k.noted(c.consume())
}

// CompletionDone is completion_done(): a WaitForCompletion would not sleep now.
func (k *K) CompletionDone(c *Completion) bool {
	k.Step(opCompletionDone, &c.o, Read)
	return k.noted(c.done > 0)
}

// ring lets those who wait with a timeout look again.
func (c *Completion) ring(k *K) {
	c.o.Allow(completed)
	for _, w := range c.timed {
		k.wakeUp(w, granted)
	}
}

// forAll is a count that never runs out, as the kernel's UINT_MAX.
const forAll = 1 << 31

// Complete is complete(): it lets one waiter through. Any context may call it.
func (k *K) Complete(c *Completion) {
	k.Step(opComplete, &c.o, Write)
	if c.done != forAll {
		c.done++
	}
	c.ring(k)
}

// CompleteAll is complete_all(): it lets every waiter through, now and later.
func (k *K) CompleteAll(c *Completion) {
	k.Step(opCompleteAll, &c.o, Write)
	c.done = forAll
	c.ring(k)
}
