package explore

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"trapline/sim"
)

// checkpointVersion changes when what an old search has saved would be taken for
// something else, or when a search goes another way.
const checkpointVersion = 2

// DefaultCheckpointEvery is how often Options.Checkpoint is called.
const DefaultCheckpointEvery = 5 * time.Second

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
	Preemptions int    `json:"preemptions"`
	TaskSteps   int    `json:"task_steps,omitempty"`
	Seed        uint64 `json:"seed"`
	Depth       int    `json:"depth"`
	Shard       Shard  `json:"shard"`

	Begun    int            `json:"begun"`
	Counts   savedCounts    `json:"counts"`
	Found    []savedFinding `json:"found"`
	Learning []string       `json:"learning"`
	Known    int            `json:"known"`
	Names    sim.Names      `json:"names"`

	// One of these, by the strategy.
	Tree *savedTree `json:"tree,omitempty"`
	Walk *savedWalk `json:"walk,omitempty"`
	Next int        `json:"next,omitempty"` // execution of a sample
}

// savedCounts is the part of a Result that is counted.
type savedCounts struct {
	Executions int  `json:"executions"`
	Blocked    int  `json:"blocked"`
	Merged     int  `json:"merged"`
	Cut        int  `json:"cut"`
	Assumed    int  `json:"assumed,omitempty"`
	Steps      int  `json:"steps"`
	Longest    int  `json:"longest"`
	First      int  `json:"first"`
	Varying    bool `json:"varying"`
	TooLong    bool `json:"too_long"`
}

// savedFinding is a finding in the making.
type savedFinding struct {
	Title       string `json:"title"`
	Schedule    string `json:"schedule"`
	Steps       int    `json:"steps"`
	Preemptions int    `json:"preemptions"`
}

// savedTree is what an exhaustive search has still to visit: the places where
// workers are about to begin, and those above them.
type savedTree struct {
	Begun   bool         `json:"begun"`
	Depth   int          `json:"depth,omitempty"` // of the division
	Ops     []string     `json:"ops"`
	Some    []int        `json:"some"`
	Varying [][2]int     `json:"varying"` // kinds, and how often they have grown
	Extra   []savedExtra `json:"extra"`
	Trusted [][5]int     `json:"trusted,omitempty"`
	Prints  [][][2]int   `json:"prints"` // objects and modes, from the second footprint on
	Nodes   []savedNode  `json:"nodes"`  // every parent before its children
	Tops    []int        `json:"tops"`
}

// savedExtra is what a step was found to use: its task, number, kind, object and
// choice.
type savedExtra struct {
	Step [5]int   `json:"step"`
	Uses [][2]int `json:"uses"`
}

type savedNode struct {
	Parent int         `json:"parent"` // -1 for the first place
	Slot   int         `json:"slot"`
	Shared bool        `json:"shared,omitempty"`
	Asleep []savedStep `json:"asleep"`
	Tree   []savedTwig `json:"tree,omitempty"`
}

// savedStep is a step: task, footprint, choice, and marks.
type savedStep [4]int

// savedTwig is a node of a wakeup tree: a step, and how many twigs follow that
// are below it.
type savedTwig struct {
	Step  savedStep `json:"step"`
	Below int       `json:"below,omitempty"`
}

const (
	markPicks = 1 << iota
	markFatal
	markGuess
	markForeign
	markWild
	allMarks = 1<<iota - 1
)

// savedWalk is where a search with a bound is.
type savedWalk struct {
	Bound   int      `json:"bound"`
	Path    [][3]int `json:"path"` // taken, options, and marks
	Refused bool     `json:"refused"`
	// Seen are the states, 16 bytes each: the hash, the task, and the preemptions
	// that were left.
	Seen []byte `json:"seen"`
	// Of a shard: the depth of the division, the leaves that are numbered, and the
	// states above them.
	Depth  int    `json:"depth,omitempty"`
	Leaves int    `json:"leaves,omitempty"`
	Above  []byte `json:"above,omitempty"`
}

