package kprobes

import "trapline/sim"

// graph is the function graph tracer: where functions return to that it follows, by
// task, in current->ret_stack. A function that it follows returns to the tracer, who
// takes the address on top.
type graph struct {
	on    bool
	tasks []*retStack
}

type retStack struct {
	frames []string
	paused int // tracing_graph_pause
}

// WrongReturn is a function that returns to the address of another one.
var WrongReturn = sim.Kind{Name: "bad-return-frame", Class: "BUG: function graph tracer: bad frame"}

// TraceGraph switches the function graph tracer on. It is for the setup.
func (t *Text) TraceGraph() { t.graph.on = true }

func (g *graph) of(k *sim.K) *retStack {
	for int(k.ID()) >= len(g.tasks) {
		g.tasks = append(g.tasks, &retStack{})
	}
	return g.tasks[k.ID()]
}

// FunctionBegins is prepare_ftrace_return(): it returns whether the function returns to
// the tracer.
func (t *Text) FunctionBegins(k *sim.K, name string) bool {
	s := t.graph.of(k)
	if !t.graph.on || s.paused > 0 {
		return false
	}
	s.frames = append(s.frames, name)
	return true
}

// FunctionReturns is ftrace_return_to_handler(), which takes the address on top of the
// stack for that of the function.
func (t *Text) FunctionReturns(k *sim.K, name string) {
	s := t.graph.of(k)
	top := s.frames[len(s.frames)-1]
	if s.frames = s.frames[:len(s.frames)-1]; top != name {
		k.Fail(&sim.Violation{Kind: WrongReturn, Subject: name + " returns to where " + top + " was called"})
	}
}

// pauseGraphTracing is pause_graph_tracing().
func (t *Text) pauseGraphTracing(k *sim.K) { t.graph.of(k).paused++ }

// unpauseGraphTracing is unpause_graph_tracing().
func (t *Text) unpauseGraphTracing(k *sim.K) { t.graph.of(k).paused-- }

var _ = sim.Plumbing("function_begins", "function_returns", "pause_graph_tracing", "unpause_graph_tracing")
