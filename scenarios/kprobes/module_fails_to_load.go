package kprobes

import (
	"trapline/probes/kprobes"
	"trapline/scenarios/catalogue"
	"trapline/sim"
)

// ModuleFailsToLoad loads a module that makes two static calls when memory may have
// run out.
var ModuleFailsToLoad = add(Scenario{
	Scenario: catalogue.Scenario{
		Name: "module-fails-to-load",
		Asks: "Is a module that was set up by half taken down by half?",
		From: "commit 4b30051c4864",
		Story: "A static call knows the places from where it is made, to patch them. For those in the " +
			"kernel it has a pointer to them, with the lowest bit set; when a module makes the call " +
			"as well that becomes a list. If there is no memory for one of them the module is not " +
			"loaded, and its calls are taken down, all of them: up to 6.10 the pointer of a call " +
			"that had not been turned into a list was followed as if it had. Now the first such call " +
			"is where it ends.",
	},
	Needs: kprobes.Calls,
	Setup: func(w *World) {
		d := w.Scheme.(kprobes.CallHolder)
		one, other := d.NewStaticCall(w.K, "key1"), d.NewStaticCall(w.K, "key2")
		var mod sim.Module
		var mods sim.Modules
		w.K.InitModules(&mods)
		w.K.RegisterModuleNotifier(&mods, func(k *sim.K, mod *sim.Module, state sim.ModuleState) error {
			if state == sim.ModuleStateComing {
				return d.StaticCallAddModule(k, mod, one, other)
			}
			if state == sim.ModuleStateGoing {
				d.StaticCallDelModule(k, mod, one, other)
			}
			return nil
		})
		w.M.AllocMayFail = true
		w.M.Go("modprobe", func(k *sim.K) {
			if k.LoadModule(&mods, &mod, "module", nil, nil) == nil {
				must(k, k.DeleteModule(&mod))
			}
		})
		w.AtRest = func(k *sim.K) {
			one.Forget(k)
			other.Forget(k)
		}
	},
})
