package sim_test

import (
	"cmp"
	"strings"
	"testing"

	"trapline/sim"
)

func neverWoken(k *sim.K, w *deferredWorld) {
	k.WaitEvent(&w.queue, func() bool { return w.x.Read(k) != 0 })
}

func wokenTooEarly(k *sim.K, w *deferredWorld) { k.WakeUp(&w.queue); w.x.Write(k, 1) }

func testThenPrepare(k *sim.K, w *deferredWorld) {
	if w.x.Read(k) == 0 {
		w.y.Write(k, 1)
		k.PrepareToWait(&w.queue)
		k.Schedule(&w.queue)
	}
}

// TestReportsOfDeferredWork holds the reports to their golden texts.
func TestReportsOfDeferredWork(t *testing.T) {
	for _, test := range []struct {
		name     string
		title    string
		schedule string
		prepare  deferredTask
		tasks    []deferredTask
	}{
		{"lost-wakeup-none", "INFO: task hung in never_woken", "", nil, []deferredTask{neverWoken, func(k *sim.K, w *deferredWorld) { w.x.Write(k, 1) }}},
		{"lost-wakeup-early", "INFO: task hung in never_woken", "t0@3", nil, []deferredTask{neverWoken, wokenTooEarly}},
		{"lost-wakeup-before-the-sleep", "INFO: task hung in test_then_prepare", "t1@2", nil, []deferredTask{testThenPrepare, func(k *sim.K, w *deferredWorld) { w.x.Write(k, 1); k.WakeUp(&w.queue) }}},
		{"active-timer", "WARNING: ODEBUG bug in forget_timer", "", inLife, []deferredTask{then(arm, forgetTimer)}},
		{"active-work", "WARNING: ODEBUG bug in free_work", "", workInLife, []deferredTask{then(queue, freeWork)}},
		{"misuse", "WARNING in put_twice", "", load, []deferredTask{putTwice}},
		{"unloaded-module-text", "BUG: unable to handle kernel paging request in call_handler", "", load, []deferredTask{unload, callHandler}},
		{"unloaded-module-data", "BUG: unable to handle kernel paging request in use_data", "", load, []deferredTask{unload, useData}},
		{"timer-under-its-lock", "possible deadlock in self_delete", "", func(k *sim.K, w *deferredWorld) {
			k.TimerSetup(&w.timer, "tick", func(k *sim.K) { selfDelete(k, w) })
		}, []deferredTask{arm}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := sim.NewMachine()
			defer m.Close()
			schedule, err := sim.ParseSchedule(cmp.Or(test.schedule, "-"))
			if err != nil {
				t.Fatal(err)
			}
			replay := sim.NewReplay(schedule)
			v := m.Record(deferredProgram(test.prepare, nil, test.tasks...), replay).Violation
			if err := replay.Done(); err != nil {
				t.Fatal(err)
			}
			if v == nil {
				t.Fatal("no rule is broken")
			}
			if v.Title != test.title {
				t.Errorf("the title is %q, want %q", v.Title, test.title)
			}
			text := v.Title + "\n\n" + v.Report
			if len(v.Waits) > 0 {
				text += "\n" + strings.Join(v.Waits, "\n") + "\n"
			}
			text = strings.ReplaceAll(text, "sim_test/", "sim/")
			golden(t, test.name, lineNumber.ReplaceAllString(text, ".go:N"))
		})
	}
}
