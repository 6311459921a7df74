package explore

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"trapline/sim"
	"trapline/sim/memory"
)

// checkpointVersion changes when what an old search has saved would be taken for
// something else, or when a search goes another way.
const checkpointVersion = 4

// DefaultCheckpointEvery is how often Options.Checkpoint is called.
const DefaultCheckpointEvery = 5 * time.Second

// restAfter is how many times as long as a checkpoint took no other is made.
const restAfter = 10

// ErrResume is wrapped by the error of Run if Options.Resume cannot be resumed.
var ErrResume = errors.New("explore: this cannot be resumed")

func notResumed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrResume, fmt.Errorf(format, args...))
}

// sealed is a checkpoint with what tells whether it has been damaged.
type sealed struct {
	Version int             `json:"version"`
	Sum     string          `json:"sum"`
	State   json.RawMessage `json:"state"`
}

// checkpoint is the state of a search between two executions. Tasks, objects and
// footprints have the numbers of the search, whose meaning is in it; steps are
// known by their names. What the machine has learnt of the program would mean
// nothing to another process (places in the source are addresses), so the
// executions in which it did are there instead.
type checkpoint struct {
	Program     string `json:"program"`
	Strategy    string `json:"strategy"`
	Memory      string `json:"memory"`
	Preemptions int    `json:"preemptions"`
	Delays      int    `json:"delays,omitempty"`
	LockAware   bool   `json:"lock_aware,omitempty"`
	TaskSteps   int    `json:"task_steps,omitempty"`
	Seed        uint64 `json:"seed"`
	Depth       int    `json:"depth"`
	Shard       Shard  `json:"shard"`

	Begun    int            `json:"begun"`
	Counts   savedCounts    `json:"counts"`
	Found    []savedFinding `json:"found"`
	Learning []string       `json:"learning"`
	Unaware  []int          `json:"unaware,omitempty"` // of Learning: by a machine that was not aware of locks
	Ours     []int          `json:"ours,omitempty"`    // of Learning: by the search
	Known    int            `json:"known"`
	Names    sim.Names      `json:"names"`
	// Of a search that is aware of locks: that it has given that up, or what is known
	// of the sections.
	GivenUp bool        `json:"given_up,omitempty"`
	Habits  *sim.Habits `json:"habits,omitempty"`

	// One of these, by the strategy.
	Tree   *savedTree   `json:"tree,omitempty"`
	Walk   *savedWalk   `json:"walk,omitempty"`
	Graphs *savedGraphs `json:"graphs,omitempty"`
	States *savedStates `json:"states,omitempty"`
	// Outline is what the estimate goes by of the searches that draw none. Without it
	// the estimate begins anew.
	Outline *savedOutline `json:"outline,omitempty"`
	Next    int           `json:"next,omitempty"` // execution of a sample
}

// savedCounts is the part of a Result that is counted.
type savedCounts struct {
	Executions  int  `json:"executions"`
	Blocked     int  `json:"blocked"`
	Merged      int  `json:"merged"`
	Cut         int  `json:"cut"`
	Assumed     int  `json:"assumed,omitempty"`
	Steps       int  `json:"steps"`
	Longest     int  `json:"longest"`
	States      int  `json:"states,omitempty"`
	Transitions int  `json:"transitions,omitempty"`
	First       int  `json:"first"`
	Varying     bool `json:"varying"`
	TooLong     bool `json:"too_long"`
	Endless     bool `json:"endless,omitempty"`
}

// savedFinding is a finding in the making.
type savedFinding struct {
	Title       string `json:"title"`
	Schedule    string `json:"schedule"`
	Steps       int    `json:"steps"`
	Preemptions int    `json:"preemptions"`
}