const (
	branchRunning = 1 << iota
	branchTask
	seenSize = 16
)

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
			case <-ticker.C:
				s.ripe.Store(true)
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
	s.addAll()
	r, o := s.result, &s.options
	c := &checkpoint{
		Program: printOf(s.print), Strategy: o.Strategy, Preemptions: o.Preemptions, TaskSteps: o.TaskSteps, Seed: o.Seed, Depth: o.Depth, Shard: o.Shard,
		Begun: int(s.begun.Load()),
		Counts: savedCounts{
			Executions: r.Executions, Blocked: r.Blocked, Merged: r.Merged, Cut: r.Cut, Assumed: r.Assumed, Steps: r.Steps, Longest: r.Longest,
			First: r.First, Varying: r.Varying, TooLong: s.stopped[tooLong(s.machine)],
		},
		Known: s.machine.Known(), Names: s.machine.Names(),
	}
	for _, f := range s.found {
		c.Found = append(c.Found, savedFinding{f.title, f.schedule.String(), f.steps, f.preemptions})
	}
	for _, l := range s.learning {
		c.Learning = append(c.Learning, l.String())
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

// check refuses what no search with these options can have saved.
func (c *checkpoint) check(o *Options) error {
	for _, d := range []struct {
		what     string
		was, now any
	}{
		{"strategy", c.Strategy, o.Strategy}, {"bound", c.Preemptions, o.Preemptions}, {"bound of each task", c.TaskSteps, o.TaskSteps}, {"seed", c.Seed, o.Seed},
		{"depth", c.Depth, o.Depth}, {"shard", c.Shard, o.Shard},
	} {
		if d.was != d.now {
			return fmt.Errorf("it is of another search: its %s is %v, not %v", d.what, d.was, d.now)
		}
	}
	n := &c.Counts
	if min(c.Begun, n.Executions, n.Blocked, n.Merged, n.Cut, n.Assumed, n.Steps, n.Longest, n.First, c.Known, c.Next) < 0 {
		return errors.New("a number is below 0")
	}
	m := sim.NewMachine()
	defer m.Close()
	if !m.Adopt(c.Names) {
		return errors.New("its tasks and objects are named twice")
	}
	for _, f := range c.Found {
		if _, err := sim.ParseSchedule(f.Schedule); err != nil {
			return err
		}
	}
	for _, l := range c.Learning {
		if _, err := sim.ParseSchedule(l); err != nil {
			return err
		}
	}
	switch {
	case c.Strategy == DPOR && c.Tree != nil:
		return c.Tree.check(&c.Names)
	case c.Strategy == Bounded && c.Walk != nil:
		return c.Walk.check(c.Preemptions)
	case sampled(c.Strategy):
		return nil
	}
	return errors.New("it does not say where the search was")
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
	s.learning = slices.Clone(o.Learnt)
	if c == nil {
		s.relearn(s.learning)
		return nil
	}
	if c.Program != printOf(s.print) {
		return notResumed("it is of another program, or of another version of it or of trapline")
	}
	s.learning = schedules(c.Learning)
	s.relearn(s.learning)
	if n := s.machine.Known(); n != c.Known {
		return notResumed("the search had learnt %d things of the program, which are now %d", c.Known, n)
	}
	s.resumed = c
	s.begun.Store(int64(c.Begun))
	n, r := &c.Counts, s.result
	r.Executions, r.Blocked, r.Merged, r.Cut, r.Steps, r.Longest = n.Executions, n.Blocked, n.Merged, n.Cut, n.Steps, n.Longest
	r.Assumed, r.First, r.Varying = n.Assumed, n.First, n.Varying
	if n.TooLong {
		s.stop(tooLong(s.machine))
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

// opNames are names for all kinds of steps: several may have one C form.
func opNames() []string {
	names, seen := sim.Ops(), map[string]int{}
	for i, n := range names {
		seen[n]++
		if seen[n] > 1 {
			names[i] = fmt.Sprintf("%s #%d", n, seen[n])
		}
	}
	return names
}

// save notes what is still to be visited. The workers are between two executions.
func (p *pool) save(c *checkpoint) {
	v := p.variations
	v.mu.Lock()
	defer v.mu.Unlock()
	t := &savedTree{Depth: max(p.division.depth, 0), Begun: p.finished}
	c.Tree = t
	names, index := opNames(), map[sim.Op]int{}
	number := func(op sim.Op) int {
		if _, ok := index[op]; !ok {
			index[op] = len(t.Ops)
			t.Ops = append(t.Ops, names[op])
		}
		return index[op]
	}
	for op := range sim.Op(len(names)) {
		if v.some.has(op) {
			t.Some = append(t.Some, number(op))
		}
		if v.varying.has(op) {
			t.Varying = append(t.Varying, [2]int{number(op), v.growths[op]})
		}
	}
	for k, uses := range v.extra {
		e := savedExtra{Step: [5]int{int(k.task), int(k.number), number(k.op), int(k.obj), int(k.choice)}}
		for _, u := range uses {
			e.Uses = append(e.Uses, [2]int{int(u.obj), int(u.mode)})
		}
		t.Extra = append(t.Extra, e)
	}
	for k := range v.trusted {
		t.Trusted = append(t.Trusted, [5]int{int(k.task), int(k.number), number(k.op), int(k.obj), int(k.choice)})
	}
	slices.SortFunc(t.Trusted, func(a, b [5]int) int { return slices.Compare(a[:], b[:]) })
	slices.SortFunc(t.Extra, func(a, b savedExtra) int { return slices.Compare(a.Step[:], b.Step[:]) })
	p.feet.mu.Lock()
	for i := range p.feet.prints[1:] {
		uses := [][2]int{}
		for _, u := range p.feet.prints[1+i].uses {
			uses = append(uses, [2]int{int(u.obj), int(u.mode)})
		}
		t.Prints = append(t.Prints, uses)
	}
	p.feet.mu.Unlock()
	known := map[*node]int{}
	for _, d := range p.workers {
		t.Begun = t.Begun || d.started
		for i := range d.path {
			t.node(known, d.path[i].node)
		}
		if n := len(d.path); n > 0 {
			t.top(known[d.path[n-1].node], &d.path[n-1])
		}
	}
	for _, n := range p.tops[min(len(p.tops), len(p.workers)):] {
		t.waiting(known, n)
	}
}

// waiting saves a place that no worker has come to since the search was resumed.
func (t *savedTree) waiting(known map[*node]int, n *node) {
	if n.tree == nil || n.opening {
		return
	}
	var way []*node
	for x := n; x != nil; x = x.parent {
		way = append(way, x)
	}
	for _, x := range slices.Backward(way) {
		t.node(known, x)
	}
	if i := known[n]; !slices.Contains(t.Tops, i) {
		t.Tops = append(t.Tops, i)
	}
}

// node saves a place, whose parent is known.
func (t *savedTree) node(known map[*node]int, n *node) {
	if _, ok := known[n]; ok {
		return
	}
	s := savedNode{Parent: -1, Slot: n.slot, Shared: n.shared, Asleep: []savedStep{}, Tree: twigs(nil, n.tree)}
	if n.parent != nil {
		s.Parent = known[n.parent]
	}
	for i := range n.asleep {
		s.Asleep = append(s.Asleep, saveStep(&n.asleep[i]))
	}
	known[n] = len(t.Nodes)
	t.Nodes = append(t.Nodes, s)
}

// top takes the step back that a worker is about to take at a place.
func (t *savedTree) top(i int, v *visit) {
	s := &t.Nodes[i]
	s.Asleep = s.Asleep[:v.slot]
	tree := twigs([]savedTwig{{Step: saveStep(&v.taken)}}, v.below)
	tree[0].Below = len(tree) - 1
	s.Tree = append(tree, s.Tree...)
	t.Tops = append(t.Tops, i)
}

// twigs appends a wakeup tree.
func twigs(to []savedTwig, w *wakeup) []savedTwig {
	for ; w != nil; w = w.next {
		at := len(to)
		to = twigs(append(to, savedTwig{Step: saveStep(&w.step)}), w.child)
		to[at].Below = len(to) - at - 1
	}
	return to
}

func saveStep(s *step) savedStep {
	marks := 0
	for i, on := range []bool{s.picks, s.fatal, s.guess, s.foreign, s.wild} {
		if on {
			marks |= 1 << i
		}
	}
	return savedStep{int(s.task), int(s.uses), int(s.choice), marks}
}

func (s savedStep) step() step {
	return step{
		task: sim.TaskID(s[0]), uses: footprint(s[1]), choice: int16(s[2]),
		picks: s[3]&markPicks != 0, fatal: s[3]&markFatal != 0, guess: s[3]&markGuess != 0, foreign: s[3]&markForeign != 0, wild: s[3]&markWild != 0,
	}
}

// check refuses a tree that cannot be walked.
func (t *savedTree) check(names *sim.Names) error {
	within := func(x, n int) bool { return x >= 0 && x < n }
	uses := func(all [][2]int) bool {
		for _, u := range all {
			if !within(u[0], len(names.Objects)) || !within(u[1], int(sim.Add)+1) {
				return false
			}
		}
		return true
	}
	aStep := func(s savedStep) bool {
		return s[0] > 0 && within(s[0], len(names.Tasks)) && within(s[1], len(t.Prints)+1) && within(s[2], math.MaxInt16+1) && within(s[3], allMarks+1)
	}
	all := opNames()
	for _, name := range t.Ops {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no kind of steps %q (it is of another version)", name)
		}
	}
	for _, op := range t.Some {
		if !within(op, len(t.Ops)) {
			return fmt.Errorf("there is no kind of steps %d", op)
		}
	}
	for _, v := range t.Varying {
		if !within(v[0], len(t.Ops)) || !within(v[1], math.MaxInt32) {
			return fmt.Errorf("no kind of steps varies as %v", v)
		}
	}
	known := func(s [5]int) bool {
		return within(s[0], len(names.Tasks)) && within(s[1], math.MaxInt32) && within(s[2], len(t.Ops)) && within(s[3], len(names.Objects)) && within(s[4], math.MaxInt16+1)
	}
	for _, e := range t.Extra {
		if !known(e.Step) || !uses(e.Uses) {
			return fmt.Errorf("step %v uses what there is not", e.Step)
		}
	}
	for _, s := range t.Trusted {
		if !known(s) {
			return fmt.Errorf("there is no step %v", s)
		}
	}
	for _, p := range t.Prints {
		if !uses(p) {
			return fmt.Errorf("a step uses what there is not: %v", p)
		}
	}
	if t.Depth < 0 || !t.Begun && len(t.Nodes) > 0 {
		return errors.New("the search had not begun")
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		for _, s := range n.Asleep {
			if !aStep(s) {
				return fmt.Errorf("at place %d there is no step %v", i, s)
			}
		}
		for at, w := range n.Tree {
			if !aStep(w.Step) || !within(w.Below, len(n.Tree)-at) {
				return fmt.Errorf("in the tree of place %d there is no step %v", i, w.Step)
			}
		}
		if !nested(n.Tree) {
			return fmt.Errorf("the tree of place %d is none", i)
		}
		switch {
		case i == 0 && n.Parent == -1 && n.Slot == 0:
		case i == 0 || !within(n.Parent, i) || !within(n.Slot, len(t.Nodes[n.Parent].Asleep)):
			return fmt.Errorf("nothing leads to place %d", i)
		}
	}
	return t.checkTops()
}

// nested says whether every twig ends within the one that it is below.
func nested(tree []savedTwig) bool {
	var ends []int
	for i, w := range tree {
		for len(ends) > 0 && ends[len(ends)-1] <= i {
			ends = ends[:len(ends)-1]
		}
		end := i + 1 + w.Below
		if len(ends) > 0 && end > ends[len(ends)-1] {
			return false
		}
		ends = append(ends, end)
	}
	return true
}

// checkTops sees to it that a worker comes to every place.
func (t *savedTree) checkTops() error {
	seen := make([]bool, len(t.Nodes))
	for i, top := range t.Tops {
		if top < 0 || top >= len(t.Nodes) || len(t.Nodes[top].Tree) == 0 || slices.Contains(t.Tops[:i], top) {
			return fmt.Errorf("nothing can begin at place %d", top)
		}
		for n := top; n >= 0 && !seen[n]; n = t.Nodes[n].Parent {
			seen[n] = true
		}
	}
	if i := slices.Index(seen, false); i >= 0 {
		return fmt.Errorf("nobody comes to place %d", i)
	}
	return nil
}

// resume puts what was saved into a pool, and the workers where they were. Others
// than those who are there now find theirs as if it had been offered.
func (p *pool) resume() {
	p.s.divided = max(p.division.depth, 0)
	if p.s.resumed == nil {
		return
	}
	t := p.s.resumed.Tree
	p.s.resumed = nil
	t.variations(p.variations)
	for _, uses := range t.Prints {
		var touches []touch
		for _, u := range uses {
			touches = append(touches, touch{sim.ObjID(u[0]), sim.Mode(u[1])})
		}
		p.feet.add(touches)
	}
	nodes := make([]*node, len(t.Nodes))
	for i := range t.Nodes {
		s := &t.Nodes[i]
		n := &node{slot: s.Slot, shared: s.Shared, tree: untwig(s.Tree)}
		if s.Parent >= 0 {
			n.parent = nodes[s.Parent]
			n.depth = n.parent.depth + 1
		}
		for _, a := range s.Asleep {
			n.asleep = append(n.asleep, a.step())
		}
		nodes[i] = n
	}
	for _, top := range t.Tops {
		p.tops = append(p.tops, nodes[top])
	}
	p.finished = t.Begun && len(t.Tops) == 0
	for _, d := range p.workers {
		d.started = t.Begun
		if len(t.Tops) > 1 {
			d.pool = p
		}
	}
	for i, n := range p.tops {
		if i < len(p.workers) {
			p.workers[i].goTo(n, false)
			continue
		}
		n.offered, n.shared = true, true
		p.open = append(p.open, n)
	}
}

// variations puts what was known of the variations of steps back.
func (t *savedTree) variations(v *variations) {
	names := opNames()
	op := func(i int) sim.Op { return sim.Op(slices.Index(names, t.Ops[i])) }
	for _, i := range t.Some {
		v.some.add(op(i))
	}
	for _, grown := range t.Varying {
		v.varies(op(grown[0]), grown[1])
	}
	key := func(s [5]int) stepKey {
		return stepKey{task: sim.TaskID(s[0]), number: int32(s[1]), op: op(s[2]), obj: sim.ObjID(s[3]), choice: int16(s[4])}
	}
	for _, e := range t.Extra {
		var uses []touch
		for _, u := range e.Uses {
			uses = append(uses, touch{sim.ObjID(u[0]), sim.Mode(u[1])})
		}
		v.extra[key(e.Step)] = uses
	}
	for _, s := range t.Trusted {
		v.trusted[key(s)] = true
	}
}

// untwig is the wakeup tree that was saved.
func untwig(tree []savedTwig) *wakeup {
	var first *wakeup
	end := &first
	for i := 0; i < len(tree); i += 1 + tree[i].Below {
		*end = &wakeup{step: tree[i].Step.step(), child: untwig(tree[i+1 : i+1+tree[i].Below])}
		end = &(*end).next
	}
	return first
}

// save notes where a search with a bound is.
func (w *boundedWalk) save(c *checkpoint) {
	s := &savedWalk{Bound: w.bound, Refused: w.refused, Path: [][3]int{}}
	c.Walk = s
	for _, b := range w.path {
		marks := 0
		if b.running {
			marks |= branchRunning
		}
		if b.choosesTask {
			marks |= branchTask
		}
		s.Path = append(s.Path, [3]int{b.taken, b.options, marks})
	}
	s.Seen = saveSeen(w.seen)
	if w.crown.depth >= 0 {
		s.Depth, s.Leaves, s.Above = w.crown.depth, w.crown.numbered(), saveSeen(w.above)
	}
}

func saveSeen(seen map[stateKey]int) []byte {
	saved := make([]byte, 0, seenSize*len(seen))
	for _, k := range slices.SortedFunc(maps.Keys(seen), func(a, b stateKey) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.running, b.running))
	}) {
		saved = binary.LittleEndian.AppendUint64(saved, k.hash)
		saved = binary.LittleEndian.AppendUint32(saved, uint32(k.running))
		saved = binary.LittleEndian.AppendUint32(saved, uint32(seen[k]))
	}
	return saved
}

