package sim

// Strategy makes every choice of an execution: which task takes the next step,
// when an interrupt arrives, whether an allocation or an I/O fails. It is the
// only door through which chance enters the machine.
type Strategy interface {
	// Choose returns the index of the option taken, or -1 to abandon the
	// execution. Option 0 is always the undisturbed course: the running task
	// goes on, the allocation succeeds. The point is valid until Choose
	// returns.
	Choose(m *Machine, p *Point) int
}

// Point is one place where an execution can go on in several ways.
type Point struct {
	// Step counts the steps already taken, a critical section that is one step
	// (Machine.LockAware) as one. The choice of a task and the
	// choice of a value in the step that it then takes have the same Step.
	Step int
	// Tasks are the tasks that can take the next step, in a stable order
	// with the running task first. It is nil for the choice of a value.
	Tasks []TaskID
	// Running says that Tasks[0] took the previous step, so that any other
	// option is a preemption.
	Running bool
	// N is the number of options, never zero.
	N int
	// Task is the task that chooses a value, where Tasks is nil.
	Task TaskID
}

// StrategyFunc makes a function a [Strategy].
type StrategyFunc func(m *Machine, p *Point) int

// Choose calls f.
func (f StrategyFunc) Choose(m *Machine, p *Point) int { return f(m, p) }

// Picks is the strategy that takes the picks one by one where there is something
// to choose, each modulo the number of options, and goes on undisturbed after the
// last. It is for schedules that are drawn, by a property test or a fuzzer.
func Picks(picks []int) Strategy { return &picked{picks: picks} }

type picked struct {
	picks []int
	next  int
}

func (s *picked) Choose(_ *Machine, p *Point) int {
	if p.N == 1 || s.next == len(s.picks) {
		return 0
	}
	pick := s.picks[s.next] % p.N
	s.next++
	return pick
}

func (s *picked) Restart() { s.next = 0 }

// Undisturbed is the strategy of a machine left alone: a task runs until it
// blocks, nothing fails, and interrupts wait until every task is blocked.
var Undisturbed Restarter = undisturbed{}

type undisturbed struct{}

func (undisturbed) Choose(*Machine, *Point) int { return 0 }

func (undisturbed) Restart() {}

// Restarter is a strategy that can begin its execution again. [Machine.Run]
// does so when the machine has learnt something; of a strategy that is no
// Restarter the execution is given up, see [Outcome].
type Restarter interface {
	Strategy
	// Restart takes the strategy back to where it was before its first choice.
	Restart()
}

// Repeater is a strategy that goes through executions one after the other, and relies
// on what the earlier ones have reported. [Machine.Run] has it begin its execution
// again when the machine has learnt something that makes no difference to those.
type Repeater interface {
	Strategy
	// Repeat takes the strategy back to where it was before its first choice; it
	// may keep the choices that it has made since.
	Repeat()
}
