package sim

// Completion is struct completion: it counts events that have happened, and
// lets one waiter through for each.
type Completion struct {
	o    Object
	done uint
}

// completed is the way in to a completion that has something to give.
const completed Wait = 1

var (
	opWaitForCompletion = NewOp("wait_for_completion(&%s)")
	opComplete          = NewOp("complete(&%s)")
	opCompleteAll       = NewOp("complete_all(&%s)")
)

// In places the completion inside an allocation.
func (c *Completion) In(life *Life) { c.o.In(life) }

// InitCompletion is init_completion().
func (k *K) InitCompletion(c *Completion, name string) {
	c.o.init(k, name)
	c.done = 0
}

// WaitForCompletion is wait_for_completion(): it sleeps until there is an event
// and consumes it.
func (k *K) WaitForCompletion(c *Completion) {
	k.MightSleep(c.o.name)
	k.StepWait(opWaitForCompletion, &c.o, Write, completed)
	if c.done != forAll {
		c.done--
	}
	if c.done == 0 {
		c.o.Forbid(completed)
	}
}

// forAll is a count that never runs out, as the kernel's UINT_MAX / 2.
const forAll = 1 << 31

// Complete is complete(): it lets one waiter through. Any context may call it.
func (k *K) Complete(c *Completion) {
	k.Step(opComplete, &c.o, Write)
	if c.done != forAll {
		c.done++
	}
	c.o.Allow(completed)
}

// CompleteAll is complete_all(): it lets every waiter through, now and later.
func (k *K) CompleteAll(c *Completion) {
	k.Step(opCompleteAll, &c.o, Write)
	c.done = forAll
	c.o.Allow(completed)
}
