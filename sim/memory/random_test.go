package memory

import (
	"fmt"

	"pgregory.net/rapid"
)

// instr is one instruction of a random program: data, so that machines of other kinds
// can run it too.
type instr struct {
	verb   string
	loc    int
	value  int64
	reg    int
	access Access
	order  Order
	fence  Fence
}

func (i instr) String() string {
	return fmt.Sprintf("%s(%s %d r%d a%d o%d f%d)", i.verb, names[i.loc], i.value, i.reg, i.access, i.order, i.fence)
}

// verbs that random programs are made of.
var (
	words    = []string{"load", "store", "load", "store", "copy", "guard", "rmw", "cmpxchg", "fence"}
	locking  = append([]string{"critical", "critical"}, words...)
	sections = append([]string{"rcu", "sync", "rcu"}, words...)
)

// drawn is a random program.
type drawn [][]instr

// draw makes a random program. Stores write distinct values for the most part.
func draw(t *rapid.T, verbs []string, tasks, length int) drawn {
	var d drawn
	next := int64(0)
	var one func(depth int, reg *int) []instr
	one = func(depth int, reg *int) []instr {
		i := instr{
			verb:   rapid.SampledFrom(verbs).Draw(t, "verb"),
			loc:    rapid.IntRange(x, y).Draw(t, "loc"),
			access: rapid.SampledFrom([]Access{Plain, Once, Once, Acquire}).Draw(t, "access"),
			order:  rapid.SampledFrom([]Order{Full, Relaxed, AcquireRMW, ReleaseRMW, Void}).Draw(t, "order"),
			fence:  rapid.SampledFrom([]Fence{Mb, Mb, Wmb, Rmb, BeforeAtomic, AfterAtomic}).Draw(t, "fence"),
			reg:    *reg,
		}
		next++
		i.value = next
		switch i.verb {
		case "load", "rmw", "cmpxchg", "copy", "guard":
			*reg++
		case "critical", "rcu":
			enter, leave := instr{verb: "lock", loc: l}, instr{verb: "unlock", loc: l}
			if i.verb == "rcu" {
				enter, leave = instr{verb: "rculock"}, instr{verb: "rcuunlock"}
			}
			body := []instr{enter}
			if depth == 0 {
				for range rapid.IntRange(1, 2).Draw(t, "inside") {
					body = append(body, one(1, reg)...)
				}
			}
			return append(body, leave)
		}
		return []instr{i}
	}
	for range tasks {
		var code []instr
		reg := 0
		for range rapid.IntRange(1, length).Draw(t, "length") {
			code = append(code, one(0, &reg)...)
		}
		d = append(d, code)
	}
	return d
}

// sound reports whether there are no critical sections inside of critical sections,
// which a spin lock does not allow, and no reader waits for itself.
func (d drawn) sound() bool {
	for _, code := range d {
		depth := 0
		for _, i := range code {
			switch i.verb {
			case "lock", "rculock":
				depth++
			case "unlock", "rcuunlock":
				depth--
			case "sync":
				if depth > 0 {
					return false
				}
			}
			if depth > 1 {
				return false
			}
		}
	}
	return true
}

// release is how a store is marked: the drawn access is for loads.
func release(a Access) Access {
	if a == Acquire {
		return Release
	}
	return a
}

// program makes the tasks of a random program, with a fence before one instruction of
// a task if at is not negative.
func (d drawn) program(task, at int) Program {
	p := Program{Locations: locations}
	for t, code := range d {
		p.Tasks = append(p.Tasks, func(c *Core) {
			for n, i := range code {
				if t == task && n == at {
					c.Fence(Mb)
				}
				i.run(c)
			}
		})
	}
	return p
}

func (i instr) run(c *Core) {
	switch i.verb {
	case "load":
		c.Set(i.reg, c.Load(Addr(i.loc), i.access))
	case "store":
		c.Store(Addr(i.loc), Const(i.value), release(i.access))
	case "copy":
		copyTo(i.reg, i.loc, 1-i.loc, 0, i.access, Once)(c)
	case "guard":
		when(i.reg, i.loc, i.access, w(1-i.loc, i.value))(c)
	case "rmw":
		inc(i.reg, i.loc, i.order)(c)
	case "cmpxchg":
		cmpxchg(i.reg, i.loc, 0, i.value, max(i.order, Full)%Void)(c)
	case "fence":
		c.Fence(i.fence)
	case "sync":
		c.Fence(SyncRCU)
	case "lock":
		c.Lock(Addr(i.loc))
	case "unlock":
		c.Unlock(Addr(i.loc))
	case "rculock":
		c.RCULock()
	case "rcuunlock":
		c.RCUUnlock()
	}
}

// states explores a random program and returns its final states.
func states(t *rapid.T, p Program, o Options) map[string]bool {
	all := map[string]bool{}
	seen := map[string]bool{}
	cover, err := Explore(p, o, func(s *State) {
		all[fmt.Sprint(s.Regs, s.Mem[:2])] = true
		mark := s.graph.fingerprint()
		if seen[mark] {
			t.Fatalf("%v: a graph is visited twice: %s", o, mark)
		}
		seen[mark] = true
	})
	if err != nil {
		t.Fatal(err)
	}
	if !cover.Complete && !o.LoadBuffering || cover.Executions != len(seen) {
		t.Fatalf("%v: %+v for %d graphs", o, cover, len(seen))
	}
	return all
}

