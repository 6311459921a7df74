package kprobes

import "trapline/sim"

// Switch is what a design with [Switching] has besides.
type Switch interface {
	Scheme
	// EnableKprobe and DisableKprobe switch one probe on and off, which stays
	// registered.
	EnableKprobe(k *sim.K, p *Kprobe) error
	// DisableKprobe: once it has returned, no handler of the probe begins.
	DisableKprobe(k *sim.K, p *Kprobe) error
	// ArmAllKprobes is the switch for all probes, in debugfs.
	ArmAllKprobes(k *sim.K)
	// DisarmAllKprobes is the same, off.
	DisarmAllKprobes(k *sim.K)
}

// EnableKprobe is enable_kprobe().
func (d *today) EnableKprobe(k *sim.K, kp *Kprobe) error {
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	p := d.table.valid(k, kp)
	if p == nil || kp.state&gone != 0 {
		return sim.EINVAL
	}
	if p != kp && kp.off() {
		kp.clear(k, disabled)
	}
	if !d.allDisarmed && p.off() {
		p.clear(k, disabled)
		d.armKprobe(k, p)
	}
	return nil
}

// DisableKprobe is disable_kprobe().
func (d *today) DisableKprobe(k *sim.K, p *Kprobe) error {
	k.MutexLock(&d.kprobeMutex)
	_, err := d.disable(k, p)
	k.MutexUnlock(&d.kprobeMutex)
	if err == nil {
		k.SynchronizeRCU()
	}
	return err
}

// disable is __disable_kprobe(): it returns the probe or the manager that p is
// registered under. The caller holds kprobe_mutex.
func (d *today) disable(k *sim.K, p *Kprobe) (*Kprobe, error) {
	orig := d.table.valid(k, p)
	if orig == nil {
		return nil, sim.EINVAL
	}
	if p.off() {
		return orig, nil
	}
	if p != orig {
		p.set(k, disabled)
	}
	if p == orig || orig.allOff(k) {
		if d.former.disarmable(orig) {
			if err := d.disarmKprobe(k, orig); err != nil {
				p.clear(k, disabled)
				return nil, err
			}
		}
		orig.set(k, disabled)
	}
	return orig, nil
}

// disarmable says whether a probe that is to be disabled has to be disarmed: that all
// probes are armed does not mean that this one is. The caller holds kprobe_mutex.
func (d *today) disarmable(orig *Kprobe) bool { return !d.allDisarmed && !orig.off() }

// allOff is aggr_kprobe_disabled(). The caller holds kprobe_mutex.
func (ap *Kprobe) allOff(k *sim.K) bool {
	for member := range ap.members.All(k, true) {
		if !member.off() {
			return false
		}
	}
	return true
}

// ArmAllKprobes is arm_all_kprobes().
func (d *today) ArmAllKprobes(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	if !d.allDisarmed {
		return
	}
	d.allDisarmed = false
	for p := range d.table.list.All(k, true) {
		if !p.off() {
			d.armKprobe(k, p)
		}
	}
}

// DisarmAllKprobes is disarm_all_kprobes().
func (d *today) DisarmAllKprobes(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	defer k.MutexUnlock(&d.kprobeMutex)
	if d.allDisarmed {
		return
	}
	d.allDisarmed = true
	for p := range d.table.list.All(k, true) {
		if !p.off() {
			_ = d.disarmKprobe(k, p)
		}
	}
}
