package kprobes

import "trapline/sim"

// CallHolder is what a design with [Calls] has besides: static calls of the kernel
// that modules make as well, each of which has to be patched when it changes.
type CallHolder interface {
	Scheme
	// NewStaticCall is a static call of the kernel. It is for the setup.
	NewStaticCall(k *sim.K, name string) *StaticCall
	// StaticCallAddModule is told of a module that comes and makes these static calls.
	// If that fails the module is not loaded.
	StaticCallAddModule(k *sim.K, mod *sim.Module, keys ...*StaticCall) error
	// StaticCallDelModule is told when it goes.
	StaticCallDelModule(k *sim.K, mod *sim.Module, keys ...*StaticCall)
}

// StaticCall is struct static_call_key. Its one pointer is to the places in the kernel
// itself as long as no module makes the call, which its lowest bit says, and after that
// to a list.
type StaticCall struct {
	name  string
	sites bool
	mods  []*staticCallMod
	data  sim.Data
}

// staticCallMod is struct static_call_mod: the places in one module, or in the kernel.
type staticCallMod struct {
	life sim.Life
	mod  *sim.Module
}

// GeneralProtection is an address that is none.
var GeneralProtection = sim.Kind{Name: "general-protection", Class: "general protection fault"}

// NewStaticCall is part of [CallHolder].
func (d *today) NewStaticCall(k *sim.K, name string) *StaticCall {
	key := &StaticCall{name: name, sites: true}
	key.data.Init(k, name)
	return key
}

// StaticCallAddModule is part of [CallHolder].
func (d *today) StaticCallAddModule(k *sim.K, mod *sim.Module, keys ...*StaticCall) error {
	k.MutexLock(&d.staticCallMutex)
	defer k.MutexUnlock(&d.staticCallMutex)
	for _, key := range keys {
		if err := key.addMod(k, mod); err != nil {
			d.staticCallDelModule(k, mod, keys) // static_call_module_notify()
			return err
		}
	}
	return nil
}

// addMod is what static_call_init() does for a call of a module. The caller holds
// static_call_mutex.
func (key *StaticCall) addMod(k *sim.K, mod *sim.Module) error {
	first, err := newStaticCallMod(k, mod)
	if err != nil {
		return err
	}
	key.data.Write(k)
	if key.sites {
		first.mod = nil
		key.sites, key.mods = false, append(key.mods, first)
		if first, err = newStaticCallMod(k, mod); err != nil {
			return err
		}
	}
	key.data.Write(k)
	key.mods = append(key.mods, first)
	return nil
}

func newStaticCallMod(k *sim.K, mod *sim.Module) (*staticCallMod, error) {
	m := &staticCallMod{mod: mod}
	return m, k.Kzalloc(&m.life, "static_call_mod", sim.GFPKernel)
}

// StaticCallDelModule is part of [CallHolder].
func (d *today) StaticCallDelModule(k *sim.K, mod *sim.Module, keys ...*StaticCall) {
	k.MutexLock(&d.staticCallMutex)
	d.staticCallDelModule(k, mod, keys)
	k.MutexUnlock(&d.staticCallMutex)
}

// staticCallDelModule is static_call_del_module(). The caller holds static_call_mutex.
func (d *today) staticCallDelModule(k *sim.K, mod *sim.Module, keys []*StaticCall) {
	for _, key := range keys {
		if !d.former.hasMods(key) {
			break // memory had run out here, and so none of the rest was touched
		}
		key.delMod(k, mod)
	}
}

// delMod is the rest of static_call_del_module().
func (key *StaticCall) delMod(k *sim.K, mod *sim.Module) {
	key.data.Read(k)
	if key.sites {
		k.Fail(&sim.Violation{Kind: GeneralProtection, Subject: key.name + "->mods is an odd address"})
	}
	for i, m := range key.mods {
		if m.mod == mod {
			key.data.Write(k)
			key.mods = append(key.mods[:i:i], key.mods[i+1:]...)
			k.Kfree(&m.life)
			return
		}
	}
}

// staticCallKeyHasMods is static_call_key_has_mods().
func staticCallKeyHasMods(key *StaticCall) bool { return !key.sites }

// Forget frees what a static call keeps for ever. It is for the end of a scenario.
func (key *StaticCall) Forget(k *sim.K) {
	for _, m := range key.mods {
		k.Kfree(&m.life)
	}
}

var _ = sim.Plumbing("add_mod", "del_mod", "forget", "new_static_call_mod")
