package linux

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// Config says which program is to run, and what it is given.
type Config struct {
	// Path is what the program calls its own file. It is absolute, in the tree that
	// the program sees.
	Path string
	// Program is the content of the file. It must not be written any more.
	Program []byte
	// Args are the arguments, from argv[0] on, and Env the environment.
	Args, Env []string
	// Mounts are trees of files that the program may read. What it writes there
	// stays in memory.
	Mounts []Mount
	// Dir is the directory that the program starts in, "/" if it is empty.
	Dir string
	// Stdin, Stdout and Stderr are the open files 0, 1 and 2; those that are nil are
	// empty. Other threads go on while one waits for Stdin, until they wait as well or
	// a hundredth of a second of virtual time has passed; then all wait for the host.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Seed decides the order of threads, when pages arrive, and what getrandom(2)
	// returns.
	Seed uint64
	// MaxInsns is how many instructions all threads may execute together, and
	// MaxMemory how many bytes the program may use, 0 for no limit.
	MaxInsns, MaxMemory uint64
	// Interrupted, if it is not nil, is asked every now and then whether the run is
	// to be given up.
	Interrupted func() bool
	// CPUs is how many processors the program is told of, 1 if it is 0.
	CPUs int

	// Notes is where the user is told of things that the program does not tell: by
	// which signal it was killed. Verbose adds system calls that there are not.
	Notes   io.Writer
	Verbose bool
	// Probes is called where the kernel calls uprobes, nil for nobody.
	Probes Probes
}

// A Mount is a granted tree of files and the absolute name of the directory
// where the program sees it.
type Mount struct {
	At    string
	Files fs.FS
}

// Result is what became of a program.
type Result struct {
	// Status is the exit status of the first process as wait(2) has it: the status
	// times 256, or the number of the signal that killed it, with 128 added if it
	// left a core.
	Status int
	// Exhausted is the budget that ended the run, [NoBudget] if none did.
	Exhausted Budget
	// Insns is the number of instructions, Calls that of system calls, and Faults
	// that of page faults.
	Insns, Calls, Faults uint64
	// Time is the virtual time that has passed, in nanoseconds.
	Time int64
	// Hash identifies what has happened: see [sim.Outcome].
	Hash uint64
}

// A Budget is a limit of what a run may take.
type Budget string

// The budgets of a [Config]: MaxInsns, MaxMemory and Interrupted.
const (
	NoBudget     Budget = ""
	Instructions Budget = "instructions"
	Memory       Budget = "memory"
	Time         Budget = "time"
)

// ExitCode is the status as a shell shows it.
func (r Result) ExitCode() int {
	if sig := r.Status & 0x7f; sig != 0 {
		return 128 + sig
	}
	return r.Status >> 8 & 0xff
}

// A system is a running kernel.
type system struct {
	Config
	probes Probes
	lock   sim.Object // every system call is a step on it
	stdin  *hostStream
	root   *node
	proc   *node

	lastIno   uint64
	lastPID   int
	processes []*process
	// initProcess takes in orphans. It has no threads, so they are reaped at once.
	initProcess *process
	first       *process
	over        bool // the first process has ended
	status      int

	threads, maxThreads int
	idle                []*slot
	spawn               *spawner
	strategy            *scheduler

	cpus     []*vm.CPU // that no thread uses
	sleepers []*Thread
	futexes  map[futexKey][]*futexWaiter
	timers   []*timer
	clock
	disk      *pagecache.FS // where files are
	rng       uint64
	insns     uint64
	calls     uint64
	faults    uint64
	used      uint64 // bytes of files in memory
	out       Budget // that is used up
	failed    error
	execError error // why the last program could not be loaded
	table     map[uint64]call
	unknown   map[uint64]bool // system calls that the user has been told of
}

const defaultThreads = 500

// ErrKernel is a rule that the simulated kernel itself has broken.
var ErrKernel = errors.New("the simulated kernel has broken a rule of its own, please report it")

// Run runs a program to its end. The error is about what the user has given: a
// file that is no static x86-64 program, for one. It is also an error if the
// simulated kernel breaks one of its own rules.
func Run(c Config) (Result, error) {
	m := sim.NewMachine()
	defer m.Close()
	m.MaxSteps = int(^uint(0) >> 1)
	m.Forgetful = true
	var s *system
	strategy := &scheduler{}
	o := m.Run(func(m *sim.Machine) {
		strategy.reset(c.Seed)
		s = newSystem(m.Setup(), c)
		s.strategy = strategy
		s.disk = pagecache.NewServer(m, "disk")
		strategy.idle = m.Daemon("idle", s.idleLoop)
		s.spawn = newSpawner(m, s)
		m.Go("init", s.boot)
	}, strategy)
	r := Result{Status: s.status, Exhausted: s.out, Insns: s.insns, Calls: s.calls, Faults: s.faults, Time: s.now, Hash: o.Hash}
	switch {
	case s.failed != nil:
		return r, s.failed
	case s.out != NoBudget:
		return r, nil
	case o.Violation != nil && o.Violation.Kind != sim.Deadlock:
		return r, fmt.Errorf("%w: %w", ErrKernel, o.Violation)
	case !s.over:
		return r, errors.New("every thread of the program waits for something that cannot come")
	}
	return r, nil
}

