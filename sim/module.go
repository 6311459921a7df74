package sim

// ModuleState is enum module_state.
type ModuleState uint8

// The states of a module. The notifiers are told of each when it begins.
const (
	ModuleStateLive ModuleState = iota
	ModuleStateComing
	ModuleStateGoing
)

// Module is struct module: code and data that are freed when it is unloaded. Code
// that belongs to it is run by [Module.Call]; data that belongs to it is placed
// inside [Module.Memory]. To run or use either after that is a page fault.
type Module struct {
	// Grace, if not nil, is what the kernel waits for between unlinking a module
	// and freeing it: readers of the flavour of RCU that the design relies on.
	Grace func(k *K)

	o      Object
	memory Life
	state  ModuleState
	refs   int
	loaded bool
	exit   func(k *K)
	in     *Modules
}

// Modules is what modules have in common: the chain of those who are told when one
// comes or goes.
type Modules struct {
	sem       RWSem
	notifiers Cell[[]ModuleNotifier]
}

// ModuleNotifier is told what a module is about to be. Only what it returns for
// ModuleStateComing matters: an error keeps the module from being loaded.
type ModuleNotifier func(k *K, mod *Module, state ModuleState) error

// NoModule is the use of code or data of a module that was unloaded.
var NoModule = Kind{"unloaded-module", "BUG: unable to handle kernel paging request"}

var (
	opLoadModule   = NewOp("load_module(%s)")
	opModuleLive   = NewOp("do_init_module(%s)")
	opDeleteModule = NewOp("delete_module(%s)")
	opFreeModule   = NewOp("free_module(%s)")
	opTryModuleGet = NewOp("try_module_get(%s)")
	opModuleGet    = NewOp("__module_get(%s)")
	opModulePut    = NewOp("module_put(%s)")
	opModuleCall   = NewOp("call(%s)")
	opModuleIsLive = NewOp("module_is_live(%s)")
)

// InitModules prepares the chain of notifiers.
func (k *K) InitModules(ms *Modules) {
	*ms = Modules{}
	k.InitRWSem(&ms.sem, "module_notify_list.rwsem")
	ms.notifiers.Init(k, "module_notify_list")
}

// RegisterModuleNotifier is register_module_notifier(). It might sleep.
func (k *K) RegisterModuleNotifier(ms *Modules, n ModuleNotifier) {
	k.DownWrite(&ms.sem)
	all := ms.notifiers.Get(k)
	ms.notifiers.Set(k, append(all[:len(all):len(all)], n))
	k.UpWrite(&ms.sem)
}

// notify calls the notifiers.
func (k *K) notify(mod *Module, state ModuleState) (err error) {
	k.DownRead(&mod.in.sem)
	defer k.UpRead(&mod.in.sem)
	for _, n := range mod.in.notifiers.Get(k) {
		if err = n(k, mod, state); err != nil {
			return err
		}
	}
	return nil
}

// LoadModule is load_module(): the module comes, start runs as code of the module,
// and the module is live. If a notifier or start fails it goes again, and the error
// is returned. exit runs when the module is unloaded; either may be nil.
func (k *K) LoadModule(ms *Modules, mod *Module, name string, start func(k *K) error, exit func(k *K)) error {
	*mod = Module{Grace: mod.Grace, in: ms, exit: exit, state: ModuleStateComing}
	mod.o.init(k, name)
	mod.memory = Life{state: allocated, by: k, module: mod}
	mod.memory.o.init(k, name)
	k.orderedBy(&mod.memory.o, asPlain)
	k.MightSleep(name)
	k.Step(opLoadModule, &mod.o, Write)
	mod.loaded = true
	err := k.notify(mod, ModuleStateComing)
	if err == nil && start != nil {
		mod.Call(k, func(k *K) { err = start(k) })
	}
	if err != nil {
		k.Step(opModuleLive, &mod.o, Write)
		mod.state = ModuleStateGoing
		k.unloadModule(mod)
		return err
	}
	k.Step(opModuleLive, &mod.o, Write)
	mod.state = ModuleStateLive
	_ = k.notify(mod, ModuleStateLive)
	return nil
}

