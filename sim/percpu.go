package sim

import (
	"fmt"
	"reflect"
)

// PerCPU is a per-CPU variable: one slot for each CPU. The verbs that begin with
// this_cpu_ in Linux are steps on the slot of the CPU that the code runs on, and
// may be used where it can be preempted; all that can be done with a slot once it
// is found is in [PerCPUSlot].
type PerCPU[T any] struct{ slots []PerCPUSlot[T] }

// PerCPUInt is a per-CPU variable that is a number.
type PerCPUInt[T int32 | int64 | uint32 | uint64 | int] struct{ PerCPU[T] }

// PerCPUSlot is what a per-CPU variable is on one CPU.
type PerCPUSlot[T any] struct {
	x mixed
	v T
}

var (
	opThisCPURead  = NewOp("this_cpu_read(%s)")
	opThisCPUWrite = newStoreOp("this_cpu_write(%s)")
	opThisCPUAdd   = NewOp("this_cpu_add(%s)")
	opThisCPUInc   = NewOp("this_cpu_inc(%s)")
	opThisCPUDec   = NewOp("this_cpu_dec(%s)")
)

// Init names the variable and makes a zero for each of the CPUs from 0 up. It is
// not a step.
func (p *PerCPU[T]) Init(k *K, name string, cpus int) {
	p.slots = make([]PerCPUSlot[T], cpus)
	for i := range p.slots {
		s := &p.slots[i]
		s.x.Init(k, fmt.Sprintf("per_cpu(%s, %d)", name, i))
		if k.m.States && hasBits(reflect.TypeFor[T]()) {
			s.x.o.content = s
		}
	}
}

func (s *PerCPUSlot[T]) content(by Mode) uint64 {
	if by == Add {
		return 0 // who only adds learns nothing
	}
	return bits(any(s.v))
}

// In places the variable, as one from alloc_percpu(), inside an allocation.
func (p *PerCPU[T]) In(life *Life) {
	for i := range p.slots {
		p.slots[i].x.In(life)
	}
}

// CPUs is the number of CPUs that have a slot, for a loop like
// for_each_possible_cpu().
func (p *PerCPU[T]) CPUs() int { return len(p.slots) }

// Ptr is per_cpu_ptr(): the slot of any CPU.
func (p *PerCPU[T]) Ptr(cpu int) *PerCPUSlot[T] {
	if cpu < 0 || cpu >= len(p.slots) {
		panic(fmt.Sprintf("sim: a per-CPU variable of %d CPUs is used on CPU %d: give Init one for each task, and one for the interrupts if there are any", len(p.slots), cpu))
	}
	return &p.slots[cpu]
}

// ThisCPUPtr is this_cpu_ptr(): the slot of the CPU that the code runs on. It
// fails if the code can be preempted, as with CONFIG_DEBUG_PREEMPT.
func (p *PerCPU[T]) ThisCPUPtr(k *K) *PerCPUSlot[T] { return p.Ptr(k.SmpProcessorID()) }

// GetCPUVar is get_cpu_var(): it switches preemption off until PutCPUVar, and
// returns the slot of the CPU.
func (p *PerCPU[T]) GetCPUVar(k *K) *PerCPUSlot[T] { return p.Ptr(k.GetCPU()) }

// PutCPUVar is put_cpu_var().
func (p *PerCPU[T]) PutCPUVar(k *K) { k.PutCPU() }

// Read is this_cpu_read().
func (p *PerCPU[T]) Read(k *K) T { return p.Ptr(k.cpu()).load(k, opThisCPURead) }

// Write is this_cpu_write().
func (p *PerCPU[T]) Write(k *K, v T) { p.Ptr(k.cpu()).store(k, opThisCPUWrite, v) }

// Add is this_cpu_add(): no interrupt comes between its read and its write, and
// nobody else may change the slot.
func (p *PerCPUInt[T]) Add(k *K, i T) { p.raise(k, opThisCPUAdd, i) }

// Inc is this_cpu_inc().
func (p *PerCPUInt[T]) Inc(k *K) { p.raise(k, opThisCPUInc, 1) }

// Dec is this_cpu_dec().
func (p *PerCPUInt[T]) Dec(k *K) {
	var zero T
	p.raise(k, opThisCPUDec, zero-1)
}

// Sum adds the slots up, with a READ_ONCE() of each in turn: what is added to
// a slot once it was read is missing.
func (p *PerCPUInt[T]) Sum(k *K) T {
	var sum T
	for i := range p.slots {
		sum += p.slots[i].ReadOnce(k)
	}
	return sum
}

// raise adds i to the slot of this CPU, for somebody who learns nothing of the
// value: see AtomicOf.raise.
func (p *PerCPUInt[T]) raise(k *K, op Op, i T) {
	s := p.Ptr(k.cpu())
	mode := k.m.adding()
	k.Step(op, &s.x.o, mode)
	s.x.mark(k, mode, compound)
	k.m.Fold(uint64(i))
	if k.Tracing() {
		k.Note("%d -> %d", s.v, s.v+i)
	}
	s.v += i
}

// Get reads the slot as plain data.
func (s *PerCPUSlot[T]) Get(k *K) T {
	s.x.plain(k, Read, 0)
	return s.v
}

// Set changes the slot as plain data.
func (s *PerCPUSlot[T]) Set(k *K, v T) {
	s.x.plain(k, Write, 0)
	s.v = v
}

// ReadOnce is READ_ONCE() of the slot.
func (s *PerCPUSlot[T]) ReadOnce(k *K) T { return s.load(k, opReadOnce) }

// WriteOnce is WRITE_ONCE() of the slot.
func (s *PerCPUSlot[T]) WriteOnce(k *K, v T) { s.store(k, opWriteOnce, v) }

// Peek is the value of the slot, for checks when everything is quiet: it is not
// an access.
func (s *PerCPUSlot[T]) Peek() T { return s.v }

func (s *PerCPUSlot[T]) load(k *K, op Op) T {
	k.StepWait(op, &s.x.o, Read, k.around(&s.x.o))
	k.looked(&s.x.o, Read, bits(any(s.v)))
	s.x.mark(k, Read, 0)
	k.m.Fold(bits(s.v))
	if k.Tracing() {
		k.Note("= %s", show(s.v))
	}
	return s.v
}

func (s *PerCPUSlot[T]) store(k *K, op Op, v T) {
	k.Step(op, &s.x.o, Write)
	s.x.mark(k, Write, 0)
	k.m.Fold(bits(v))
	if k.Tracing() {
		k.Note("<- %s", show(v))
	}
	s.v = v
}
