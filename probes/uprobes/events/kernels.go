package events

import "strings"

// kernels lists the events that every kernel has, whatever drivers there are, by
// their groups (kernel/trace/trace_entries.h, include/trace/events).
var kernels = []struct{ group, names string }{
	{"ftrace", "function funcgraph_entry fgraph_retaddr_entry funcgraph_exit context_switch wakeup kernel_stack user_stack bprint print" +
		" raw_data bputs mmiotrace_rw mmiotrace_map branch hwlat func_repeats osnoise timerlat"},
	{"sched", "sched_switch sched_wakeup sched_wakeup_new sched_waking sched_migrate_task sched_process_fork sched_process_exec" +
		" sched_process_exit sched_process_free sched_process_wait sched_wait_task sched_kthread_stop sched_kthread_stop_ret" +
		" sched_stat_runtime sched_pi_setprio sched_process_hang"},
	{"raw_syscalls", "sys_enter sys_exit"},
	{"signal", "signal_generate signal_deliver"},
	{"task", "task_newtask task_rename"},
	{"irq", "irq_handler_entry irq_handler_exit softirq_entry softirq_exit softirq_raise"},
	{"timer", "timer_init timer_start timer_expire_entry timer_expire_exit timer_cancel hrtimer_start hrtimer_cancel" +
		" hrtimer_expire_entry hrtimer_expire_exit"},
	{"workqueue", "workqueue_queue_work workqueue_activate_work workqueue_execute_start workqueue_execute_end"},
	{"kmem", "kmalloc kfree kmem_cache_alloc kmem_cache_free mm_page_alloc mm_page_free rss_stat"},
	{"exceptions", "page_fault_user page_fault_kernel"},
}

// isKernels says that the name of an event is taken.
func isKernels(group, name string) bool {
	for _, k := range kernels {
		if k.group == group {
			return strings.Contains(" "+k.names+" ", " "+name+" ")
		}
	}
	return false
}
