package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// KickUnlocked is the optimizer up to Linux 5.7: it gives kprobe_mutex back, and then
// looks whether there is more to do.
var KickUnlocked = addModern(Design{
	Design: probes.Design{
		Name:  "2020-kick-unlocked",
		Title: "as in 5.7: the optimizer looks at its lists after it has given the mutex back",
		From:  `Linux 5.7, kernel/kprobes.c, kprobe_optimizer(); commit 1a0aa991a627 "kprobes: Fix to protect kick_kprobe_optimizer() by kprobe_mutex"`,
		Order: todaysOrder,
		Fails: []probes.Failure{
			{
				Scenario: "hit-while-unoptimizing",
				Title:    "KCSAN: data-race in kick_again / unoptimize_kprobe",
				Why:      "a list of the optimizer's is read after kprobe_mutex was given back, while another task changes it under the mutex",
			},
			{
				Scenario: "second-probe-under-a-jump",
				Title:    "KCSAN: data-race in kick_again / unoptimize_kprobe",
				Why:      "a list of the optimizer's is read after kprobe_mutex was given back, while another task changes it under the mutex",
			},
			{
				Scenario: "unregister-while-optimizing",
				Title:    "KCSAN: data-race in kick_again / unoptimize_kprobe",
				Why:      "a list of the optimizer's is read after kprobe_mutex was given back, while another task changes it under the mutex",
			},
			{
				Scenario: "probe-before-a-jump-that-goes",
				Title:    "KCSAN: data-race in kick_again / optimize_kprobe",
				Why:      "a list of the optimizer's is read after kprobe_mutex was given back, while another task changes it under the mutex",
			},
			{
				Scenario: "lifecycle",
				Title:    "KCSAN: data-race in kick_again / optimize_kprobe",
				Why:      "the same list, changed by who has a probe optimised",
			},
		},
	},
	Has: Jumps,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.kprobeOptimizer = kickUnlocked{d}.kprobeOptimizer
		return d
	},
})

// kprobeOptimizer is kprobe_optimizer().
func (d kickUnlocked) kprobeOptimizer(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	k.PercpuDownRead(&d.cpusLock)
	k.MutexLock(&d.textMutex)
	d.optimizeAll(k)
	k.MutexUnlock(&d.textMutex)
	k.PercpuUpRead(&d.cpusLock)
	k.MutexUnlock(&d.kprobeMutex)
	d.kickAgain(k)
}

// kickUnlocked has the functions that are different.
type kickUnlocked struct{ *today }
