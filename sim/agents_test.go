package sim_test

import (
	"testing"

	"trapline/sim"
)

// An idle timer or work item is in nobody's way: neither a grace period nor
// stop_machine waits for it, but they do for its handler.
func TestIdleAgentsAreNowhere(t *testing.T) {
	for _, test := range []struct {
		name  string
		waits func(k *sim.K)
	}{
		{"synchronize_sched", func(k *sim.K) { k.SynchronizeSched() }},
		{"synchronize_rcu", func(k *sim.K) { k.SynchronizeRCU() }},
		{"synchronize_rcu_tasks", func(k *sim.K) { k.SynchronizeRCUTasks() }},
		{"stop_machine", func(k *sim.K) { k.StopMachine(func(*sim.K) {}) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, func(m *sim.Machine) {
				m.ShareCPUs()
				var timer sim.Timer
				var x sim.Word[int]
				k := m.Setup()
				x.Init(k, "x", 0)
				k.TimerSetup(&timer, "timer", func(k *sim.K) {
					x.Write(k, 1)
					x.Write(k, 2)
				})
				m.Go("t0", func(k *sim.K) {
					k.ModTimer(&timer)
					x.Read(k)
					test.waits(k)
				})
			})
			if len(r.Findings) > 0 || !r.Complete || r.Executions < 3 {
				t.Errorf("%v, %s", r.Findings, r.Coverage())
			}
		})
	}
}

// A schedule found by a machine that takes more steps than a new one would, as it
// has learnt that somebody waits for regions of code, is followed by a new one.
func TestScheduleNamesTheReasonForMoreSteps(t *testing.T) {
	p := func(m *sim.Machine) {
		var x, y sim.Word[int]
		k := m.Setup()
		x.Init(k, "x", 0)
		y.Init(k, "y", 0)
		m.Go("reader", func(k *sim.K) {
			k.PreemptDisable()
			x.Read(k)
			k.PreemptEnable()
			if y.Read(k) == 1 && x.Read(k) == 0 {
				k.Fail(&sim.Violation{Kind: sim.NotHeld, Subject: "early"})
			}
		})
		m.Go("updater", func(k *sim.K) {
			y.Write(k, 1)
			k.SynchronizeSched()
			x.Write(k, 1)
		})
	}
	r := search(t, p)
	if len(r.Findings) != 1 {
		t.Fatal(r.Findings, r.Coverage())
	}
	f := r.Findings[0]
	text := f.Schedule.String()
	schedule, err := sim.ParseSchedule(text)
	if err != nil || text[0] != '!' {
		t.Fatalf("%q: %v", text, err)
	}
	m := sim.NewMachine()
	defer m.Close()
	replay := sim.NewReplay(schedule)
	o := m.Run(p, replay)
	if err := replay.Done(); err != nil || o.Violation == nil || o.Hash != f.Hash {
		t.Errorf("%s: %v, %+v", text, err, o)
	}
	for _, bad := range []string{"!", "!nothing", "reader@1,!task_work", "!task_work,!task_work"} {
		if _, err := sim.ParseSchedule(bad); err == nil {
			t.Errorf("%q is a schedule", bad)
		}
	}
}
