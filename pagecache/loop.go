package pagecache

import "trapline/sim"

// loopDevice is struct loop_device of drivers/block/loop.c: a disk whose blocks
// are those of a file, the image.
type loopDevice struct {
	image *Inode
	queue sim.Object
	bios  []*bio
}

// hasBio is the way on for the thread of a loop device that has work.
const hasBio sim.Wait = 1

var (
	opLoopAddBio = sim.NewOp("loop_add_bio(%s)")
	opLoopGetBio = sim.NewOp("loop_get_bio(%s)")
)

var loopAOps = &AOps{Name: "loop_aops", Readpage: MpageReadpage, Readpages: MpageReadpages}

// NewLoop returns the file system on a loop device over image, and starts the
// thread of the device, a daemon called name. Reads are queued to the thread,
// which reads the image through the page cache like any other task: so a read of
// a file on the loop device ends only if the image can be read. Page i of every
// such file is page i of the image, so the content given to [NewInode] for it
// only says how long it is.
func NewLoop(m *sim.Machine, name string, image *Inode) *FS {
	lo := &loopDevice{image: image}
	lo.queue.Init(m.Setup(), name)
	m.Daemon(name, lo.loopThread)
	return &FS{aops: loopAOps, submit: lo.loopMakeRequest}
}

// loopMakeRequest is loop_make_request(): it queues the bio and wakes the
// thread. When no task runs, it is done at once.
func (lo *loopDevice) loopMakeRequest(k *sim.K, b *bio) {
	if atRest(k) {
		lo.loopHandleBio(k, b)
		return
	}
	k.Step(opLoopAddBio, &lo.queue, sim.Write)
	b.queued(k)
	lo.bios = append(lo.bios, b)
	lo.queue.Allow(hasBio)
}

// loopThread is loop_thread().
func (lo *loopDevice) loopThread(k *sim.K) {
	for {
		k.StepWait(opLoopGetBio, &lo.queue, sim.Write, hasBio)
		b := lo.bios[0]
		lo.bios = lo.bios[1:]
		if len(lo.bios) == 0 {
			lo.queue.Forbid(hasBio)
		}
		lo.loopHandleBio(k, b)
	}
}

// loopHandleBio is loop_handle_bio(): it reads the pages from the image.
func (lo *loopDevice) loopHandleBio(k *sim.K, b *bio) {
	for _, p := range b.pages {
		src, err := DoGenericMappingRead(k, lo.image, int64(p.Index)<<PageShift, PageSize)
		if err == nil {
			fillPage(k, b.inode, p, src)
		}
		b.endIO(k, p, err)
	}
}
