package kprobes

import "trapline/sim"

// StaticKeyEnable is part of [KeyHolder].
func (d *today) StaticKeyEnable(k *sim.K) { d.former.staticKeyEnable(k) }

// StaticKeyDisable is part of [KeyHolder].
func (d *today) StaticKeyDisable(k *sim.K) { d.former.staticKeyDisable(k) }

// staticKeyEnable is static_key_enable(): it looks again under the lock, and counts
// nobody if another one was first.
func (d *today) staticKeyEnable(k *sim.K) {
	k.PercpuDownRead(&d.cpusLock)
	defer k.PercpuUpRead(&d.cpusLock)
	if v := d.key.enabled.Read(k); v > 0 {
		k.WarnOn(v != 1, "the key is counted")
		return
	}
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.Read(k) == 0 {
		d.key.enabled.Set(k, -1)
		d.jumpLabelUpdate(k, Branch)
		d.key.enabled.SetRelease(k, 1)
	}
	k.MutexUnlock(&d.key.mutex)
}

// staticKeyDisable is static_key_disable().
func (d *today) staticKeyDisable(k *sim.K) {
	k.PercpuDownRead(&d.cpusLock)
	defer k.PercpuUpRead(&d.cpusLock)
	if v := d.key.enabled.Read(k); v != 1 {
		k.WarnOn(v != 0, "the key is counted")
		return
	}
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.Cmpxchg(k, 1, 0) == 1 {
		d.jumpLabelUpdate(k, Own)
	}
	k.MutexUnlock(&d.key.mutex)
}
