package pagecache

import "trapline/sim"

// server is a disk whose requests are ended by a task of its own, one after the other,
// in the order that the strategy likes.
type server struct {
	queue   sim.Object // allows requested while there are requests
	waiting []*bio
}

// requested is the way on for the server.
const requested sim.Wait = 1

var (
	opQueueRequest = sim.NewOp("blk_mq_submit_bio(%s)")
	opServeRequest = sim.NewOp("blk_mq_complete_request(%s)")
)

var _ = sim.Plumbing("serve_requests")

// NewServer returns the file system on a disk like [Disk], for a machine that runs so
// long that an interrupt for each request would be too many tasks. What is written to its
// files stays in the page cache, as with [Tmpfs]. It is for the setup.
func NewServer(m *sim.Machine, name string) *FS {
	d := &server{}
	d.queue.Init(m.Setup(), name)
	m.Daemon(name, d.serveRequests)
	return &FS{aops: Disk.aops, submit: d.submit, writes: true}
}

// submit hands a request to the server.
func (d *server) submit(k *sim.K, b *bio) {
	if atRest(k) {
		bioEndio(k, b)
		return
	}
	b.queued(k)
	k.Step(opQueueRequest, &d.queue, sim.Write)
	d.waiting = append(d.waiting, b)
	d.queue.Allow(requested)
}

// serveRequests is the life of the server.
func (d *server) serveRequests(k *sim.K) {
	for {
		k.StepWait(opServeRequest, &d.queue, sim.Write, requested)
		i := 0
		if n := len(d.waiting); n > 1 {
			i = k.Choose(n, "request")
		}
		b := d.waiting[i]
		d.waiting = append(d.waiting[:i], d.waiting[i+1:]...)
		if len(d.waiting) == 0 {
			d.queue.Forbid(requested)
		}
		bioEndio(k, b)
	}
}
