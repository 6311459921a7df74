package sim_test

import (
	"fmt"

	"trapline/sim"
)

// Two tasks add one to a word without a lock. Left alone, the machine runs one
// after the other. The schedule lets the second task in between the read and
// the write of the first, whose update it loses.
func Example() {
	var x sim.Word[int]
	inc := func(k *sim.K) { x.Write(k, x.Read(k)+1) }
	program := func(m *sim.Machine) {
		x.Init(m.Setup(), "x", 0)
		m.Go("one", inc)
		m.Go("two", inc)
	}
	m := sim.NewMachine()
	defer m.Close()

	m.Run(program, sim.Undisturbed)
	fmt.Println(m.Schedule(), "leaves", x.Peek())

	schedule, err := sim.ParseSchedule("two@1")
	if err != nil {
		panic(err)
	}
	m.Run(program, sim.NewReplay(schedule))
	fmt.Println(m.Schedule(), "leaves", x.Peek())
	// Output:
	// - leaves 2
	// two@1 leaves 1
}

// An inversion of lock order is found in an execution in which all goes well.
func ExampleMachine_Record() {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Record(func(m *sim.Machine) {
		k := m.Setup()
		var inode, mm sim.Mutex
		k.MutexInit(&inode, "inode->i_mutex")
		k.MutexInit(&mm, "mm->mmap_sem")
		m.Go("register", func(k *sim.K) { lockPair(k, &inode, &mm) })
		m.Go("munmap", func(k *sim.K) { lockPair(k, &mm, &inode) })
	}, sim.Undisturbed)
	fmt.Println(o.Violation.Title)
	fmt.Println(o.Violation.Subject)
	// Output:
	// possible deadlock in lock_pair
	// inode->i_mutex asked for under mm->mmap_sem
}

// A step of one's own: a gate that lets tasks through while it is open.
func ExampleK_StepWait() {
	const open sim.Wait = 1
	opPass, opOpen := sim.NewOp("pass(%s)"), sim.NewOp("open(%s)")
	var gate sim.Object
	m := sim.NewMachine()
	defer m.Close()
	m.Run(func(m *sim.Machine) {
		gate.Init(m.Setup(), "gate")
		m.Go("guest", func(k *sim.K) {
			k.StepWait(opPass, &gate, sim.Write, open)
			fmt.Println("passed")
		})
		m.Go("porter", func(k *sim.K) {
			k.Step(opOpen, &gate, sim.Write)
			gate.Allow(open)
			fmt.Println("opened")
		})
	}, sim.Undisturbed)
	// Output:
	// opened
	// passed
}
