package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// ModuleMutex is kprobes in the release candidates of Linux 5.3: the optimizer keeps
// modules away with module_mutex, which it takes before text_mutex; ftrace, which
// makes the text of modules writable, takes it inside text_mutex.
var ModuleMutex = addModern(Design{
	Design: probes.Design{
		Name:  "2019-module-mutex",
		Title: "as in 5.3-rc: module_mutex outside text_mutex for the optimizer, inside it for ftrace",
		From:  `Linux 5.3-rc, kernel/kprobes.c and arch/x86/kernel/ftrace.c; commit f1c6ece23729 "kprobes: Fix potential deadlock in kprobe_optimizer()"`,
		Order: []string{"kprobe_mutex", "cpu_hotplug_lock", "ftrace_lock"},
		Fails: []probes.Failure{
			{
				Scenario: "tracer-switched-on-while-optimizing",
				Title:    "possible deadlock in kprobe_optimizer",
				Why:      "text_mutex is asked for inside module_mutex",
				Model:    "sc", // elsewhere the order that is learnt last is always the other one
			},
			{
				Scenario: "tracer-switched-on-while-optimizing",
				Title:    "possible deadlock in ftrace_run_update_code",
				Why:      "module_mutex is asked for inside text_mutex",
			},
		},
	},
	Has: Jumps | Tracing,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		old := &moduleMutex{today: d}
		k.MutexInit(&old.moduleMutex, "module_mutex")
		d.former.kprobeOptimizer = old.kprobeOptimizer
		d.former.ftraceRunUpdateCode = old.ftraceRunUpdateCode
		return d
	},
})

// kprobeOptimizer is kprobe_optimizer().
func (d *moduleMutex) kprobeOptimizer(k *sim.K) {
	k.MutexLock(&d.kprobeMutex)
	k.PercpuDownRead(&d.cpusLock)
	k.MutexLock(&d.moduleMutex)
	k.MutexLock(&d.textMutex)
	d.optimizeAll(k)
	k.MutexUnlock(&d.textMutex)
	k.MutexUnlock(&d.moduleMutex)
	k.PercpuUpRead(&d.cpusLock)
	d.kickAgain(k)
	k.MutexUnlock(&d.kprobeMutex)
}

// ftraceRunUpdateCode is ftrace_run_update_code().
func (d *moduleMutex) ftraceRunUpdateCode(k *sim.K, change func(k *sim.K)) {
	k.MutexLock(&d.ftrace.lock)
	k.MutexLock(&d.textMutex)
	k.MutexLock(&d.moduleMutex) // set_all_modules_text_rw()
	change(k)
	k.MutexUnlock(&d.moduleMutex)
	k.MutexUnlock(&d.textMutex)
	k.MutexUnlock(&d.ftrace.lock)
}

// moduleMutex has the functions that are different.
type moduleMutex struct {
	*today
	moduleMutex sim.Mutex
}
