package memory

// maxEvents bounds the events of one execution, so that a set of them is one word.
const maxEvents = 64

// extraFence is a barrier that Explain tries before a verb of a task.
type extraFence struct {
	verb  int
	fence Fence
}

// tree holds what is known of one task.
type tree struct {
	task      Task
	locations int
	extra     []extraFence
	root      *node
	nodes     []*node
	partial   bool // it is not known for all values
	rank      int  // for nodes made now
}

// grow makes a node.
func (t *tree) grow(path []int64) *node {
	n := &node{path: append([]int64(nil), path...), rank: t.rank, partner: -1}
	t.nodes = append(t.nodes, n)
	return n
}

// run runs the task with the values that its loads return, up to the next load, and
// adds what it does to the tree.
func (t *tree) run(values []int64, rank int) {
	t.rank = rank
	c := &Core{tree: t, slot: &t.root, values: values}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	t.task(c)
	c.insert()
	n := c.node()
	n.op, n.regs, n.regDeps, n.first = opEnd, c.regs, c.regDeps, c.events
}
