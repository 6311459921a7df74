package sim_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
	"trapline/sim/memory"
)

func load(k *sim.K, w *deferredWorld) {
	k.InitModules(&w.modules)
	_ = k.LoadModule(&w.modules, &w.mod, "probe", nil, nil)
	w.x.Init(k, "probe_data", 0)
	w.x.In(w.mod.Memory())
}

func unload(k *sim.K, w *deferredWorld) {
	err := k.DeleteModule(&w.mod)
	for i, want := range []error{nil, sim.EAGAIN, sim.EBUSY} {
		if errors.Is(err, want) {
			w.seen[0] = i + 1
		}
	}
}

func probeHandler(k *sim.K, w *deferredWorld) { w.y.Read(k) }

func callHandler(k *sim.K, w *deferredWorld) {
	w.mod.Call(k, func(k *sim.K) { probeHandler(k, w) })
	w.seen[1] = 1
}

func callSafely(k *sim.K, w *deferredWorld) {
	if k.TryModuleGet(&w.mod) {
		callHandler(k, w)
		k.ModulePut(&w.mod)
	}
}

func useData(k *sim.K, w *deferredWorld) { w.x.Read(k) }

func TestModules(t *testing.T) {
	const gone = "unloaded-module: BUG: unable to handle kernel paging request in "
	withGrace := func(k *sim.K, w *deferredWorld) {
		w.mod.Grace = func(k *sim.K) { k.WaitForCompletion(&w.done) }
		load(k, w)
	}
	told := func(k *sim.K, w *deferredWorld) {
		k.InitModules(&w.modules)
		k.RegisterModuleNotifier(&w.modules, func(_ *sim.K, _ *sim.Module, state sim.ModuleState) error {
			w.seen[1] = w.seen[1]*10 + int(state) + 1
			if w.seen[2] == 1 && state == sim.ModuleStateComing {
				return sim.EINVAL
			}
			return nil
		})
	}
	begin := func(k *sim.K, w *deferredWorld) {
		_ = k.LoadModule(&w.modules, &w.mod, "probe", func(*sim.K) error { w.seen[2] += 2; return nil }, func(*sim.K) { w.seen[2] += 4 })
	}
	tryDeferred(t, []deferredCase{
		{"unloaded", nil, []string{"1 0 0"}, load, []deferredTask{unload}},
		{"unloaded twice at once", nil, []string{"1 0 0"}, load, []deferredTask{unload, unload}},
		{"called with a reference", nil, []string{"1 0 0", "1 1 0", "2 1 0"}, load, []deferredTask{unload, callSafely}},
		{"called without a reference", []string{gone + "call_handler", gone + "probe_handler"}, nil, load, []deferredTask{unload, callHandler}},
		{"its data used", []string{gone + "use_data"}, nil, load, []deferredTask{unload, useData}},
		{"called after a grace period", nil, []string{"1 1 0"}, withGrace, []deferredTask{unload, func(k *sim.K, w *deferredWorld) {
			callHandler(k, w)
			k.Complete(&w.done)
		}}},
		{"a timer left armed", []string{gone + "probe_handler", gone + "t0/tick"}, nil, load, []deferredTask{then(armTick, unload)}},
		{"a timer deleted by the exit function", nil, []string{"1 0 0"}, func(k *sim.K, w *deferredWorld) {
			k.InitModules(&w.modules)
			_ = k.LoadModule(&w.modules, &w.mod, "probe", nil, func(k *sim.K) { k.TimerDeleteSync(&w.timer) })
			armTick(k, w)
		}, []deferredTask{unload}},
		{"the notifiers are told", nil, []string{"1 213 6"}, told, []deferredTask{then(begin, unload)}},
		{"a notifier refuses", nil, []string{"0 23 1"}, func(k *sim.K, w *deferredWorld) { told(k, w); w.seen[2] = 1 }, []deferredTask{then(begin, unload)}},
		{"a reference given back twice", []string{"misuse: WARNING in put_twice"}, nil, load, []deferredTask{putTwice}},
		{"a reference given back by who has none", []string{"misuse: WARNING in put"}, []string{"0 0 0"}, load, []deferredTask{
			func(k *sim.K, w *deferredWorld) { k.ModuleGet(&w.mod) }, put,
		}},
		{"a reference kept", nil, []string{"2 0 0"}, load, []deferredTask{func(k *sim.K, w *deferredWorld) {
			k.TryModuleGet(&w.mod)
			k.ModuleGet(&w.mod)
			k.ModulePut(&w.mod)
			unload(k, w)
		}}},
		{"live or not", nil, []string{"1 1 0", "1 2 0"}, load, []deferredTask{unload, func(k *sim.K, w *deferredWorld) { note(w, 1, k.ModuleIsLive(&w.mod)) }}},
	})
}

func armTick(k *sim.K, w *deferredWorld) {
	k.TimerSetup(&w.timer, "tick", w.mod.Func(func(k *sim.K) { probeHandler(k, w) }))
	k.ModTimer(&w.timer)
}

func putTwice(k *sim.K, w *deferredWorld) {
	k.TryModuleGet(&w.mod)
	k.ModulePut(&w.mod)
	k.ModulePut(&w.mod)
}

func put(k *sim.K, w *deferredWorld) { k.ModulePut(&w.mod) }

// To call a module orders nothing but by the memory of the module: with a weak model
// plain data that was accessed before races with what comes after the unloading.
func TestModulesDoNotOrderData(t *testing.T) {
	r, err := explore.Run(context.Background(), func(m *sim.Machine) {
		k, ms, mod, c := m.Setup(), &sim.Modules{}, &sim.Module{}, &sim.Cell[int]{}
		k.InitModules(ms)
		c.Init(k, "c")
		_ = k.LoadModule(ms, mod, "probe", nil, nil)
		m.Go("call", func(k *sim.K) { c.Set(k, 1); mod.Call(k, func(*sim.K) {}) })
		m.Go("unload", func(k *sim.K) { _ = k.DeleteModule(mod); c.Get(k) })
	}, explore.Options{Memory: memory.LKMM})
	if err != nil || !slices.ContainsFunc(r.Findings, func(f *explore.Finding) bool { return f.Violation.Kind == sim.DataRace }) {
		t.Errorf("%v, %v: no data race", r.Findings, err)
	}
}
