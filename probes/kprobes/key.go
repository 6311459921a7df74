package kprobes

import "trapline/sim"

// KeyHolder is what a design with [Keys] has besides: a static key, which is code that is
// patched in as long as it has users.
type KeyHolder interface {
	Scheme
	// StaticKeySlowInc has one more user: when it returns, the code is there.
	StaticKeySlowInc(k *sim.K)
	// StaticKeySlowDec has one less. The code goes with the last one.
	StaticKeySlowDec(k *sim.K)
	// StaticKeySlowIncCpuslocked and StaticKeySlowDecCpuslocked are the same for those who
	// hold cpu_hotplug_lock, by CPUsReadLock.
	StaticKeySlowIncCpuslocked(k *sim.K)
	// StaticKeySlowDecCpuslocked is the other half.
	StaticKeySlowDecCpuslocked(k *sim.K)
	// CPUsReadLock is cpus_read_lock().
	CPUsReadLock(k *sim.K)
	// CPUsReadUnlock is cpus_read_unlock().
	CPUsReadUnlock(k *sim.K)
	// StaticKeyEnable has the code there, and StaticKeyDisable has it not, whatever
	// others have asked for before: there are no users to count.
	StaticKeyEnable(k *sim.K)
	// StaticKeyDisable is the other half.
	StaticKeyDisable(k *sim.K)
}

// key is struct static_key, with its one jump label.
type key struct {
	enabled sim.AtomicInt // users; -1 while the first one has the code patched
	mutex   sim.Mutex     // jump_label_mutex
}

func (d *today) initKey(k *sim.K) {
	d.key.enabled.Init(k, "key->enabled", 0)
	k.MutexInit(&d.key.mutex, "jump_label_mutex")
}

// StaticKeySlowInc is part of [KeyHolder].
func (d *today) StaticKeySlowInc(k *sim.K) { d.former.staticKeySlowInc(k) }

// StaticKeySlowDec is part of [KeyHolder].
func (d *today) StaticKeySlowDec(k *sim.K) { d.former.staticKeySlowDec(k) }

// StaticKeySlowIncCpuslocked is part of [KeyHolder].
func (d *today) StaticKeySlowIncCpuslocked(k *sim.K) { d.former.slowIncCpuslocked(k) }

// StaticKeySlowDecCpuslocked is part of [KeyHolder].
func (d *today) StaticKeySlowDecCpuslocked(k *sim.K) { d.former.slowDecCpuslocked(k) }

// CPUsReadLock is part of [KeyHolder].
func (d *today) CPUsReadLock(k *sim.K) { k.PercpuDownRead(&d.cpusLock) }

// CPUsReadUnlock is part of [KeyHolder].
func (d *today) CPUsReadUnlock(k *sim.K) { k.PercpuUpRead(&d.cpusLock) }

// staticKeySlowInc is static_key_slow_inc(): who comes while the first one is at work
// must wait for it, and so does not count itself.
func (d *today) staticKeySlowInc(k *sim.K) {
	if d.fastIncNotDisabled(k) {
		return
	}
	k.PercpuDownRead(&d.cpusLock)
	d.firstInc(k)
	k.PercpuUpRead(&d.cpusLock)
}

// slowIncCpuslocked is static_key_slow_inc_cpuslocked(). The caller holds
// cpu_hotplug_lock.
func (d *today) slowIncCpuslocked(k *sim.K) {
	if !d.fastIncNotDisabled(k) {
		d.firstInc(k)
	}
}

// firstInc is the rest of static_key_slow_inc_cpuslocked(). The caller holds
// cpu_hotplug_lock.
func (d *today) firstInc(k *sim.K) {
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.Cmpxchg(k, 0, -1) == 0 {
		d.jumpLabelUpdate(k, Branch)
		d.key.enabled.Set(k, 1)
	} else {
		k.WarnOn(!d.fastIncNotDisabled(k), "the key is in transition")
	}
	k.MutexUnlock(&d.key.mutex)
}

// fastIncNotDisabled is static_key_fast_inc_not_disabled(): it counts one more user if
// the code is there.
func (d *today) fastIncNotDisabled(k *sim.K) bool { return d.addAbove(k, 0, 1) }

// decNotOne is static_key_dec_not_one(): it counts one user less, unless it is the last
// one.
func (d *today) decNotOne(k *sim.K) bool { return d.addAbove(k, 1, -1) }

// addAbove counts n more users if there are more than so many.
func (d *today) addAbove(k *sim.K, least, n int32) bool {
	for v := d.key.enabled.Read(k); v > least; {
		was := d.key.enabled.Cmpxchg(k, v, v+n)
		if was == v {
			return true
		}
		v = was
	}
	return false
}

// staticKeySlowDec is static_key_slow_dec().
func (d *today) staticKeySlowDec(k *sim.K) {
	if d.decNotOne(k) {
		return
	}
	k.PercpuDownRead(&d.cpusLock)
	d.decUnderLock(k)
	k.PercpuUpRead(&d.cpusLock)
}

// slowDecCpuslocked is static_key_slow_dec_cpuslocked(). The caller holds
// cpu_hotplug_lock.
func (d *today) slowDecCpuslocked(k *sim.K) {
	if !d.decNotOne(k) {
		d.decUnderLock(k)
	}
}

func (d *today) decUnderLock(k *sim.K) {
	k.MutexLock(&d.key.mutex)
	d.former.lastDec(k)
	k.MutexUnlock(&d.key.mutex)
}

var _ = sim.Plumbing("first_inc", "dec_under_lock", "add_above")

// lastDec is the rest of static_key_slow_dec(): another user may have come since. The
// caller holds jump_label_mutex.
func (d *today) lastDec(k *sim.K) {
	v := d.key.enabled.Read(k)
	k.WarnOn(v <= 0, "the key has no user")
	if d.key.enabled.DecAndTest(k) {
		d.jumpLabelUpdate(k, Own)
	}
}

// jumpLabelUpdate is jump_label_update(). The caller holds jump_label_mutex.
func (d *today) jumpLabelUpdate(k *sim.K, b Byte) {
	k.MutexLock(&d.textMutex)
	d.text.pokeText(k, d.text.Label, b)
	d.text.sync(k)
	k.MutexUnlock(&d.textMutex)
}