// DeleteModule is delete_module(): it unloads the module. It returns EBUSY if the
// module is not live, and EAGAIN if somebody has a reference to it.
func (k *K) DeleteModule(mod *Module) error {
	k.MightSleep(mod.o.name)
	k.Step(opDeleteModule, &mod.o, Write)
	switch {
	case !mod.loaded:
		return ENOENT
	case mod.state != ModuleStateLive:
		return EBUSY
	case mod.refs > 0:
		return EAGAIN
	}
	mod.state = ModuleStateGoing
	if mod.exit != nil {
		mod.Call(k, mod.exit)
	}
	k.unloadModule(mod)
	return nil
}

// unloadModule tells the notifiers that a module goes, and frees it.
func (k *K) unloadModule(mod *Module) {
	_ = k.notify(mod, ModuleStateGoing)
	if mod.Grace != nil {
		mod.Grace(k)
	}
	k.Step(opFreeModule, &mod.memory.o, Write)
	k.Touch(&mod.o, Write)
	mod.loaded = false
	k.end(&mod.memory)
}

// TryModuleGet is try_module_get(): it takes a reference unless the module is
// going, and says whether it did. While there is a reference the module stays.
func (k *K) TryModuleGet(mod *Module) bool {
	k.Step(opTryModuleGet, &mod.o, Add)
	if !k.noted(mod.loaded && mod.state != ModuleStateGoing) {
		return false
	}
	mod.refs++
	return true
}

// ModuleGet is __module_get(): it takes a reference where the module is known to
// stay, as the caller has one.
func (k *K) ModuleGet(mod *Module) {
	k.Step(opModuleGet, &mod.o, Add)
	mod.refs++
}

// ModulePut is module_put(): it gives a reference back. Whether it had one depends on
// those who take them, so it does not commute with them.
func (k *K) ModulePut(mod *Module) {
	k.Step(opModulePut, &mod.o, Write)
	mod.refs--
	if mod.refs < 0 {
		k.misused("module_put: no reference to " + mod.o.name + " is left")
	}
}

// ModuleIsLive is module_is_live(): the module is not going.
func (k *K) ModuleIsLive(mod *Module) bool {
	k.Step(opModuleIsLive, &mod.o, Read)
	return k.noted(mod.loaded && mod.state != ModuleStateGoing)
}

// Memory is the life of what the module consists of, for In.
func (mod *Module) Memory() *Life { return &mod.memory }

// Call runs f as code of the module: to call it is a step, and every step of f
// needs the module to be there still.
func (mod *Module) Call(k *K, f func(k *K)) {
	k.Step(opModuleCall, &mod.memory.o, Read)
	mod.memory.MustBeAlive(k, mod.o.name, Read)
	k.text = append(k.text, mod)
	f(k)
	k.text = k.text[:len(k.text)-1]
}

// Func is f as a function of the module, for timers, work items and the like. It
// is not inlined, or the closure would pass for a function of the caller.
//
//go:noinline
func (mod *Module) Func(f func(k *K)) func(k *K) {
	return func(k *K) { mod.Call(k, f) }
}

// fetch is the part of each step that reads the instructions: the modules whose
// functions are on the stack have to be there.
func (k *K) fetch() {
	for _, mod := range k.text {
		k.m.enter(&mod.memory.o, Read, 0)
		mod.memory.MustBeAlive(k, mod.o.name, Read)
	}
}

// unloaded is the violation of using memory of a module that is gone.
func (mod *Module) unloaded(k *K, what string, mode Mode) *Violation {
	v := &Violation{Kind: NoModule, Subject: what + " of module " + mod.o.name + ", which was unloaded"}
	v.write = func(r *splat) {
		address := k.m.address(&mod.memory.o) | 0xffffffff00000000 | 0xc0000000
		access, code := "instruction fetch", 0x10
		if what != mod.o.name {
			access, code = "read access", 0
			if mode != Read {
				access, code = "write access", 2
			}
		}
		r.line("BUG: unable to handle page fault for address: %016x", address)
		r.line("#PF: supervisor %s in kernel mode", access)
		r.line("#PF: error_code(0x%04x) - not-present page", code)
		r.line("Oops: Oops: %04x [#1] PREEMPT SMP", code)
		r.line("RIP: 0010:%s", top(r.stack))
		r.trace(k, r.stack)
		r.line("Modules linked in: [last unloaded: %s]", mod.o.name)
		r.line("Unloaded by task %d:", mod.memory.freeBy.pid())
		r.frames(" ", mod.memory.freed)
	}
	return v
}
