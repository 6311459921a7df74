package scenarios_test

import (
	"slices"
	"testing"

	"trapline/scenarios"
	"trapline/scenarios/catalogue"
	"trapline/sim/explore"
)

// TestKnownBugs names for each bug that Linux had and repaired, and for two that we have found, the scenario and the
// design that show it, and a design that has it no more.
func TestKnownBugs(t *testing.T) {
	const (
		today        = "2024-today"
		uprobesToday = "2025-today"
		nop10        = "2026-nop10"
	)
	for _, bug := range []struct{ what, scenario, design, title, repaired string }{
		{"module_mutex and text_mutex in both orders", "tracer-switched-on-while-optimizing", "2019-module-mutex", "possible deadlock in kprobe_optimizer", today},
		{"cpu_hotplug_lock and text_mutex in both orders", "tracer-switched-on-while-registering", "2019-stop-machine", "possible deadlock in ftrace_run_update_code", today},
		{"a probe is no longer optimised before its text is restored", "hit-while-unoptimizing", "2019-flag-before-text", "invalid opcode: 0000 [#1] in execute", today},
		{"a breakpoint that is written is not seen", "hit-on-another-cpu", "2019-no-text-sync", "BUG: probe missed in execute", today},
		{"ours: a probe comes between two looks of the exception", "probe-goes-and-comes", "2008-batch", "int3: 0000 [#1] in do_int3", today},
		{"a jump is written while a CPU does not see the breakpoint", "optimized-where-nobody-looks", "2019-no-text-sync", "invalid opcode: 0000 [#1] in execute", today},
		{"the operand of a jump is saved as an instruction", "second-probe-under-a-jump", "2023-recover", "BUG: wrong instruction stepped in do_int3", today},
		{"the optimizer is kicked without the mutex", "unregister-while-optimizing", "2020-kick-unlocked", "KCSAN: data-race in kick_again / unoptimize_kprobe", today},
		{"an ftrace-based probe survives its module", "module-with-a-traced-probe-goes", "2020-kill-keeps-ftrace", "BUG: function still traced in quiet", today},
		{"two checks of the text see different states of the module", "register-while-the-module-goes", "2024-two-module-lookups", "BUG: unable to handle kernel paging request in arm_kprobe_ftrace", today},
		{"a record of ftrace is freed during the lookup", "register-while-the-module-goes", "2024-ftrace-record", "KASAN: slab-use-after-free Read in lookup_rec", today},
		{"a kretprobe inside the flush of a dying task", "task-ends-under-a-kretprobe", "2020-flush-under-lock", "possible deadlock in pre_handler_kretprobe", "2020-flush-busy"},
		{"the holder of a kretprobe is not an RCU pointer", "kretprobe-goes-during-the-call", "2023-plain-holder", "KCSAN: data-race in clear_holder / get_kretprobe", today},
		{"the handler of breakpoints is probed", "probe-on-the-handler-of-breakpoints", "2022-trap-handler", "BUG: IRQ stack guard page was hit in do_int3", today},
		{"the blacklist is shown while it is changed", "blacklist-shown-while-the-module-goes", "2020-blacklist-unlocked", "KASAN: slab-use-after-free Read in kprobe_blacklist_seq_show", today},
		{"a probe that was never armed is disarmed", "switched-off-as-a-whole", "2022-disarm-blindly", "WARNING in disarm_kprobe_ftrace", today},
		{"a probe on text that can vanish", "probe-in-a-trampoline", "2022-any-text", "KASAN: slab-use-after-free Write in disarm_kprobe", today},
		{"an optimised probe in a region of user access", "optimized-probe-with-user-access-open", "2020-user-access-left", "BUG: handler called with user access open in pre_handler", today},
		{"a bit is not restored when a step is cancelled", "step-that-faults", "2020-step-forgets", "BUG: state of the CPU not restored in fork", "2021-step-restores"},
		{"the rethook goes while entries can still use it", "fprobe-goes-during-the-call", "2023-rethook-first", "KASAN: slab-use-after-free Read in rethook_try_get", today},
		{"the address is read before it is validated", "probe-at-no-address", "2024-endbr-read", "BUG: unable to handle kernel paging request in arch_adjust_kprobe_addr", today},
		{"hits in an NMI are dropped", "function-called-by-an-nmi", "2020-nmi-refused", "BUG: probe missed in call", today},
		{"the test for reserved text reads freed text", "text-of-the-start-is-freed", "2021-init-text", "KASAN: slab-use-after-free Read in jump_label_text_reserved", today},
		{"the second user of a key goes on before the code is patched", "two-users-of-a-key", "2016-key-counts-first", "BUG: static key enabled and its code is not in use_key", today},
		{"a probe that waits to lose its jump is taken for one that waits for it", "second-probe-under-a-jump", "2020-cancel-queued", "BUG: kernel text corrupted in quiet", today},
		{"a probe that was unoptimised by force is freed in the table", "second-probe-under-a-jump", "2023-freeing-list", "BUG: kernel text corrupted in quiet", today},
		{"a probe is optimised over a jump that is there still", "probe-before-a-jump-that-goes", "2023-disabled-in-the-way", "invalid opcode: 0000 [#1] in execute", today},
		{"a probe that is gone is asked whether it is enabled", "module-with-a-traced-probe-goes", "2022-gone-first", "BUG: function still traced in quiet", today},
		{"a probe that is disabled is disarmed with its module", "module-with-a-disabled-probe-goes", "2020-kill-unchecked", "WARNING in disarm_kprobe_ftrace", today},
		{"a probe stays in text that is freed after the start", "probe-in-text-of-the-start", "2020-init-probes", "KASAN: slab-use-after-free Write in disarm_kprobe", today},
		{"a kretprobe that is registered again loses its calls", "kretprobe-registered-again", "2020-kretprobe-again", "KASAN: slab-use-after-free Read in rethook_try_get", today},
		{"the entry of a jprobe is followed to its return", "entry-while-functions-are-traced", "2014-entry-traced", "BUG: function graph tracer: bad frame in trace", "2015-entry-pauses"},
		{"the array of what is patched is withdrawn under an exception", "probe-hit-while-text-is-patched", "2019-poke-array", "BUG: unable to handle kernel paging request in poke_int3_handler", today},
		{"an exception counts itself in a stack frame that is gone", "probe-hit-while-text-is-patched", "2022-poke-on-stack", "KASAN: slab-use-after-free Write in try_get_desc", today},
		{"nops are rewritten with interrupts on", "interrupt-while-nops-are-optimized", "2023-nops-in-place", "invalid opcode: 0000 [#1] in run_nops", today},
		{"a CPU forgets what it has fetched when interrupts are on", "interrupt-after-an-early-patch", "2023-early-sync-late", "BUG: instruction executed that is not there in run_label", today},
		{"text is patched with borrowed page tables", "process-ends-while-text-is-poked", "2020-poke-lazily", "KASAN: slab-use-after-free Read in switch_mm", today},
		{"a static call that was not set up is taken down", "module-fails-to-load", "2024-call-mods", "general protection fault in static_call_del_module", today},
		{"a key that is enabled twice at once is enabled for ever", "key-enabled-by-two", "2017-key-enabled-twice", "WARNING in static_key_disable", today},
		{"jump_label_mutex and cpu_hotplug_lock in both orders", "key-used-with-the-cpus-locked", "2017-key-lock-first", "possible deadlock in static_key_slow_inc", today},
		{"neither of two users of a key is the last", "two-users-of-a-key", "2024-key-dec-once", "WARNING in static_key_slow_dec_cpuslocked", today},
		{"the callers of a tracepoint are readers of another RCU", "last-probe-goes", "2024-syscall-tracepoints", "KASAN: slab-use-after-free Read in traceiter", "2025-syscall-tracepoints"},
		{"ours: a transition waits for readers of another RCU", "one-none-one", "2025-syscall-tracepoints", "BUG: probe called with the data of another in trace", "2025-syscall-tracepoints-repaired"},
		{"the code of a key goes with a user who is not the last", "two-users-of-a-key", "2024-key-old-value", "BUG: static key enabled and its code is not in use_key", today},
		{"U-10: a child returns to a trampoline that it does not have", "child-returns-from-a-probed-function", "2013-fork-forgets-returns", "BUG: program killed in return", uprobesToday},
		{"U-11: a part of a huge page is taken for a page that is locked", "text-locked-while-registering", "2020-munlock-every", "kernel BUG in munlock_vma_page", uprobesToday},
		{"U-18: an interrupt looks at utask when it is free", "profiler-looks-at-a-thread-that-ends", "2024-utask-freed-first", "KASAN: slab-use-after-free Read in is_uprobe_at_func_entry", uprobesToday},
		{"U-21: the last reference is dropped in a softirq", "lease-expires-while-unregistering", "2024-put-in-softirq", "inconsistent lock state in uprobe_free_deferred", uprobesToday},
		{"U-22: a program moves the page of slots", "slots-are-moved", "2024-slots-movable", "BUG: program killed in do_int3", uprobesToday},
		{"U-23: the mapping of the slots is not initialised", "slots-are-moved", "2024-slots-uncleared", "BUG: unable to handle kernel paging request in mremap_special", uprobesToday},
		{"U-25: two threads remove a call under mmap_sem held for reading", "two-handlers-remove-a-call", "2025-unapply-shared", "BUG: program text corrupted in execute_if_mapped", uprobesToday},
		{"U-26: a child calls a trampoline that it does not have", "child-of-an-optimized-program", "2025-today", "BUG: program killed in execute", nop10},
		{"U-27: a call destroys the red zone", "optimized-probe-in-a-leaf-function", "2025-today", "BUG: program memory corrupted in execute", nop10},
		{"U-29: a thread is between the two instructions of a probe that goes", "unregister-before-the-call", "2026-nop10-restored", "BUG: middle of an instruction executed in execute", nop10},
		{"U-30: what waits for a counter outlives its uprobe", "counter-of-a-probe-that-has-gone", "2018-delayed-outlives", "KASAN: slab-use-after-free Read in delayed_ref_ctr_inc", uprobesToday},
		{"U-31: a counter crosses the end of its page", "counter-at-the-end-of-a-page", "2020-counter-unaligned", "KASAN: out-of-bounds in add_to_counter", uprobesToday},
		{"U-32: a failed copy is used", "fork-without-memory-in-a-probed-function", "2025-copy-unchecked", "BUG: unable to handle kernel paging request in dup_return_instance", uprobesToday},
		{"U-33: the system call of trampolines is accepted where there is none", "system-call-without-a-trampoline", "2024-call-from-anywhere", "BUG: system call of a trampoline accepted in program", uprobesToday},
		{"U-14: a child that fork has given up is probed", "fork-fails-while-registering", "2024-unstable-unchecked", "BUG: unable to handle kernel paging request in anon_vma_prepare", uprobesToday},
		{"M-01: a page table is taken from a process that ends", "collapse-while-exiting", "2020-collapse-of-exiting", "KASAN: slab-use-after-free Read in zap_page_range", uprobesToday},
		{"M-02: a page table is freed under a walk without a lock", "collapse-while-looking", "2022-collapse-tells-nobody", "KASAN: slab-use-after-free Read in get_user_page_fast", uprobesToday},
		{"M-04: the page of a breakpoint goes with its page table", "collapse-while-registering", "2022-collapse-looks-once", "BUG: probe missed in execute", uprobesToday},
		{"ours: a lease is taken when the wait for leases is over", "probe-goes-during-the-call", "2025-today", "KASAN: slab-use-after-free Read in handle_uretprobe_chain", "2025-leases-last"},
	} {
		t.Run(bug.what, func(t *testing.T) {
			pair := func(design string) catalogue.Pair {
				for _, p := range scenarios.Pairs() {
					if p.Scenario.Name == bug.scenario && p.Design.Name == design {
						return p
					}
				}
				t.Fatalf("%s is not asked of %s", bug.scenario, design)
				return catalogue.Pair{}
			}
			broken, sound := pair(bug.design), pair(bug.repaired)
			r := once(t, broken)
			if !slices.ContainsFunc(r.Findings, func(f *explore.Finding) bool { return f.Violation.Title == bug.title }) {
				t.Errorf("not found in %s", broken.Name())
			}
			if r := once(t, sound); r.Verdict() != explore.Clean {
				t.Errorf("%s is %s: %s", sound.Name(), r.Verdict(), r.Coverage())
			}
		})
	}
}