// fingerprint tells complete graphs of one program apart.
func (g *graph) fingerprint() string {
	out, open := "", set(0)
	if g.model == LKMM {
		_, open = g.circles(&scratch{})
	}
	for m := g.all; m != 0; {
		e := m.take()
		out += fmt.Sprint(e, ":", g.event[e].from)
		if !open.has(e) {
			out += fmt.Sprint("=", g.event[e].value)
		}
		out += " "
	}
	return out + fmt.Sprint(g.co)
}

// machine is an operational machine for random programs: memory, and a store buffer
// for each task if it is buffered.
type machine struct {
	code     drawn
	buffered bool
	seen     map[string]bool
	ends     map[string]bool
}

type machineState struct {
	mem    [locations]int64
	at     []int
	inside []int // progress inside of an instruction of two steps
	regs   [][]int64
	buffer [][][2]int64
	open   []bool   // inside of an RCU section
	wait   [][]bool // whom a grace period waits for
}

func (s *machineState) clone() *machineState {
	c := &machineState{mem: s.mem}
	c.at = append(c.at, s.at...)
	c.inside = append(c.inside, s.inside...)
	c.open = append(c.open, s.open...)
	for t := range s.at {
		c.regs = append(c.regs, append([]int64(nil), s.regs[t]...))
		c.buffer = append(c.buffer, append([][2]int64(nil), s.buffer[t]...))
		c.wait = append(c.wait, append([]bool(nil), s.wait[t]...))
	}
	return c
}

// run returns the final states of a program on the machine.
func (d drawn) run(buffered bool) map[string]bool {
	m := &machine{d, buffered, map[string]bool{}, map[string]bool{}}
	n := len(d)
	m.visit(&machineState{
		at: make([]int, n), inside: make([]int, n), regs: make([][]int64, n),
		buffer: make([][][2]int64, n), open: make([]bool, n), wait: make([][]bool, n),
	})
	return m.ends
}

func (m *machine) visit(s *machineState) {
	key := fmt.Sprint(*s)
	if m.seen[key] {
		return
	}
	m.seen[key] = true
	done := true
	for t := range m.code {
		if len(s.buffer[t]) > 0 {
			done = false
			c := s.clone()
			c.mem[c.buffer[t][0][0]] = c.buffer[t][0][1]
			c.buffer[t] = c.buffer[t][1:]
			m.visit(c)
		}
		if s.at[t] < len(m.code[t]) {
			done = false
			if c := s.clone(); m.step(c, t, m.code[t][s.at[t]]) {
				m.visit(c)
			}
		}
	}
	if done {
		m.ends[fmt.Sprint(s.regs, s.mem[:2])] = true
	}
}

// step executes an instruction, or half of it; it reports false where the task has to
// wait.
func (m *machine) step(s *machineState, t int, i instr) bool {
	load := func(loc int) int64 {
		for n := len(s.buffer[t]) - 1; n >= 0; n-- {
			if b := s.buffer[t][n]; b[0] == int64(loc) {
				return b[1]
			}
		}
		return s.mem[loc]
	}
	store := func(loc int, v int64) {
		if m.buffered {
			s.buffer[t] = append(s.buffer[t], [2]int64{int64(loc), v})
			return
		}
		s.mem[loc] = v
	}
	set := func(v int64) {
		for len(s.regs[t]) <= i.reg {
			s.regs[t] = append(s.regs[t], 0)
		}
		s.regs[t][i.reg] = v
	}
	drained := len(s.buffer[t]) == 0
	half := func() bool { // after the first of two steps
		s.inside[t]++
		if s.inside[t] == 1 {
			return false
		}
		s.inside[t] = 0
		return true
	}
	switch i.verb {
	case "load":
		set(load(i.loc))
	case "store":
		store(i.loc, i.value)
	case "copy", "guard":
		if !half() {
			set(load(i.loc))
			return true
		}
		if i.verb == "copy" {
			store(1-i.loc, s.regs[t][i.reg])
		} else if s.regs[t][i.reg] != 0 {
			store(1-i.loc, i.value)
		}
	case "rmw", "cmpxchg":
		if !drained {
			return false
		}
		old := s.mem[i.loc]
		set(old)
		if i.verb == "rmw" {
			s.mem[i.loc] = old + 1
		} else if old == 0 {
			s.mem[i.loc] = i.value
		}
	case "fence":
		if i.fence == Mb && !drained {
			return false
		}
	case "lock":
		if !drained || s.mem[i.loc] != 0 {
			return false
		}
		s.mem[i.loc] = 1
	case "unlock":
		store(i.loc, 0)
	case "rculock":
		s.open[t] = true
	case "rcuunlock":
		s.open[t] = false
		for u := range s.wait {
			if s.wait[u] != nil {
				s.wait[u][t] = false
			}
		}
	case "sync":
		if !half() {
			s.wait[t] = append([]bool(nil), s.open...)
			return true
		}
		for _, waits := range s.wait[t] {
			if waits {
				return false
			}
		}
		s.wait[t] = nil
	}
	s.at[t]++
	return true
}
