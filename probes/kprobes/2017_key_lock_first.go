package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KeyLockFirst is static keys before Linux 4.13: jump_label_mutex is taken, and then
// cpu_hotplug_lock, by everybody, and those who hold the second already take it again.
var KeyLockFirst = addModern(Design{
	Design: probes.Design{
		Name:  "2017-key-lock-first",
		Title: "as before 4.13: jump_label_mutex outside of cpu_hotplug_lock",
		From:  `Linux 4.12, kernel/jump_label.c, static_key_slow_inc(); commit f2545b2d4ce1 "jump_label: Reorder hotplug lock and jump_label_lock"`,
		Order: []string{"kprobe_mutex", "ftrace_lock", "text_mutex", "kprobe_insn_mutex"},
		Fails: []probes.Failure{countedTwice, {
			Scenario: "key-used-with-the-cpus-locked",
			Title:    "possible deadlock in static_key_slow_inc",
			Why:      "who holds cpu_hotplug_lock waits for jump_label_mutex, and who holds that waits for cpu_hotplug_lock when there is a CPU that comes",
		}},
	},
	Has: Keys,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		old := keyLockFirst{d}
		d.former.staticKeySlowInc, d.former.slowIncCpuslocked = old.staticKeySlowInc, old.staticKeySlowInc
		d.former.staticKeySlowDec, d.former.slowDecCpuslocked = old.staticKeySlowDec, old.staticKeySlowDec
		d.former.staticKeyEnable = keyEnabledTwice{d}.staticKeyEnable
		d.former.staticKeyDisable = keyEnabledTwice{d}.staticKeyDisable
		return d
	},
})

// keyLockFirst has the functions that are different.
type keyLockFirst struct{ *today }

// staticKeySlowInc is static_key_slow_inc().
func (d keyLockFirst) staticKeySlowInc(k *sim.K) {
	if d.fastIncNotDisabled(k) {
		return
	}
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.Read(k) == 0 {
		d.key.enabled.Set(k, -1)
		d.updateCpusLocked(k, Branch)
		d.key.enabled.Set(k, 1)
	} else {
		d.key.enabled.Inc(k)
	}
	k.MutexUnlock(&d.key.mutex)
}

// staticKeySlowDec is static_key_slow_dec().
func (d keyLockFirst) staticKeySlowDec(k *sim.K) {
	if d.decNotOne(k) {
		return
	}
	k.MutexLock(&d.key.mutex)
	if d.key.enabled.DecAndTest(k) {
		d.updateCpusLocked(k, Own)
	}
	k.MutexUnlock(&d.key.mutex)
}

// updateCpusLocked is arch_jump_label_transform(), which calls get_online_cpus(). The
// caller holds jump_label_mutex.
func (d keyLockFirst) updateCpusLocked(k *sim.K, b Byte) {
	k.PercpuDownRead(&d.cpusLock)
	d.jumpLabelUpdate(k, b)
	k.PercpuUpRead(&d.cpusLock)
}

var _ = sim.Plumbing("update_cpus_locked")
