// Package trace renders recorded executions as text: as the lines that a kernel's
// trace_pipe would print ([Ftrace]), and as lanes, one column a task ([Lanes]).
//
// Both count steps from 0, as [sim.Schedule] does: the step that the schedule
// "unregister@4" gives to unregister is row 4 of the lanes and stands at
// 0.000004 in the trace.
//
// Start at [Lanes], which is what people read first.
package trace

import "trapline/sim"

// step is the number of a record as schedules count: from 0.
func step(r *sim.Record) int { return max(r.Step-1, 0) }