func (w *savedWalk) check(preemptions int) error {
	if min(w.Bound, w.Depth, w.Leaves) < 0 || w.Bound > preemptions+1 || len(w.Seen)%seenSize != 0 || len(w.Above)%seenSize != 0 {
		return fmt.Errorf("the search with bound %d is none of up to %d", w.Bound, preemptions)
	}
	for _, b := range w.Path {
		if b[0] < 0 || b[0] >= b[1] || b[2] < 0 || b[2] >= 2*branchTask {
			return fmt.Errorf("there is no option %v", b)
		}
	}
	return nil
}

// resume goes on where the search was, if it was saved.
func (w *boundedWalk) resume(s *search) {
	if s.resumed == nil {
		return
	}
	saved := s.resumed.Walk
	s.resumed = nil
	w.refused = saved.Refused
	for _, b := range saved.Path {
		w.path = append(w.path, branch{taken: b[0], options: b[1], running: b[2]&branchRunning != 0, choosesTask: b[2]&branchTask != 0})
	}
	w.crown.leaves = saved.Leaves
	readSeen(saved.Seen, w.seen)
	if w.above != nil {
		readSeen(saved.Above, w.above)
	}
}

func readSeen(saved []byte, seen map[stateKey]int) {
	for x := saved; len(x) > 0; x = x[seenSize:] {
		key := stateKey{hash: binary.LittleEndian.Uint64(x), running: sim.TaskID(binary.LittleEndian.Uint32(x[8:]))}
		seen[key] = int(binary.LittleEndian.Uint32(x[12:]))
	}
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
	return Options{Strategy: c.Strategy, Preemptions: c.Preemptions, TaskSteps: c.TaskSteps, Seed: c.Seed, Depth: c.Depth, Shard: c.Shard, Resume: state}, nil
}
