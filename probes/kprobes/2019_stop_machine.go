package kprobes

import (
	"trapline/probes"
	"trapline/sim"
)

// StopMachine is kprobes in the release candidates of Linux 5.2: ftrace stops all CPUs
// to change the text, which takes cpu_hotplug_lock, and holds text_mutex around that.
// register_kprobe takes the two the other way round.
var StopMachine = addModern(Design{
	Design: probes.Design{
		Name:  "2019-stop-machine",
		Title: "as in 5.2-rc: ftrace takes cpu_hotplug_lock inside text_mutex",
		From:  `Linux 5.2-rc, arch/x86/kernel/ftrace.c; commit d5b844a2cf50 "ftrace/x86: Remove possible deadlock between register_kprobe() and ftrace_run_update_code()"`,
		Order: []string{"kprobe_mutex", "ftrace_lock"},
		Fails: []probes.Failure{
			{
				Scenario: "tracer-switched-on-while-registering",
				Title:    "possible deadlock in prepare_kprobe",
				Why:      "text_mutex is asked for inside cpu_hotplug_lock",
				Model:    "sc", // elsewhere the order that is learnt last is always the other one
			},
			{
				Scenario: "tracer-switched-on-while-registering",
				Title:    "possible deadlock in ftrace_run_update_code",
				Why:      "cpu_hotplug_lock is asked for inside text_mutex",
			},
			{
				Scenario: "lifecycle",
				Title:    "possible deadlock in register_aggr_kprobe",
				Why:      "as in prepare_kprobe, for a probe at an address that has one: text_mutex is asked for inside cpu_hotplug_lock",
			},
		},
	},
	Has: Tracing,
	New: func(k *sim.K, text *Text) Scheme {
		d := newToday(k, text)
		d.former.ftraceRunUpdateCode = stopMachine{d}.ftraceRunUpdateCode
		return d
	},
})

// ftraceRunUpdateCode is ftrace_run_update_code() with stop_machine(), of which only the
// lock matters here.
func (d stopMachine) ftraceRunUpdateCode(k *sim.K, change func(k *sim.K)) {
	k.MutexLock(&d.ftrace.lock)
	k.MutexLock(&d.textMutex)
	k.PercpuDownRead(&d.cpusLock)
	change(k)
	k.PercpuUpRead(&d.cpusLock)
	k.MutexUnlock(&d.textMutex)
	k.MutexUnlock(&d.ftrace.lock)
}

// stopMachine has the functions that are different.
type stopMachine struct{ *today }
