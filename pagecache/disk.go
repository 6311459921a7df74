package pagecache

import "trapline/sim"

// Disk is a file system on a disk: reads are started, and end in an interrupt
// some time later.
var Disk = &FS{
	aops:   &AOps{Name: "disk_aops", Readpage: MpageReadpage, Readpages: MpageReadpages},
	submit: diskSubmit,
}

// diskSubmit hands the request to the device. Before the tasks start and when they
// have ended nobody else could end it, and the device is done at once.
func diskSubmit(k *sim.K, b *bio) {
	if atRest(k) {
		bioEndio(k, b)
		return
	}
	b.queued(k)
	k.Interrupt("io", func(k *sim.K) { bioEndio(k, b) })
}

// bioEndio is the interrupt of the device with bio_endio().
func bioEndio(k *sim.K, b *bio) {
	var err error
	if b.inode.IOMayFail && k.Choose(2, "I/O error") != 0 {
		err = sim.EIO
	}
	for _, p := range b.pages {
		if err == nil {
			fillFromDevice(k, b.inode, p)
		}
		b.endIO(k, p, err)
	}
}

// atRest says whether no task runs: in the setup of a program, and in what comes
// after its tasks.
func atRest(k *sim.K) bool { return k == k.Machine().Setup() }
