package pagecache

import "trapline/sim"

// flusher is what the thread that writes back for a device waits for.
type flusher struct {
	work    sim.Object
	running bool
}

// hasWork is the way on for a flusher when a page has become dirty.
const hasWork sim.Wait = 1

var opFlusherWork = sim.NewOp("wb_do_writeback(%s)")

func (f *flusher) init(k *sim.K, name string) { f.work.Init(k, name) }

// StartFlusher starts the thread that writes back the files on the device, a
// daemon: some time after a page has become dirty, it starts to write all pages
// that are. It is wb_workfn(), or pdflush. It is for the setup of a scenario.
func StartFlusher(m *sim.Machine, d *BlockDevice) {
	d.running = true
	m.Daemon("flush-"+d.name, func(k *sim.K) { wbWorkfn(k, d) })
}

func wbWorkfn(k *sim.K, d *BlockDevice) {
	for {
		k.StepWait(opFlusherWork, &d.work, sim.Write, hasWork)
		d.work.Forbid(hasWork)
		for _, inode := range d.inodes {
			WriteCachePages(k, inode, false)
		}
	}
}

// markDirty is __mark_inode_dirty(), within the step that makes a page dirty.
func (inode *Inode) markDirty(k *sim.K) {
	if d := inode.fs.dev; d != nil && d.running {
		k.Touch(&d.work, sim.Write)
		d.work.Allow(hasWork)
	}
}
