package linux

import "trapline/sim"

// A scheduler is the strategy of a run: it draws from a seed who goes on. Time
// passes by itself only where nobody else can go on.
type scheduler struct {
	seed, state uint64
	idle        sim.TaskID
	stop        bool // the run is over
}

func (s *scheduler) reset(seed uint64) {
	s.seed, s.state, s.stop = seed, seed^0x7472_6170_6c69_6e65, false
}

// Restart goes back to the first choice.
func (s *scheduler) Restart() { s.reset(s.seed) }

// draw is the next number below n: xorshift64 after the generator of splitmix64.
func (s *scheduler) draw(n int) int {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

// Choose takes any task but the idle one, and any value.
func (s *scheduler) Choose(_ *sim.Machine, p *sim.Point) int {
	if s.stop {
		return -1
	}
	if p.N == 1 {
		return 0
	}
	if p.Tasks == nil {
		return s.draw(p.N)
	}
	n := p.N
	at := -1
	for i, id := range p.Tasks {
		if id == s.idle {
			at = i
			n--
		}
	}
	i := s.draw(n)
	if at >= 0 && i >= at {
		i++
	}
	return i
}

// A slot is a task that runs threads of programs, one after the other.
type slot struct {
	task   sim.Kthread
	o      sim.Object // allows busy while there is a thread to run
	thread *Thread
}

// busy is the way of a slot, and of the spawner, that says that there is work.
const busy sim.Wait = 1

var (
	opSlot  = sim.NewOp("ret_from_fork(%s)")
	opSpawn = sim.NewOp("kthreadd(%s)")
)

// A spawner makes slots. It is a task of its own, so that the slots have no
// ancestors among the threads.
type spawner struct {
	sys *system
	o   sim.Object
	new []*slot
}

func newSpawner(m *sim.Machine, s *system) *spawner {
	sp := &spawner{sys: s}
	sp.o.Init(m.Setup(), "kthreadd")
	m.Daemon("kthreadd", sp.loop)
	return sp
}

func (sp *spawner) loop(k *sim.K) {
	for {
		k.StepWait(opSpawn, &sp.o, sim.Write, busy)
		wanted := sp.new
		sp.new = nil
		sp.o.Forbid(busy)
		for _, sl := range wanted { // more may come meanwhile
			k.KthreadRun(&sl.task, "thread", sl.loop)
		}
	}
}

// start gives a new thread a task to run on.
func (s *system) start(k *sim.K, t *Thread) {
	s.threads++
	if n := len(s.idle); n > 0 {
		sl := s.idle[n-1]
		s.idle = s.idle[:n-1]
		sl.thread = t
		k.Touch(&sl.o, sim.Write)
		sl.o.Allow(busy)
		return
	}
	sl := &slot{thread: t}
	sl.o.Init(k, "slot")
	sl.o.Allow(busy)
	k.Touch(&s.spawn.o, sim.Write)
	s.spawn.new = append(s.spawn.new, sl)
	s.spawn.o.Allow(busy)
}

// loop runs the threads that the slot is given.
func (sl *slot) loop(k *sim.K) int {
	for {
		k.StepWait(opSlot, &sl.o, sim.Write, busy)
		t := sl.thread
		sl.o.Forbid(busy)
		sl.thread = nil
		t.k = k
		t.wait.Init(k, "thread")
		t.wait.Allow(ready)
		t.run()
		s := t.sys
		s.ended(k)
		s.idle = append(s.idle, sl)
	}
}
