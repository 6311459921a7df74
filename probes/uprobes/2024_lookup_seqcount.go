package uprobes

import (
	"trapline/pagecache"
	"trapline/probes"
	"trapline/sim"
)

// LookupSeqcount is [SkipMoved] with a tree that takes its time to change: while it is
// turned, a lookup may miss what is in it. So who finds nothing looks whether
// uprobes_seqcount has changed, and if it has, once more. What is found is there.
var LookupSeqcount = add(Design{
	Design: probes.Design{
		Name:  "2024-lookup-seqcount",
		Title: "as in 6.18: lookups without a lock in a tree that turns, under a seqcount",
		From:  "Linux 6.18, kernel/events/uprobes.c, commit cd7bdd9d46a9: find_uprobe_rcu(), insert_uprobe()",
		Order: tasksTraceOrder,
	},
	Has:   Lookups,
	drawn: movedMeanwhile,
	New:   func(k *sim.K) Scheme { return newLookups(k, false) },
})

// lookups is that, with what a design does otherwise.
type lookups struct {
	*skipMoved
	seqcount sim.SeqCount // uprobes_seqcount, written under treelock
	turning  bool         // under the steps on the tree
	// unchecked has lookups not ask the seqcount; see [LookupUnchecked].
	unchecked bool
}

var (
	opRBRotate  = sim.NewOp("__rb_rotate_set_parents(&%s)")
	opRBRotated = sim.NewOp("__rb_change_child(&%s)")
)

func newLookups(k *sim.K, unchecked bool) *lookups {
	d := &lookups{skipMoved: &skipMoved{newTasksTrace(k, tasksTraceRules{})}, unchecked: unchecked}
	k.SeqcountInit(&d.seqcount, "uprobes_seqcount")
	d.steps.findUprobe = d.findUprobeRCU
	d.steps.turn = d.turn
	return d
}

// turn changes the tree, under treelock. Between its two steps what is in the tree cannot
// be found.
func (d *lookups) turn(k *sim.K, change func()) {
	k.WriteSeqcountBegin(&d.seqcount)
	k.Step(opRBRotate, &d.tree, sim.Write)
	d.turning = true
	k.Step(opRBRotated, &d.tree, sim.Write)
	d.turning = false
	change()
	k.WriteSeqcountEnd(&d.seqcount)
}

// findUprobeRCU is find_uprobe_rcu().
func (d *lookups) findUprobeRCU(k *sim.K, inode *pagecache.Inode, offset int64) *tracedUprobe {
	if d.unchecked {
		return d.search(k, inode, offset)
	}
	for {
		seq := k.ReadSeqcountBegin(&d.seqcount)
		if u := d.search(k, inode, offset); u != nil || !k.ReadSeqcountRetry(&d.seqcount, seq) {
			return u
		}
	}
}

// search is rb_find_rcu().
func (d *lookups) search(k *sim.K, inode *pagecache.Inode, offset int64) *tracedUprobe {
	if u := d.tasksTrace.findUprobeRCU(k, inode, offset); !d.turning {
		return u
	}
	return nil
}

var _ = sim.Plumbing("search")
