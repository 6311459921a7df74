package pagecache

import "trapline/sim"

var (
	opGetWriteAccess   = sim.NewOp("get_write_access(&%s)")
	opPutWriteAccess   = sim.NewOp("put_write_access(&%s)")
	opDenyWriteAccess  = sim.NewOp("deny_write_access(&%s)")
	opAllowWriteAccess = sim.NewOp("allow_write_access(&%s)")
)

// GetWriteAccess is get_write_access(): it opens the file for writing, or
// returns ETXTBSY if someone denies that.
func (inode *Inode) GetWriteAccess(k *sim.K) error {
	k.Step(opGetWriteAccess, &inode.writecountObj, sim.Write)
	if inode.writecount < 0 {
		return sim.ETXTBSY
	}
	inode.writecount++
	return nil
}

// PutWriteAccess is put_write_access(): it undoes one GetWriteAccess.
func (inode *Inode) PutWriteAccess(k *sim.K) {
	k.Step(opPutWriteAccess, &inode.writecountObj, sim.Write)
	inode.writecount--
}

// DenyWriteAccess is deny_write_access(): until AllowWriteAccess nobody can open
// the file for writing. It returns ETXTBSY if someone has.
func (inode *Inode) DenyWriteAccess(k *sim.K) error {
	k.Step(opDenyWriteAccess, &inode.writecountObj, sim.Write)
	if inode.writecount > 0 {
		return sim.ETXTBSY
	}
	inode.writecount--
	return nil
}

// AllowWriteAccess is allow_write_access(): it undoes one DenyWriteAccess.
func (inode *Inode) AllowWriteAccess(k *sim.K) {
	k.Step(opAllowWriteAccess, &inode.writecountObj, sim.Write)
	inode.writecount++
}
