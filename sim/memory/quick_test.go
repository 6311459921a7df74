package memory

import ("testing";"fmt";"time")

func count(t *testing.T, name string, p Program) {
	for _, o := range []Options{{Model: SC}, {Model: TSO}, {Model: LKMM}, {Model: LKMM, LoadBuffering: true}} {
		states := map[string]int{}
		start := time.Now()
		c, err := Explore(p, o, func(s *State) { states[fmt.Sprint(s.Regs, s.Mem)]++ })
		fmt.Println(name, o.Model, o.LoadBuffering, c, err, "states", len(states), time.Since(start))
	}
}

func sb(n int, fence bool) Program {
	p := Program{Locations: n}
	for i := range n {
		p.Tasks = append(p.Tasks, func(c *Core) {
			c.Store(Addr(i), Const(1), Once)
			if fence { c.Fence(Mb) }
			c.Set(0, c.Load(Addr((i+1)%n), Once))
		})
	}
	return p
}
func inc(v Value) Value { return Op(func(a, b int64) int64 { return a + b }, v, Const(1)) }

func TestQuick(t *testing.T) {
	count(t, "sb2", sb(2, false))
	count(t, "sb6", sb(6, false))
	count(t, "sb6+mb", sb(6, true))
	var race, atomic, lock4, lock5 Program
	race.Locations, atomic.Locations, lock4.Locations = 1, 1, 2
	for range 5 {
		race.Tasks = append(race.Tasks, func(c *Core) { c.Store(Addr(0), inc(c.Load(Addr(0), Once)), Once) })
		atomic.Tasks = append(atomic.Tasks, func(c *Core) { c.RMW(Addr(0), Void, func(v Value) (Value, bool) { return inc(v), true }) })
		lock4.Tasks = append(lock4.Tasks, func(c *Core) { c.Lock(Addr(1)); c.Store(Addr(0), inc(c.Load(Addr(0), Plain)), Plain); c.Unlock(Addr(1)) })
	}
	lock5 = lock4
	lock4.Tasks = lock4.Tasks[:4]
	count(t, "race5", race)
	count(t, "atomic5", atomic)
	count(t, "lock4", lock4)
	count(t, "lock5", lock5)
	lb := Program{Locations: 2}
	for i := range 2 {
		lb.Tasks = append(lb.Tasks, func(c *Core) { c.Set(0, c.Load(Addr(i), Once)); c.Store(Addr(1-i), Const(1), Once) })
	}
	count(t, "lb", lb)
	rcu := Program{Locations: 2}
	rcu.Tasks = append(rcu.Tasks, func(c *Core) { c.Store(Addr(0), Const(1), Once); c.Fence(SyncRCU); c.Store(Addr(1), Const(1), Once) })
	for range 5 {
		rcu.Tasks = append(rcu.Tasks, func(c *Core) { c.RCULock(); c.Set(0, c.Load(Addr(0), Once)); c.Set(1, c.Load(Addr(1), Once)); c.RCUUnlock() })
	}
	count(t, "rcu5", rcu)
}
