package pagecache

import "trapline/sim"

var opWritebackLookup = sim.NewOp("pagevec_lookup_tag(%s)")

// Fsync is fsync(2): it has what is dirty of the file written back, and waits until
// it is on the device. It returns EIO if writing back has failed since the file was
// opened, or since it last said so: each failure is reported once to each open file.
// A page that could not be written counts as clean all the same, and keeps what it
// has.
func Fsync(k *sim.K, file *File) error {
	inode := file.Inode
	if !inode.fs.writes {
		return nil
	}
	WriteCachePages(k, inode, true)
	FilemapFdatawait(k, inode)
	return inode.Mapping.wbErr.checkAndAdvance(k, &file.since)
}

// FilemapFdatawait is filemap_fdatawait(): it sleeps until what is being written back
// of the file has been written.
func FilemapFdatawait(k *sim.K, inode *Inode) {
	mapping := inode.Mapping
	var under []*Page
	k.Step(opWritebackLookup, &mapping.tree, sim.Read)
	mapping.pages.Ascend(func(p *Page) bool {
		k.Touch(&p.flags, sim.Read)
		if p.writeback {
			k.Touch(&p.count, sim.Add)
			p.refs++
			under = append(under, p)
		}
		return true
	})
	for _, page := range under {
		WaitOnPageWriteback(k, page)
		PageCacheRelease(k, page)
	}
}