func newSystem(k *sim.K, c Config) *system {
	s := &system{Config: c, probes: c.Probes, lastPID: firstPID - 1, maxThreads: defaultThreads, futexes: map[futexKey][]*futexWaiter{}, table: callTable(), unknown: map[uint64]bool{}}
	s.CPUs = max(1, c.CPUs)
	s.rng = c.Seed
	s.lock.Init(k, "kernel")
	s.stdin = &hostStream{r: c.Stdin}
	s.clock.init(k)
	s.initProcess = &process{pid: 1, pgid: 1, sid: 1, comm: "init"}
	s.processes = []*process{s.initProcess}
	s.buildTree()
	return s
}

// boot starts the first program, in the task that then runs its first thread.
func (s *system) boot(k *sim.K) {
	t := &Thread{sys: s, k: k, tid: s.newPID(), origRAX: noCall}
	t.wait.Init(k, "thread")
	t.wait.Allow(ready)
	p := &process{pid: t.tid, pgid: t.tid, sid: t.tid, parent: s.initProcess, exitSignal: sigCHLD, threads: []*Thread{t}}
	s.initProcess.children = append(s.initProcess.children, p)
	s.processes = append(s.processes, p)
	s.first, t.proc = p, p
	t.sig = &sighand{users: 1}
	t.files = &fdTable{users: 1}
	t.fs = &fsInfo{cwd: s.root, umask: 0o022, users: 1}
	for fd, h := range []*hostStream{s.stdin, {w: s.Stdout}, {w: s.Stderr}} {
		mode := oWronly
		if fd == 0 {
			mode = 0
		}
		t.files.set(fd, descriptor{file: &file{ops: h, flags: mode, refs: 1, node: s.ttyNode(fd)}})
	}
	if s.Dir != "" {
		dir, err := t.find(s.root, s.Dir, true)
		if err != nil || !dir.isDir() {
			s.failed = fmt.Errorf("directory %s: there is none (grant one that holds it)", s.Dir)
			return
		}
		t.fs.cwd = dir
	}
	n, err := t.find(t.fs.cwd, s.Path, true)
	if err == nil {
		err = t.exec(n, s.Path, s.Args, s.Env)
	}
	if err != nil {
		if s.execError != nil {
			err = s.execError
		}
		s.failed = fmt.Errorf("%s: %w", s.Path, err)
		return
	}
	s.threads++
	t.run()
	s.ended(k)
}

// ended is what the task of a thread does at its end. The last one ends the run.
func (s *system) ended(k *sim.K) {
	k.Touch(&s.lock, sim.Write)
	s.threads--
	s.strategy.stop = s.threads == 0
}

// failedExec notes why a program cannot be loaded.
func (s *system) failedExec(name string, err error) {
	s.execError = err
	if s.first != nil && s.first.threads[0].space != nil {
		s.note("%s: %v", name, err)
	}
}

// charge counts bytes of files against the budget of memory.
func (s *system) charge(n uint64) bool {
	if s.MaxMemory != 0 && s.used+n > s.MaxMemory {
		return false
	}
	s.used += n
	return true
}

// full says that the budget of memory has no room for n more pages. A page that
// several processes have mapped counts for each.
func (s *system) full(n uint64) bool {
	if s.MaxMemory == 0 {
		return false
	}
	for _, p := range s.processes {
		if len(p.threads) > 0 && p.threads[0].space != nil {
			n += p.threads[0].space.mm.Pages()
		}
	}
	return n > s.MaxMemory/x86.PageSize
}

// exhausted notes which budget has ended the run.
func (s *system) exhausted(b Budget) {
	if s.out == NoBudget {
		s.out = b
	}
}

// stop ends the run at the end of a budget.
func (s *system) stop(t *Thread) {
	s.strategy.stop = true
	t.k.Step(opRun, &s.lock, sim.Write)
}

// spend counts instructions, each of which takes a nanosecond.
func (s *system) spend(n uint64) {
	s.insns += n
	s.now += int64(n)
}

// turns are the lengths of a slice of time, in instructions: one of these where there are
// other threads.
var turns = [...]uint64{20_000, 5_000, 50_000, 1_000, 10_000, 100_000, 2_000, 200}

// alone is the slice of a thread that has the machine for itself.
const alone = 2_000_000

// slice is how many instructions the thread may execute now, 0 to end the run.
func (s *system) slice(t *Thread) uint64 {
	if s.Interrupted != nil && s.Interrupted() {
		s.exhausted(Time)
		return 0
	}
	n := uint64(alone)
	if s.threads > 1 {
		n = turns[t.k.Choose(len(turns), "slice")]
	}
	if s.MaxInsns != 0 {
		if s.insns >= s.MaxInsns {
			s.exhausted(Instructions)
			return 0
		}
		n = min(n, s.MaxInsns-s.insns)
	}
	if d := s.deadline(); d != never && d > s.now {
		n = min(n, uint64(d-s.now))
	}
	return n
}

// note tells the user something.
func (s *system) note(format string, args ...any) {
	if s.Notes != nil {
		fmt.Fprintf(s.Notes, "trapline: "+format+"\n", args...)
	}
}

// random fills p with what getrandom(2) returns: splitmix64 from the seed.
func (s *system) random(p []byte) {
	for i := range p {
		if i%8 == 0 {
			s.rng += 0x9e3779b97f4a7c15
		}
		z := s.rng
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		p[i] = byte(z >> (i % 8 * 8))
	}
}

// running says that the file is the program of a process.
func (s *system) running(n *node) bool {
	for _, p := range s.processes {
		for _, t := range p.threads {
			if t.space != nil && t.space.exe == n {
				return true
			}
		}
	}
	return false
}
