package sim

// SeqCount is seqcount_t: a number that is odd while somebody writes the data that
// it stands for. Readers do not keep writers out; they read the number before and
// after, and read again if it has changed. Writers have to keep each other out by
// other means, and must not be preempted, or a reader spins for as long.
//
// The data is read while it is written, so it belongs in a [Word], each access of
// which is a step: a [Cell] would be a data race. A reader that finds the number
// odd is blocked, not spinning, so that reading again comes to an end: each time
// round takes another writer.
type SeqCount struct {
	o   Object
	seq int
}

// even is the way in to the data of which nobody is writing.
const even Wait = 1

var (
	opReadSeqcountBegin  = NewOp("read_seqcount_begin(&%s)")
	opReadSeqcountRetry  = NewOp("read_seqcount_retry(&%s)")
	opRawReadSeqcount    = NewOp("raw_read_seqcount(&%s)")
	opRawSeqcountBegin   = NewOp("raw_seqcount_begin(&%s)")
	opWriteSeqcountBegin = NewOp("write_seqcount_begin(&%s)")
	opWriteSeqcountEnd   = NewOp("write_seqcount_end(&%s)")

	opRawWriteSeqcountBegin = NewOp("raw_write_seqcount_begin(&%s)")
	opRawWriteSeqcountEnd   = NewOp("raw_write_seqcount_end(&%s)")
)

// PreemptibleWriter is a writer of a seqcount that can be preempted.
var PreemptibleWriter = Kind{"preemptible-seqcount-writer", "WARNING"}

func (s *SeqCount) object() *Object { return &s.o }

// In places the counter inside an allocation.
func (s *SeqCount) In(life *Life) { s.o.In(life) }

// SeqcountInit is seqcount_init(). Counters of one name are one lock class.
func (k *K) SeqcountInit(s *SeqCount, name string) {
	s.o.InitLock(k, name)
	s.o.Allow(even)
	s.seq = 0
	s.o.content = s
}

func (s *SeqCount) content(Mode) uint64 { return uint64(s.seq) }

// ReadSeqcountBegin is read_seqcount_begin(): it waits until nobody writes, and
// returns the number for ReadSeqcountRetry. It may be called anywhere.
func (k *K) ReadSeqcountBegin(s *SeqCount) int {
	// A reader holds nothing that an interrupt could wait for.
	k.irqOff++
	k.asking(&s.o, recursive, 0)
	k.irqOff--
	k.StepWait(opReadSeqcountBegin, &s.o, Read, even)
	return k.sawSeq(s.seq)
}

// RawReadSeqcount is raw_read_seqcount(): the number as it is, odd if somebody is
// writing, without waiting.
func (k *K) RawReadSeqcount(s *SeqCount) int {
	k.lookSeq(opRawReadSeqcount, s)
	return k.sawSeq(s.seq)
}

// RawSeqcountBegin is raw_seqcount_begin(): it does not wait; if somebody is
// writing, ReadSeqcountRetry of what it returns is true. It is for readers that
// then go another way; in one that tries until it succeeds it is a loop that waits.
func (k *K) RawSeqcountBegin(s *SeqCount) int {
	k.lookSeq(opRawSeqcountBegin, s)
	return k.sawSeq(s.seq &^ 1)
}

// ReadSeqcountRetry is read_seqcount_retry(): it says whether somebody has written
// since the reader got the number start, so that what it has read may not fit
// together.
func (k *K) ReadSeqcountRetry(s *SeqCount, start int) bool {
	k.lookSeq(opReadSeqcountRetry, s)
	return k.saw(s.seq != start)
}

// lookSeq is a step that looks at the number, and changes nothing.
func (k *K) lookSeq(op Op, s *SeqCount) {
	k.StepWait(op, &s.o, Read, k.around(&s.o))
	k.looked(&s.o, Read, uint64(s.seq))
}

// sawSeq enters the number that the step being taken has read into the books.
func (k *K) sawSeq(seq int) int {
	k.m.Fold(uint64(seq))
	if k.Tracing() {
		k.Note("= %d", seq)
	}
	return seq
}

