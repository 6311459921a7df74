package uprobes

import (
	"slices"

	"trapline/sim"
)

// CopyProcess is uprobe_copy_process(): the stack of the child has addresses of the
// trampoline on it, if that of the parent has.
func (d *today) CopyProcess(k *sim.K, t, child *Thread) {
	utask := t.utask.Read(k)
	if utask == nil || len(utask.instances) == 0 || d.returns.forgets {
		return
	}
	child.dupXolAddr = d.trampolineVaddr(k, t.mm)
	d.dupUtask(k, utask, child)
}

// dupUtask is dup_utask(). The list belongs to the task, so it needs no reader of RCU.
func (d *today) dupUtask(k *sim.K, utask *uprobeTask, child *Thread) {
	n := d.allocUtask(k)
	if n == nil {
		return
	}
	child.utask.Write(k, n)
	for _, o := range utask.instances {
		ri := d.dupReturnInstance(k, o)
		if ri == nil {
			return
		}
		ri.addr = o.addr
		ri.hprobe.uprobe = d.hprobeExpire(k, &o.hprobe, true)
		if ri.hprobe.uprobe == nil {
			ri.hprobe.state.Set(k, hprobeGone)
		}
		d.pushInstance(k, n, ri)
	}
}

// dupReturnInstance is dup_return_instance(): a copy with a reference of its own to come.
// It returns nil if there is no memory.
func (d *today) dupReturnInstance(k *sim.K, o *returnInstance) *returnInstance {
	ri := d.allocReturnInstance(k)
	if ri == nil && !d.returns.unchecked {
		return nil
	}
	ri.hprobe.state.Init(k, "hprobe->state", hprobeStable)
	ri.session = slices.Clone(o.session)
	return ri
}

// ReturnFromFork is dup_xol_work(): the child makes an area where its parent has one,
// since that is where the addresses on the stack lead.
func (d *today) ReturnFromFork(k *sim.K, child *Thread) {
	if child.utask.Read(k) == nil {
		return
	}
	s := d.state(child.mm)
	if s.area.Read(k) == nil {
		d.createXolArea(k, s, child.dupXolAddr)
	}
}
