package scenarios_test

import (
	"slices"
	"testing"

	"trapline/scenarios"
	"trapline/scenarios/catalogue"
	"trapline/sim/explore"
	"trapline/sim/memory"
	"trapline/vm"
)

// knownBug is a bug with the scenario and the design that show it, and a design that has it
// no more.
type knownBug struct{ what, scenario, design, title, repaired string }

// mustShow sees that each bug is found where it is, and that nothing at all is found where
// it was repaired, in every interleaving.
func mustShow(t *testing.T, bugs []knownBug) {
	t.Helper()
	for _, bug := range bugs {
		t.Run(bug.what, func(t *testing.T) {
			broken, sound := pairOf(t, bug.scenario, bug.design), pairOf(t, bug.scenario, bug.repaired)
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

// pairOf is the pair of a scenario and a design, by their names.
func pairOf(t *testing.T, scenario, design string) catalogue.Pair {
	t.Helper()
	for _, p := range scenarios.Pairs() {
		if p.Scenario.Name == scenario && p.Design.Name == design {
			return p
		}
	}
	t.Fatalf("%s is not asked of %s", scenario, design)
	return catalogue.Pair{}
}

// mustBeSilent sees that nothing is found in any of the designs, in every interleaving.
func mustBeSilent(t *testing.T, scenario string, designs ...string) {
	t.Helper()
	for _, design := range designs {
		p := pairOf(t, scenario, design)
		if r := once(t, p); r.Verdict() != explore.Clean {
			t.Errorf("%s is %s: %s", p.Name(), r.Verdict(), r.Coverage())
		}
	}
}

// TestOrdering names what each smp_rmb of marker_probe_cb is for. Without it the memory
// model of the kernel lets the reader go wrong, and nothing else does.
func TestOrdering(t *testing.T) {
	const (
		wrongData = "BUG: probe called with the data of another in marker_probe_cb"
		noArray   = "BUG: unable to handle kernel paging request in marker_probe_cb"
		repaired  = "2007-several-probes-repaired"
	)
	bugs := []knownBug{
		{"ptype before the function, 2 -> 1", "ptype-before-function", "2007-without-rmb-before-func", wrongData, repaired},
		{"the function before its data", "function-before-data", "2007-without-rmb-before-private", wrongData, repaired},
		{"ptype before the array, 1 -> 2", "ptype-before-multi", "2007-without-rmb-before-multi", noArray, repaired},
	}
	mustShow(t, bugs)
	for _, bug := range bugs {
		p := pairOf(t, bug.scenario, bug.design)
		for _, model := range []memory.Model{memory.SC, memory.TSO} {
			if r := run(t, p, vm.DefaultImage(), explore.Options{Memory: model}); r.Verdict() != explore.Clean {
				t.Errorf("%s under %s is %s: %s", p.Name(), model, r.Verdict(), r.Coverage())
			}
		}
	}
}

// TestSeedBugs names each bug of the four mails that this repository is about.
func TestSeedBugs(t *testing.T) {
	const (
		hooks         = "2006-readpage-hook"
		hooksMarch    = "2006-readpage-hook-march"
		hooksRepaired = "2006-readpage-hook-repaired"
		rcu           = "2005-rcu"
		mutex         = "2006-mutex"
		srcu          = "2011-srcu"
		srcuRepaired  = "2011-srcu-repaired"
		several       = "2007-several-probes"
		severalNow    = "2007-several-probes-repaired"
	)
	mustShow(t, []knownBug{
		{"S1-01: the hook plants the breakpoint before the page is read", "readpage-returns-before-uptodate", hooks, "BUG: page touched before PG_uptodate in insert_kprobe_user", hooksRepaired},
		{"S1-02: waiting for the page inside readpage", "waiting-for-the-page-inside-the-hook", "2006-readpage-hook-wait", "INFO: task hung in map_uprobe_page", hooksRepaired},
		{"S1-03: the page number is compared where the offset should be", "probe-in-a-later-page", hooks, "BUG: probe missed in execute", hooksRepaired},
		{"S1-04: the hook returns an error after the last unregister", "hook-after-the-last-unregister", hooks, "BUG: read(2) of a sound file failed in sys_read", hooksRepaired},
		{"S1-05: a mutex is taken under i_mmap_lock", "mutex-under-i_mmap_lock", hooks, "BUG: sleeping function called from invalid context in remove_kprobe_user", hooksRepaired},
		{"S1-06: the area is looked up in the trap without mmap_sem", "munmap-while-trapped", hooksMarch, "KCSAN: data-race in find_vma / unmap_vm_as", hooksRepaired},
		{"S1-07: the page is kept when it could not be mapped", "unregister-after-a-read-error", hooksMarch, "BUG: Bad page state in quiet", hooksRepaired},
		{"S1-08: the page is looked at before it is locked", "invalidate-while-registering", hooksMarch, "BUG: page changed that has left its file in insert_kprobe_user", hooksRepaired},
		{"S1-09: the method table is freed under a caller", "hook-after-the-last-unregister", hooks, "KASAN: slab-use-after-free Read in do_generic_mapping_read", hooksRepaired},
		{"S1-10: a page that was dropped is not patched again", "page-read-again-after-reclaim", hooks, "BUG: probe missed in execute", hooksRepaired},
		{"S1-11: unregister leaves a breakpoint without an owner", "unregister-against-readpage", hooks, "BUG: program killed by SIGTRAP in do_int3", hooksRepaired},
		{"S1-12: a read error after insertion, and later corruption", "text-after-a-read-error", hooks, "BUG: program text corrupted in must_be_original", hooksRepaired},
		{"S2-01: an entry is removed and then added again", "second-probe-at-an-address", rcu, "int3: 0000 [#1] in do_int3", mutex},
		{"S2-02: whether the list is empty is asked after the lock was dropped", "last-two-probes-unregister", rcu, "KASAN: double-free in unregister_kprobe", mutex},
		{"S2-03: the manager is looked at when another remover has freed it", "last-two-probes-unregister", rcu, "KASAN: slab-use-after-free Read in unregister_kprobe", mutex},
		{"S2-04: the slot is freed before the grace period", "slot-given-to-another-probe", rcu, "BUG: wrong instruction stepped in do_int3", mutex},
		{"S2-05: reader and updater use different flavours of RCU", "handler-with-interrupts-on", rcu, "KASAN: slab-use-after-free Read in kprobe_handler", mutex},
		{"S2-06: the manager is written when its last probe has freed it", "last-two-probes-unregister", "2007-relock", "KASAN: slab-use-after-free Write in unregister_kprobe", "2008-batch"},
		{"S3-01: munmap waits for an SRCU reader that waits for mmap_sem", "munmap-while-registering", srcu, "INFO: task hung in register_uprobe", srcuRepaired},
		{"S3-02: a new consumer is attached to an uprobe that leaves the tree", "register-while-the-last-one-goes", srcu, "BUG: program killed by SIGTRAP in do_int3", srcuRepaired},
		{"S3-03: one list link is used under three locks", "munmap-while-registering", srcu, "list_del corruption in register_uprobe", srcuRepaired},
		{"S3-04: mmap installs after the unregister walk", "mmap-while-unregistering", srcu, "BUG: program killed by SIGTRAP in do_int3", srcuRepaired},
		{"S3-05: the counter is read before the area is linked", "mmap-while-registering", srcu, "BUG: probe missed in execute", srcuRepaired},
		{"S4-01: a callback changes a flag in the word of another without the mutex", "flags-that-share-a-word", several, "WARNING in free_old_closure", "2008-markers"},
		{"S4-02: nothing orders the loads of ptype and of multi", "ptype-before-multi", several, "BUG: unable to handle kernel paging request in marker_probe_cb", severalNow},
		{"S4-03: two operations are in one grace period", "two-operations-in-one-grace-period", several, "BUG: probe called with the data of another in marker_probe_cb", severalNow},
		{"S4-04: the entry is looked up again when the mutex was dropped", "entry-looked-up-again", several, "memory leak in marker_entry_add_probe", severalNow},
		{"S4-05: an error is freed in place of an array", "removal-without-memory", several, "BUG: unable to handle kernel paging request in free_old_closure", severalNow},
	})
}

// TestKnownBugs names bugs that Linux had and repaired since, and some that we have found.
// Letters and numbers are those of a list of such bugs that is no part of this repository:
// U for uprobes, K for kprobes, T for tracepoints, X for text that is patched. The others we
// came upon.
func TestKnownBugs(t *testing.T) {
	const (
		several      = "2007-several-probes"
		mmapSem      = "2012-mmap-sem-for-writing"
		dupMmapSem   = "2012-dup-mmap-sem"
		tasksTrace   = "2024-tasks-trace"
		calls        = "2020-static-calls"
		synced       = "2020-static-calls-synced"
		callsNow     = "2021-static-calls"
		today        = "2024-today"
		uprobesToday = "2025-today"
		nop10        = "2026-nop10"
	)
	mustShow(t, []knownBug{
		{"U-01: prepare_uprobe races with itself", "second-process-maps-while-registering", mmapSem, "BUG: wrong instruction stepped in execute", dupMmapSem},
		{"U-02: a hit between unregister and register gets SIGTRAP", "trap-between-two-registrations", "2012-restart", "BUG: program killed by SIGTRAP in do_int3", dupMmapSem},
		{"U-03: a child keeps the breakpoint of its parent", "fork-while-unregistering", mmapSem, "BUG: program killed by SIGTRAP in do_int3", dupMmapSem},
		{"U-05: a trap finds an uprobe whose instruction was not copied", "trap-between-two-registrations", mmapSem, "BUG: wrong instruction stepped in execute", dupMmapSem},
		{"U-06: uprobe_mmap forgets to put the uprobe", "mmap-while-registering", mmapSem, "memory leak in alloc_uprobe", dupMmapSem},
		{"U-08: consumer_rwsem is taken on both sides of mmap_sem", "handler-reads-user-memory", dupMmapSem, "possible deadlock in handler_chain", "2013-register-rwsem"},
		{"U-13: mremap overwrites the entry of a fresh page", "mremap-of-probed-text", tasksTrace, "memory leak in alloc_page", "2025-skip-moved"},
		{"U-16: what a handler uses is freed by RCU of another flavour", "owner-frees-after-unregister", "2024-wrong-flavour", "KASAN: slab-use-after-free Read in int3", tasksTrace},
		{"U-19: a lookup loses its reference", "owner-frees-after-unregister", "2021-lost-reference", "KASAN: slab-use-after-free Write in put", "2013-register-rwsem"},
		{"U-35: a lookup takes a reference to an uprobe that is ending", "register-while-the-last-one-goes", "2024-unconditional-get", "WARNING: refcount bug in alloc_uprobe", tasksTrace},
		{"the callback waits for readers of another flavour", "array-under-preemptible-rcu", several, "KASAN: slab-use-after-free Read in marker_probe_cb", "2008-markers"},
		{"T-01: the data of the probe that has gone are given to the one that is left", "first-of-two-goes", calls, "BUG: probe called with the data of another in do_trace", synced},
		{"T-02: no wait between the last probe and the next", "one-none-one", synced, "BUG: probe called with the data of another in do_trace", callsNow},
		{"T-02: no wait for what changed two steps before", "three-two-one", synced, "BUG: probe called with the data of another in do_trace", callsNow},
		{"functions are compared, and not their data", "same-function-twice", synced, "BUG: connected probe not called once in trace_event", callsNow},
		{"the array is published before the call is changed", "probe-of-higher-priority", synced, "BUG: probe called with the data of another in do_trace", callsNow},
		{"the iterator finds no array", "both-probes-go", synced, "BUG: unable to handle kernel paging request in traceiter", callsNow},
		{"T-04: a removal fails, and its user frees the data", "removal-without-memory", "2010-tracepoints", "KASAN: slab-use-after-free Read in do_trace", callsNow},
		{"K-01: module_mutex and text_mutex in both orders", "tracer-switched-on-while-optimizing", "2019-module-mutex", "possible deadlock in kprobe_optimizer", today},
		{"K-02: cpu_hotplug_lock and text_mutex in both orders", "tracer-switched-on-while-registering", "2019-stop-machine", "possible deadlock in ftrace_run_update_code", today},
		{"K-03: a probe is no longer optimised before its text is restored", "hit-while-unoptimizing", "2019-flag-before-text", "invalid opcode: 0000 [#1] in execute", today},
		{"K-05: a breakpoint that is written is not seen", "hit-on-another-cpu", "2019-no-text-sync", "BUG: probe missed in execute", today},
		{"a hit within a handler is counted where nobody looks", "two-probes-in-a-handler", "2005-rcu", "BUG: probe missed in execute", "2006-mutex"},
		{"ours: the entry of a jprobe comes back, and its manager knows of no jprobe", "entry-goes-while-it-runs", "2008-batch", "int3: 0000 [#1] in do_int3", "2007-relock"},
		{"ours: a probe comes between two looks of the exception", "probe-goes-and-comes", "2008-batch", "int3: 0000 [#1] in do_int3", today},
		{"K-05: a jump is written while a CPU does not see the breakpoint", "optimized-where-nobody-looks", "2019-no-text-sync", "invalid opcode: 0000 [#1] in execute", today},
		{"K-06: the operand of a jump is saved as an instruction", "second-probe-under-a-jump", "2023-recover", "BUG: wrong instruction stepped in do_int3", today},
		{"K-08: the optimizer is kicked without the mutex", "unregister-while-optimizing", "2020-kick-unlocked", "KCSAN: data-race in kick_again / unoptimize_kprobe", today},
		{"K-10: an ftrace-based probe survives its module", "module-with-a-traced-probe-goes", "2020-kill-keeps-ftrace", "BUG: function still traced in quiet", today},
		{"K-11: two checks of the text see different states of the module", "register-while-the-module-goes", "2024-two-module-lookups", "BUG: unable to handle kernel paging request in arm_kprobe_ftrace", today},
		{"K-12: a record of ftrace is freed during the lookup", "register-while-the-module-goes", "2024-ftrace-record", "KASAN: slab-use-after-free Read in lookup_rec", today},
		{"K-13: a kretprobe inside the flush of a dying task", "task-ends-under-a-kretprobe", "2020-flush-under-lock", "possible deadlock in pre_handler_kretprobe", "2020-flush-busy"},
		{"K-15: the holder of a kretprobe is not an RCU pointer", "kretprobe-goes-during-the-call", "2023-plain-holder", "KCSAN: data-race in clear_holder / get_kretprobe", today},
		{"K-17: the handler of breakpoints is probed", "probe-on-the-handler-of-breakpoints", "2022-trap-handler", "BUG: IRQ stack guard page was hit in do_int3", today},
		{"K-18: the blacklist is shown while it is changed", "blacklist-shown-while-the-module-goes", "2020-blacklist-unlocked", "KASAN: slab-use-after-free Read in kprobe_blacklist_seq_show", today},
		{"K-19: a probe that was never armed is disarmed", "switched-off-as-a-whole", "2022-disarm-blindly", "WARNING in disarm_kprobe_ftrace", today},
		{"K-21: a probe on text that can vanish", "probe-in-a-trampoline", "2022-any-text", "KASAN: slab-use-after-free Write in disarm_kprobe", today},
		{"K-22: an optimised probe in a region of user access", "optimized-probe-with-user-access-open", "2020-user-access-left", "BUG: handler called with user access open in pre_handler", today},
		{"K-23: a bit is not restored when a step is cancelled", "step-that-faults", "2020-step-forgets", "BUG: state of the CPU not restored in fork", "2021-step-restores"},
		{"K-25: the rethook goes while entries can still use it", "fprobe-goes-during-the-call", "2023-rethook-first", "KASAN: slab-use-after-free Read in rethook_try_get", today},
		{"K-27: the address is read before it is validated", "probe-at-no-address", "2024-endbr-read", "BUG: unable to handle kernel paging request in arch_adjust_kprobe_addr", today},
		{"K-28: hits in an NMI are dropped", "function-called-by-an-nmi", "2020-nmi-refused", "BUG: probe missed in call", today},
		{"K-29: the test for reserved text reads freed text", "text-of-the-start-is-freed", "2021-init-text", "KASAN: slab-use-after-free Read in jump_label_text_reserved", today},
		{"X-09: the second user of a key goes on before the code is patched", "two-users-of-a-key", "2016-key-counts-first", "BUG: static key enabled and its code is not in use_key", today},
		{"a probe that waits to lose its jump is taken for one that waits for it", "second-probe-under-a-jump", "2020-cancel-queued", "BUG: kernel text corrupted in quiet", today},
		{"a probe that was unoptimised by force is freed in the table", "second-probe-under-a-jump", "2023-freeing-list", "BUG: kernel text corrupted in quiet", today},
		{"a probe is optimised over a jump that is there still", "probe-before-a-jump-that-goes", "2023-disabled-in-the-way", "invalid opcode: 0000 [#1] in execute", today},
		{"a probe that is gone is asked whether it is enabled", "module-with-a-traced-probe-goes", "2022-gone-first", "BUG: function still traced in quiet", today},
		{"a probe that is disabled is disarmed with its module", "module-with-a-disabled-probe-goes", "2020-kill-unchecked", "WARNING in disarm_kprobe_ftrace", today},
		{"a probe stays in text that is freed after the start", "probe-in-text-of-the-start", "2020-init-probes", "KASAN: slab-use-after-free Write in disarm_kprobe", today},
		{"a kretprobe that is registered again loses its calls", "kretprobe-registered-again", "2020-kretprobe-again", "KASAN: slab-use-after-free Read in rethook_try_get", today},
		{"the entry of a jprobe is followed to its return", "entry-while-functions-are-traced", "2014-entry-traced", "BUG: function graph tracer: bad frame in trace", "2015-entry-pauses"},
		{"X-01: the array of what is patched is withdrawn under an exception", "probe-hit-while-text-is-patched", "2019-poke-array", "BUG: unable to handle kernel paging request in poke_int3_handler", today},
		{"an exception counts itself in a stack frame that is gone", "probe-hit-while-text-is-patched", "2022-poke-on-stack", "KASAN: slab-use-after-free Write in try_get_desc", today},
		{"X-03: nops are rewritten with interrupts on", "interrupt-while-nops-are-optimized", "2023-nops-in-place", "invalid opcode: 0000 [#1] in run_nops", today},
		{"X-04: a CPU forgets what it has fetched when interrupts are on", "interrupt-after-an-early-patch", "2023-early-sync-late", "BUG: instruction executed that is not there in run_label", today},
		{"X-05: text is patched with borrowed page tables", "process-ends-while-text-is-poked", "2020-poke-lazily", "KASAN: slab-use-after-free Read in switch_mm", today},
		{"X-10: a static call that was not set up is taken down", "module-fails-to-load", "2024-call-mods", "general protection fault in static_call_del_module", today},
		{"a key that is enabled twice at once is enabled for ever", "key-enabled-by-two", "2017-key-enabled-twice", "WARNING in static_key_disable", today},
		{"jump_label_mutex and cpu_hotplug_lock in both orders", "key-used-with-the-cpus-locked", "2017-key-lock-first", "possible deadlock in static_key_slow_inc", today},
		{"neither of two users of a key is the last", "two-users-of-a-key", "2024-key-dec-once", "WARNING in static_key_slow_dec_cpuslocked", today},
		{"the callers of a tracepoint are readers of another RCU", "last-probe-goes", "2024-syscall-tracepoints", "KASAN: slab-use-after-free Read in traceiter", "2025-syscall-tracepoints"},
		{"ours: a transition waits for readers of another RCU", "one-none-one", "2025-syscall-tracepoints", "BUG: probe called with the data of another in trace", "2025-syscall-tracepoints-repaired"},
		{"X-07: the code of a key goes with a user who is not the last", "two-users-of-a-key", "2024-key-old-value", "BUG: static key enabled and its code is not in use_key", today},
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
	})
}
