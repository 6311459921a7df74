package markers

import (
	"slices"

	"trapline/sim"
)

// moduleList is the kernel's list of modules, as far as the designs need it: which
// markers each holds.
type moduleList[M any] struct {
	mutex sim.Mutex
	list  sim.Data // protected by module_mutex
	live  []*sim.Module
	// of is what modules were compiled with, by module.
	of map[*sim.Module][]M
}

func (l *moduleList[M]) init(k *sim.K) {
	l.of = map[*sim.Module][]M{}
	k.MutexInit(&l.mutex, "module_mutex")
	l.list.Init(k, "modules")
}

// hold says that a module has a marker.
func (l *moduleList[M]) hold(mod *sim.Module, m M) { l.of[mod] = append(l.of[mod], m) }

// update is module_update_markers(): it calls f with the markers of each module.
func (l *moduleList[M]) update(k *sim.K, f func(k *sim.K, markers []M)) {
	k.MutexLock(&l.mutex)
	l.each(k, f)
	k.MutexUnlock(&l.mutex)
}

// each is what it does under module_mutex.
func (l *moduleList[M]) each(k *sim.K, f func(k *sim.K, markers []M)) {
	l.list.Read(k)
	for _, mod := range l.live {
		f(k, l.of[mod])
	}
}

// coming puts a module on the list, and calls f with its markers.
func (l *moduleList[M]) coming(k *sim.K, mod *sim.Module, f func(k *sim.K, markers []M)) {
	k.MutexLock(&l.mutex)
	l.list.Write(k)
	l.live = append(l.live, mod)
	f(k, l.of[mod])
	k.MutexUnlock(&l.mutex)
}

// going takes a module off the list.
func (l *moduleList[M]) going(k *sim.K, mod *sim.Module) {
	k.MutexLock(&l.mutex)
	l.list.Write(k)
	l.live = slices.DeleteFunc(l.live, func(x *sim.Module) bool { return x == mod })
	delete(l.of, mod)
	k.MutexUnlock(&l.mutex)
}