// watch has checkpoints become due. It returns what ends that.
func (s *search) watch() func() {
	every := cmp.Or(s.options.CheckpointEvery, DefaultCheckpointEvery)
	if s.options.Checkpoint == nil || every < 0 {
		return func() {}
	}
	quit := make(chan struct{})
	ticker := time.NewTicker(every)
	go func() {
		for {
			select {
			case now := <-ticker.C:
				if now.UnixNano() >= s.notBefore.Load() {
					s.ripe.Store(true)
				}
			case <-quit:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(quit)
	}
}

// due says whether it is time for a checkpoint.
func (s *search) due() bool {
	if s.options.Checkpoint == nil || s.minimising {
		return false
	}
	return s.options.CheckpointEvery < 0 || s.ripe.Load()
}

func (s *search) keepIfDue(fill func(*checkpoint)) error {
	if !s.due() {
		return nil
	}
	return s.keep(fill)
}

// keep makes a checkpoint. No worker is in an execution; fill adds the state of the
// strategy.
func (s *search) keep(fill func(*checkpoint)) error {
	if s.options.Checkpoint == nil || s.minimising {
		return nil
	}
	s.ripe.Store(false)
	begun := time.Now()
	defer func() {
		now := time.Now()
		s.notBefore.Store(now.Add(restAfter * now.Sub(begun)).UnixNano())
	}()
	s.addAll()
	r, o := s.result, &s.options
	c := &checkpoint{
		Program: printOf(s.print), Strategy: o.Strategy, Memory: s.memory().String(), Preemptions: o.Preemptions, Delays: o.Delays,
		LockAware: o.LockAware, TaskSteps: o.TaskSteps, Seed: o.Seed, Depth: o.Depth, Shard: o.Shard,
		Begun: int(s.begun.Load()),
		Counts: savedCounts{
			Executions: r.Executions, Blocked: r.Blocked, Merged: r.Merged, Cut: r.Cut, Assumed: r.Assumed, Steps: r.Steps, Longest: r.Longest,
			States: r.States, Transitions: r.Transitions, First: r.First, Varying: r.Varying, TooLong: s.stopped[tooLong(s.machine)],
			Endless: s.stopped[endless],
		},
		Known: s.machine.Known(), Names: s.machine.Names(),
	}
	switch {
	case s.lockAware:
		habits := s.machine.Habits()
		c.Habits = &habits
	case o.LockAware:
		c.GivenUp = true
	}
	for _, f := range s.found {
		c.Found = append(c.Found, savedFinding{f.title, f.schedule.String(), f.steps, f.preemptions})
	}
	for i, l := range s.learning {
		c.Learning = append(c.Learning, l.schedule.String())
		if !l.aware {
			c.Unaware = append(c.Unaware, i)
		}
		if l.ours {
			c.Ours = append(c.Ours, i)
		}
	}
	fill(c)
	state, err := json.Marshal(c)
	if err != nil {
		return err
	}
	data, err := seal(state)
	if err != nil {
		return err
	}
	if err := o.Checkpoint(data); err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	return nil
}

func seal(state []byte) ([]byte, error) {
	return json.Marshal(sealed{checkpointVersion, printOf(hashOf(string(state))), state})
}

func printOf(x uint64) string { return fmt.Sprintf("%016x", x) }

// resume reads Options.Resume, if there is something.
func (o *Options) resume() (*checkpoint, error) {
	if o.Resume == nil {
		return nil, nil
	}
	var f sealed
	if err := json.Unmarshal(o.Resume, &f); err != nil {
		return nil, notResumed("it is not a checkpoint: %w", err)
	}
	if f.Version != checkpointVersion {
		return nil, notResumed("it is of version %d, and this search reads version %d", f.Version, checkpointVersion)
	}
	if f.Sum != printOf(hashOf(string(f.State))) {
		return nil, notResumed("it is damaged")
	}
	c := &checkpoint{}
	if err := json.Unmarshal(f.State, c); err != nil {
		return nil, notResumed("it is not a checkpoint: %w", err)
	}
	if err := c.check(o); err != nil {
		return nil, notResumed("%w", err)
	}
	return c, nil
}

// resume takes the search to where the checkpoint was made. All options of its kind
// have to know the program.
func (s *search) resume(c *checkpoint) error {
	o := &s.options
	if c != nil || o.Checkpoint != nil || o.Shard.Of > 1 {
		s.print = Fingerprint(s.program, *o)
	}
	if o.Shard.Of > 1 && !sampled(o.Strategy) {
		s.setLockAware(s.lockAware)
		s.prepare()
	}
	if c != nil && c.GivenUp {
		s.lockAware = false
	}
	if c == nil {
		for _, schedule := range o.Learnt {
			s.learning = append(s.learning, lesson{schedule: schedule, aware: s.lockAware})
		}
		s.relearn()
		return nil
	}
	if c.Program != printOf(s.print) {
		return notResumed("it is of another program, or of another version of it or of trapline")
	}
	if c.Memory != s.memory().String() {
		return notResumed("it is of another search: its memory model is %s, not %v", c.Memory, s.memory())
	}
	if o.Strategy == DPOR && s.weak() != (c.Graphs != nil) {
		return notResumed("it does not say where the search was")
	}
	for i, schedule := range schedules(c.Learning) {
		s.learning = append(s.learning, lesson{schedule: schedule, aware: !slices.Contains(c.Unaware, i), ours: slices.Contains(c.Ours, i)})
	}
	s.relearn()
	// What is drawn does not go by what was learnt: the machine learns it again.
	if n := s.machine.Known(); n != c.Known && !sampled(o.Strategy) {
		return notResumed("the search had learnt %d things of the program, which are now %d", c.Known, n)
	}
	if c.Habits != nil {
		s.machine.AdoptHabits(*c.Habits)
	}
	s.resumed = c
	s.begun.Store(int64(c.Begun))
	n, r := &c.Counts, s.result
	r.Executions, r.Blocked, r.Merged, r.Cut, r.Steps, r.Longest = n.Executions, n.Blocked, n.Merged, n.Cut, n.Steps, n.Longest
	r.Assumed, r.First, r.Varying, r.States, r.Transitions = n.Assumed, n.First, n.Varying, n.States, n.Transitions
	if n.TooLong {
		s.stop(tooLong(s.machine))
		s.cuts.Store(int64(n.Cut))
		s.cutOff(int64(n.Cut))
	}
	if n.Endless {
		s.giveUp(endless)
	}
	for _, f := range c.Found {
		s.found = append(s.found, &finding{
			title: f.Title, schedule: schedules([]string{f.Schedule})[0], steps: f.Steps, preemptions: f.Preemptions,
		})
	}
	return nil
}

// schedules reads what check has read before.
func schedules(texts []string) []sim.Schedule {
	var all []sim.Schedule
	for _, text := range texts {
		s, _ := sim.ParseSchedule(text)
		all = append(all, s)
	}
	return all
}

// CheckpointOf says of which shard a checkpoint is, and with which options the
// search was made.
func CheckpointOf(state []byte) (Options, error) {
	var f sealed
	c := &checkpoint{}
	err := json.Unmarshal(state, &f)
	if err == nil {
		err = json.Unmarshal(f.State, c)
	}
	if err != nil {
		return Options{}, notResumed("it is not a checkpoint: %w", err)
	}
	model := memory.SC
	for model.String() != c.Memory {
		if model++; model > memory.LKMM {
			return Options{}, notResumed("there is no memory model %q", c.Memory)
		}
	}
	return Options{
		Strategy: c.Strategy, Memory: model, Preemptions: c.Preemptions, Delays: c.Delays, LockAware: c.LockAware, TaskSteps: c.TaskSteps,
		Seed: c.Seed, Depth: c.Depth, Shard: c.Shard, Resume: state,
	}, nil
}
