package explore_test

import "testing"

func do(verb string, which int) act { return act{verb: verb, which: which} }

func in(verb string, which int, body ...act) act { return act{verb: verb, which: which, body: body} }

// Programs of which a search once had it wrong, as the laws have found and shrunk
// them.
func TestProgramsThatWereHard(t *testing.T) {
	use, get, free := do("use", 0), do("get", 0), do("free", 0)
	twice := in("mutex1", 0, in("mutex1", 0))
	asleep := in("spin", 0, in("mutex1", 0))
	for _, test := range []struct {
		name string
		p    program
	}{
		{"an interrupt instead of a first step", program{{}, {in("irq", 0, do("choose", 0))}}},
		{"an interrupt before the first step", program{{do("read", 0)}, {in("irq", 0, do("write", 0)), do("read", 0)}}},
		{"an interrupt that conflicts with its cause", program{{}, {do("read", 0), in("irq", 0, do("write", 0))}}},
		{"two interrupts of one name", program{{}, {in("irq", 0, do("wake", 0)), in("irq", 0, do("wake", 0))}}},
		{"readers that leave before a writer", program{{in("down_read", 0, do("read", 0))}, {in("down_read", 0, do("choose", 0))}, {in("down_write", 0, do("wait", 0))}}},
		{"a choice that has a race below it", program{{do("read", 1)}, {do("write", 1)}, {in("page", 0, in("page", 1, do("choose", 0))), in("if", 0, do("choose", 1))}}},
		{"locks whose steps use something else", program{{in("touch", 0, do("read", 0))}, {in("touch", 0, do("cell", 0))}}},
		{"a waiter and a lock in the middle", program{{do("wait_event", 1)}, {in("page", 0, do("write", 1))}, {do("wake", 0)}}},
		{"freed under plain data", program{{do("choose", 0), do("get_in", 0)}, {free}}},
		{"two violations that have nothing to do with each other", program{{twice}, {do("up_read", 0)}}},
		{"a violation behind a choice", program{{twice}, {in("spin", 0, do("choose", 0)), in("spin", 0, in("if", 0, in("mutex1", 0)))}}},
		{"a choice that prevents a violation", program{{in("spin", 0, do("wait_event", 1))}, {do("choose", 1)}}},
		{"a violation behind a data race", program{{do("wait", 0), get, twice}, {do("complete", 0), do("cell", 0)}}},
		{"data races in all directions", program{{in("mutex1", 0, get)}, {use, get}, {do("cell", 0)}}},
		{"a data race at the end of both", program{{use, get}, {use, do("set", 0)}}},
		{"a lock that an interrupt takes", program{{in("spin_irq", 0, in("irq", 0, in("spin", 0))), use}, {in("mutex1", 0, asleep)}}},
		{"an interrupt whose cause breaks a rule", program{{in("mutex1", 0, use)}, {use, in("irq", 0, free), do("nil", 0)}}},
		{"an interrupt that uses what is freed", program{{in("mutex1", 0, free)}, {in("spin", 0, in("irq", 0, use))}}},
		{"freed under three", program{{free}, {in("mutex1", 0, asleep)}, {in("mutex1", 0, use)}}},
		{"a deadlock beside a use after free", program{{in("mutex1", 0, use)}, {do("wait_event", 0)}}},
		{"recursion and a second task with the locks", program{{in("mutex1", 0, do("cell", 0))}, {in("mutex", 0, twice)}}},
		{"a state seen with fewer preemptions left", program{{in("if", 0, in("page", 0, in("page", 0)))}, {in("page", 0, in("if", 0, in("trylock", 0))), in("page", 0, do("cell", 0))}, {{verb: "write", value: 1}}}},
		{"a double free that takes preemptions", program{{in("mutex1", 0, free), in("mutex1", 0, twice)}, {use, free}}},
		{"trylock in two nests", program{{use}, {in("mutex", 0, in("trylock", 0, in("mutex1", 0), in("mutex", 0)))}, {in("page", 1, in("mutex1", 0, in("spin", 1))), in("irq", 0, in("trylock", 0, do("complete", 0)))}}},
		{"a race, an atomic section and a bad unlock", program{{in("spin", 0, get)}, {in("mutex1", 0, asleep)}, {do("cell", 0), do("up_read", 0)}}},
		{"a bad unlock beside a race behind a choice", program{{in("page", 1, do("up_read", 0))}, {in("if", 1, get)}, {in("mutex1", 0, do("choose", 1)), in("touch", 1, do("set", 0))}}},
		{"a waiter, its waker and a choice behind them", program{{do("read", 0)}, {{verb: "write", value: 1}, do("wait_event", 0), do("choose", 0)}, {do("wake", 0)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, ok := all(test.p, true, 100_000)
			if !ok {
				t.Fatal("the program is too large")
			}
			if len(want.titles) == 0 {
				wantEachTraceOnce(t, test.p, want)
			}
			wantBounded(t, test.p, true, want)
			want, ok = all(test.p, false, 100_000)
			if !ok {
				t.Fatal("the program is too large")
			}
			if len(want.titles) > 0 {
				wantEveryViolation(t, test.p, want)
			}
			wantBounded(t, test.p, false, want)
		})
	}
}

// The same for programs in which primitives meet.
func TestMeetingsThatWereHard(t *testing.T) {
	on := []int{-1, -1, -1}
	write, read, xchg := act{verb: "write", value: 1}, do("read", 0), act{verb: "xchg", value: 1}
	for _, test := range []struct {
		name string
		p    everyProgram
	}{
		{"a loop over two words of which one changes", everyProgram{on: on, tasks: program{{read}, {write}, {do("spin_two", 1)}}}},
		{"a loop beside interrupts of interrupts", everyProgram{on: []int{-1, 0}, tasks: program{
			{do("spin_two", 1)},
			{in("irq", 1, act{verb: "xchg", value: 2}), in("irq", 1, in("irq", 0, act{verb: "xchg", value: 2}))},
		}}},
		{"a loop that is left and come to again", everyProgram{on: on, tasks: program{
			{act{verb: "xchg", which: 1, value: 1}, do("spin_read", 0), do("spin_read", 0)}, {do("spin_read", 1)}, {xchg, do("read", 1)},
		}}},
		{"loops left and come to again, with a value in between", everyProgram{on: []int{-1, -1}, tasks: program{
			{do("spin_read", 0), do("spin_read", 0), do("spin_read", 0)}, {write, act{verb: "write", value: 2}},
		}}},
		{"a loop that ends in a choice", everyProgram{on: []int{-1, 0}, tasks: program{{do("spin_two", 0)}, {do("spin_some", 1), do("choose", 1)}}}},
		{"reads without news, and then a rule broken", everyProgram{on: on, tasks: program{
			{read, read, read, in("mutex", 0, in("mutex", 0, read))}, {do("wake", 0)},
		}}},
		{"a loop beside a first step that changes nothing", everyProgram{on: on, daemons: true, tasks: program{
			{do("read", 1), in("irq", 0, do("cmpxchg", 0))}, {write}, {do("spin_read", 0)},
		}}},
		{"two that wait, where additions commute", everyProgram{on: []int{-1, -1}, commute: true, tasks: program{{do("await", 0)}, {do("await", 0)}}}},
		{"a timer that has one of two agents, and what its handler conflicts with", everyProgram{on: on, daemons: true, handler: []act{do("xchg", 1)}, tasks: program{
			{do("mod_timer", 0)}, {do("read", 1)}, {do("mod_timer", 1)},
		}}},
		{"a timer of the setup on shared CPUs", everyProgram{on: []int{-1, 0}, shared: true, early: true, handler: []act{do("inc_return", 0)}, tasks: program{{do("timer_pending", 0)}, {read}}}},
	} {
		t.Run(test.name, func(t *testing.T) { wantEverything(t, test.p, 20_000) })
	}
}