// WriteSeqcountBegin is write_seqcount_begin(): from here to WriteSeqcountEnd the
// data is written. It fails if the task can be preempted.
func (k *K) WriteSeqcountBegin(s *SeqCount) {
	if k.preemptible() && !k.setup && !k.m.aborting {
		v := &Violation{Kind: PreemptibleWriter, Subject: s.o.name}
		v.write = (*splat).preemptible
		k.Fail(v)
	}
	k.acquiring(&s.o)
	k.Step(opWriteSeqcountBegin, &s.o, Write)
	s.next()
	s.o.holder = k
	k.acquired(&s.o, false)
}

// WriteSeqcountEnd is write_seqcount_end().
func (k *K) WriteSeqcountEnd(s *SeqCount) {
	k.Step(opWriteSeqcountEnd, &s.o, Write)
	k.releasing(&s.o, false)
	s.next()
	s.o.holder = nil
}

// RawWriteSeqcountBegin is raw_write_seqcount_begin(): WriteSeqcountBegin of a
// writer that lockdep does not watch, and that may be preempted: for a counter
// whose readers never try again.
func (k *K) RawWriteSeqcountBegin(s *SeqCount) {
	k.Step(opRawWriteSeqcountBegin, &s.o, Write)
	s.next()
}

// RawWriteSeqcountEnd is raw_write_seqcount_end().
func (k *K) RawWriteSeqcountEnd(s *SeqCount) {
	k.Step(opRawWriteSeqcountEnd, &s.o, Write)
	s.next()
}

// next raises the number. Where writers do not keep each other out it can be even
// while two of them write.
func (s *SeqCount) next() {
	s.seq++
	if s.seq%2 == 0 {
		s.o.Allow(even)
	} else {
		s.o.Forbid(even)
	}
}

// SeqLock is seqlock_t: a SeqCount and the spinlock that its writers take.
type SeqLock struct {
	count SeqCount
	lock  SpinLock
}

func (l *SeqLock) object() *Object { return &l.lock.o }

// In places the lock inside an allocation.
func (l *SeqLock) In(life *Life) {
	l.count.In(life)
	l.lock.In(life)
}

// SeqlockInit is seqlock_init(). The counter and the lock have a lock class each,
// called name.seqcount and name.lock.
func (k *K) SeqlockInit(l *SeqLock, name string) {
	k.SeqcountInit(&l.count, name+".seqcount")
	k.SpinLockInit(&l.lock, name+".lock")
}

// ReadSeqbegin is read_seqbegin(): ReadSeqcountBegin of the lock's counter.
func (k *K) ReadSeqbegin(l *SeqLock) int { return k.ReadSeqcountBegin(&l.count) }

// ReadSeqretry is read_seqretry(): ReadSeqcountRetry of the lock's counter.
func (k *K) ReadSeqretry(l *SeqLock, start int) bool { return k.ReadSeqcountRetry(&l.count, start) }

// WriteSeqlock is write_seqlock(): it waits for other writers, but not for
// readers.
func (k *K) WriteSeqlock(l *SeqLock) {
	k.SpinLock(&l.lock)
	k.WriteSeqcountBegin(&l.count)
}

// WriteSequnlock is write_sequnlock().
func (k *K) WriteSequnlock(l *SeqLock) {
	k.WriteSeqcountEnd(&l.count)
	k.SpinUnlock(&l.lock)
}

// WriteSeqlockIRQSave is write_seqlock_irqsave(): WriteSeqlock for data that
// interrupts read. It returns the state to be given to WriteSequnlockIRQRestore.
func (k *K) WriteSeqlockIRQSave(l *SeqLock) (flags int) {
	flags = k.SpinLockIRQSave(&l.lock)
	k.WriteSeqcountBegin(&l.count)
	return flags
}

// WriteSequnlockIRQRestore is write_sequnlock_irqrestore().
func (k *K) WriteSequnlockIRQRestore(l *SeqLock, flags int) {
	k.WriteSeqcountEnd(&l.count)
	k.SpinUnlockIRQRestore(&l.lock, flags)
}
