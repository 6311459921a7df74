package explore

// A search that goes by states is divided like an exhaustive one: all shards go
// through the crown of the tree, the places above a certain depth, in the same order
// and number its leaves, and each shard goes on below those whose number is its own.
// A leaf is a place at that depth, or an execution that ends or is given up before. A
// state is taken for one that was visited only if that was in the crown as well, or
// both are below leaves of this shard: so all shards see the same crown. Each state
// and each violation is seen by one shard at least, and by another one only if it can
// be reached from leaves of both.

// crown says where an execution is.
type crown struct {
	division
	leaves int // that have been numbered
	leaf   bool
	place  whereabouts
	// before is the length of the path that the execution under way follows.
	before int
	err    error
}

// next begins an execution that is to follow a path of so many places.
func (c *crown) next(path int) {
	c.leaves = c.numbered()
	c.before = path
	c.begin()
}

// numbered is how many leaves have been numbered when no execution is under way.
func (c *crown) numbered() int {
	if c.leaf {
		return c.leaves + 1
	}
	return c.leaves
}

// begin begins the same one, or begins it again.
func (c *crown) begin() {
	c.leaf = false
	below := c.before > c.depth
	c.place = whereabouts{reached: below, ours: below}
}

// enters says whether the search may go on from a new place at a depth.
func (c *crown) enters(depth int) bool {
	if depth != c.depth || c.place.reached {
		return true
	}
	c.place.reached = true
	c.place.ours = c.ours()
	if n := c.counted; n != nil {
		n.places++
		if n.places > n.most && c.depth > 1 {
			c.err = errDivided
		}
	}
	return c.place.ours
}

// ours numbers a leaf, and says whether it is the shard's.
func (c *crown) ours() bool {
	c.leaf = true
	return c.counted == nil && c.leaves%c.shard.Of == c.shard.Index
}

// foreign says whether the execution that has ended belongs to another shard.
func (c *crown) foreign() bool {
	if !c.place.reached {
		c.place = whereabouts{reached: true, ours: c.ours()}
	}
	return !c.place.ours
}

// took counts the steps of an execution, if the depth is being found.
func (c *crown) took(steps int) {
	if c.counted != nil {
		c.counted.steps += steps
	}
}

// counts says whether the shard counts what it finds at a depth: what is above the
// leaves is found by all.
func (c *crown) counts(depth int) bool {
	return c.counted == nil && (depth >= c.depth || c.shard.Index == 0)
}
