package uprobes

import (
	"trapline/probes/uprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// SystemCallWithoutATrampoline makes the system call of trampolines where there is none.
var SystemCallWithoutATrampoline = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "system-call-without-a-trampoline",
		Asks: "Is a system call of trampolines refused to others?",
		From: "Linux 6.14, commit fa6192adc32f",
		Story: "The trampoline of return probes makes a system call, which replaces the registers of its " +
			"caller. So it must come from there and nowhere else: the address is compared. In a " +
			"process without a trampoline its address was that of an error, which is minus one; and a " +
			"few bytes behind that are addresses that a program can use. A call from there was taken " +
			"for one of a trampoline. Since 6.14 a process without one is refused.",
	},
	Needs: uprobes.Returns,
	Setup: func(w *World) {
		mm := w.Space("victim")
		w.M.Go("program", func(k *sim.K) {
			for ip := range uint64(lowText) {
				if w.Scheme.(uprobes.ReturnProber).SysUretprobe(k, w.thread(k, mm), ip) {
					k.Fail(&sim.Violation{Kind: Accepted, Subject: "made from low memory, and there is no trampoline"})
				}
			}
		})
	},
})

// lowText are the addresses that are tried.
const lowText = 32
