package sim

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Go adds a task that runs f. Only the program may call it, and only while it
// sets up an execution.
func (m *Machine) Go(name string, f func(k *K)) TaskID {
	return m.spawn(m.tasks[0], name, false, Task, f).id
}

// Daemon is Go for a task that serves others for ever: an execution may end
// while it waits.
func (m *Machine) Daemon(name string, f func(k *K)) TaskID {
	return m.spawn(m.tasks[0], name, true, Task, f).id
}

// spawn gives parent its next child. The child runs at once up to its first
// step, so that every live task always has a step pending; the children of the
// setup do so in loop, when the world they are to act on is complete.
func (m *Machine) spawn(parent *K, name string, daemon bool, ctx Context, f func(k *K)) *K {
	return m.spawnOn(parent, name, daemon, ctx, nil, f)
}

// spawnOn is spawn on a certain CPU.
func (m *Machine) spawnOn(parent *K, name string, daemon bool, ctx Context, c *cpu, f func(k *K)) *K {
	n := parent.nchildren
	parent.nchildren++
	if n == len(parent.children) {
		child := &K{m: m, id: m.ids.ofTask(parent.id, n), order: childOrder(parent, n), dead: true}
		for len(m.tasks) <= int(child.id) {
			m.tasks = append(m.tasks, nil)
		}
		m.tasks[child.id] = child
		parent.children = append(parent.children, child)
	}
	k := parent.children[n]
	if k.dead {
		k.next, k.stop = iter.Pull(k.body)
		k.dead = false
	}
	k.reset()
	k.daemon, k.ctx, k.f, k.parent = daemon, ctx, f, parent
	k.call(name, parent, n)
	k.alive, k.born = true, m.runs
	k.wake.init(k, k.name)
	k.wake.Allow(woken)
	if m.weak != nil {
		k.orderedBy(&k.wake, fully)
	}
	k.chain = parent.chain
	if k.c = c; c == nil {
		k.c = m.cpus.place(k, parent)
	} else if c.thread == 0 {
		c.thread = k.id
	}
	k.guest = c != nil && c.many
	if m.States {
		m.bears(parent, k)
	}
	k.inherit(parent)
	i := len(m.live)
	m.live = append(m.live, k)
	for ; i > 0 && m.live[i-1].order > k.order; i-- {
		m.live[i] = m.live[i-1]
	}
	m.live[i] = k
	if !parent.setup {
		parent.Touch(&k.wake, Write)
		k.wake.Allow(born)
		if m.weak != nil {
			m.weak.bear(parent, k)
		}
		if m.States {
			m.tracking.actor = k
		}
		k.next()
		if m.aborting {
			panic(errUnwind)
		}
		if m.States {
			m.tracking.actor = parent
		}
	}
	return k
}

// call names the n-th child of parent. A task that is spawned by another goes by
// both names, and one that shares its name with an elder sibling by its number
// too, so that a name in a schedule means one task.
func (k *K) call(name string, parent *K, n int) {
	again := false
	for _, elder := range parent.children[:n] {
		again = again || elder.given == name
	}
	if k.given == name && k.again == again && k.under == parent.name {
		return // called so in an earlier execution
	}
	if name == "" || name[0] == '!' || strings.ContainsAny(name, "@,=") {
		panic(fmt.Sprintf("sim: a task cannot be called %q: schedules could not name it", name))
	}
	k.given, k.again, k.under, k.name = name, again, parent.name, name
	if !parent.setup {
		k.name = parent.name + "/" + name
	}
	if again {
		k.name += "." + strconv.Itoa(n+1)
	}
}

// A place among all tasks has so many bits for each generation, from the top.
const (
	generationBits = 12
	generations    = 5
	eldest         = generationBits * (generations - 1) // where the first one is
)

// childOrder places the n-th child of parent behind it and its elder children.
func childOrder(parent *K, n int) uint64 {
	depth := parent.depth()
	if n >= 1<<generationBits-1 || depth >= generations {
		panic("sim: a task spawned more than 4094 others, or they did so over more than 5 generations")
	}
	return parent.order | uint64(n+1)<<(eldest-generationBits*depth)
}
