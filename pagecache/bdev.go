package pagecache

import "trapline/sim"

// BlockDevice is a disk with a queue of requests. Each request becomes an
// interrupt, which comes when the strategy likes: so it decides how long a request
// takes, which of those in the queue is next, and, where MayFail allows it, which
// fail.
type BlockDevice struct {
	// MayFail lets the strategy fail requests. What a failed write has written
	// before it failed is anything from nothing to all of its pages. MayFail may be
	// changed between two requests.
	MayFail bool
	// Depth is how many requests the device works on at once; 0 is any number.
	// It is to be set before the tasks start.
	Depth int
	// Requests is how many requests the queue takes, with those that the device
	// works on. Whoever submits one more sleeps until there is room. 0 is any
	// number. It is to be set before the tasks start.
	Requests int
	// BioPages is how many pages one request takes; 0 is 256, as BIO_MAX_PAGES.
	BioPages int

	name     string
	queue    sim.Object
	queued   int // requests that have not ended
	inFlight int

	inodes []*Inode // of the file systems on the device
	flusher
}

// The ways on for those that use the queue of a device: to submit a request, and to
// start one.
const (
	hasRoom sim.Wait = 1 << iota
	hasSlot
)

var (
	opMakeRequest  = sim.NewOp("generic_make_request(%s)")
	opStartRequest = sim.NewOp("blk_start_request(%s)")
	opEndRequest   = sim.NewOp("blk_end_request(%s)")
)

// NewBlockDevice returns a disk that never fails, without limits. It is for the
// setup of a scenario.
func NewBlockDevice(k *sim.K, name string) *BlockDevice {
	d := &BlockDevice{name: name}
	d.queue.Init(k, name)
	d.queue.Allow(hasRoom | hasSlot)
	d.flusher.init(k, name)
	return d
}

// NewBlockFS returns the file system on a disk: its files can be read and written.
func NewBlockFS(d *BlockDevice) *FS {
	return &FS{aops: blockAOps, submit: d.submit, writes: true, dev: d}
}

var blockAOps = &AOps{Name: "block_aops", Readpage: MpageReadpage, Readpages: MpageReadpages, Writepage: BlockWriteFullPage}

// submit is generic_make_request(). A queue without limits needs no step: every
// request is on its way at once.
func (d *BlockDevice) submit(k *sim.K, b *bio) {
	if d.Requests > 0 {
		k.MightSleep(d.name)
		k.StepWait(opMakeRequest, &d.queue, sim.Write, hasRoom)
		if d.queued++; d.queued == d.Requests {
			d.queue.Forbid(hasRoom)
		}
	}
	b.queued(k)
	k.Interrupt(d.name, func(k *sim.K) { d.serve(k, b) })
}

// serve is the device doing one request, and its interrupt at the end of it.
func (d *BlockDevice) serve(k *sim.K, b *bio) {
	if d.Depth > 0 {
		k.StepWait(opStartRequest, &d.queue, sim.Write, hasSlot)
		if d.inFlight++; d.inFlight == d.Depth {
			d.queue.Forbid(hasSlot)
		}
	}
	n, err := d.fate(k, b)
	for _, p := range b.pages[:n] {
		if b.write {
			b.inode.writeBlock(k, p)
		} else {
			fillFromDevice(k, b.inode, p)
		}
	}
	for _, p := range b.pages {
		b.endIO(k, p, err)
	}
	if d.Depth > 0 || d.Requests > 0 {
		k.Step(opEndRequest, &d.queue, sim.Write)
		if d.Depth > 0 {
			d.inFlight--
		}
		if d.Requests > 0 {
			d.queued--
		}
		d.queue.Allow(hasRoom | hasSlot)
	}
}

// fate has the strategy choose how many pages of a request are transferred, and
// whether it fails.
func (d *BlockDevice) fate(k *sim.K, b *bio) (transferred int, err error) {
	if !d.MayFail {
		return len(b.pages), nil
	}
	ways := 2
	if b.write {
		ways = 2 + len(b.pages)
	}
	way := k.Choose(ways, "I/O error")
	if way == 0 {
		return len(b.pages), nil
	}
	return way - 1, sim.EIO
}

// bioPages is how many pages one request takes.
func (d *BlockDevice) bioPages() int {
	if d.BioPages > 0 {
		return d.BioPages
	}
	return 256
}
