package sim

// PercpuRWSem is struct percpu_rw_semaphore: a semaphore whose readers only count
// themselves, on the CPU where they are, as long as there is no writer. A writer
// first sends all new readers to the queue, then waits for a grace period, so that
// every reader has seen that, and then for the readers to leave. Who comes while
// there is a writer is served in the order of coming. So to its callers it is an
// RWSem; the grace period, within the step in which the writer comes, shows only
// in that a writer sleeps.
type PercpuRWSem struct{ rw rwState }

var (
	opPercpuDownRead        = NewOp("percpu_down_read(&%s)")
	opPercpuDownReadTrylock = NewOp("percpu_down_read_trylock(&%s)")
	opPercpuUpRead          = NewOp("percpu_up_read(&%s)")
	opPercpuDownWrite       = NewOp("percpu_down_write(&%s)")
	opPercpuUpWrite         = NewOp("percpu_up_write(&%s)")
)

func (l *PercpuRWSem) object() *Object { return &l.rw.o }

// In places the semaphore inside an allocation.
func (l *PercpuRWSem) In(life *Life) { l.rw.o.In(life) }

// PercpuInitRWSem is percpu_init_rwsem(). Semaphores of one name are one lock
// class.
func (k *K) PercpuInitRWSem(l *PercpuRWSem, name string) { k.initRW(&l.rw, name, opSleep) }

// PercpuDownRead is percpu_down_read(): it sleeps while there is a writer, be it
// one that still waits for readers. So a reader must not take it again.
func (k *K) PercpuDownRead(l *PercpuRWSem) {
	k.MightSleep(l.rw.o.name)
	k.readRW(&l.rw, opPercpuDownRead, shared, 0)
}

// PercpuDownReadTrylock is percpu_down_read_trylock(): it says whether it took the
// semaphore, which it does unless there is a writer. It never sleeps.
func (k *K) PercpuDownReadTrylock(l *PercpuRWSem) bool {
	return k.tryReadRW(&l.rw, opPercpuDownReadTrylock, shared)
}

// PercpuUpRead is percpu_up_read().
func (k *K) PercpuUpRead(l *PercpuRWSem) { k.unreadRW(&l.rw, opPercpuUpRead) }

// PercpuDownWrite is percpu_down_write(): it sleeps until all readers have left;
// new ones wait from when it comes.
func (k *K) PercpuDownWrite(l *PercpuRWSem) {
	k.MightSleep(l.rw.o.name)
	k.writeRW(&l.rw, opPercpuDownWrite, 0)
}

// PercpuUpWrite is percpu_up_write(). Only the writer may call it.
func (k *K) PercpuUpWrite(l *PercpuRWSem) { k.unwriteRW(&l.rw, opPercpuUpWrite) }
