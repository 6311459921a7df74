package pagecache

import "trapline/sim"

// errseq is errseq_t: the errors of writing a file back, each of which every open
// file is to report once (Linux 4.13 and later).
type errseq struct {
	o    sim.Object
	n    uint32 // errors so far
	seen bool   // somebody has been told of the last one
}

var (
	opErrseqSet    = sim.NewOp("errseq_set(&%s)")
	opErrseqSample = sim.NewOp("errseq_sample(&%s)")
	opErrseqCheck  = sim.NewOp("errseq_check_and_advance(&%s)")
)

func (e *errseq) init(k *sim.K) { e.o.Init(k, "mapping->wb_err") }

// set is errseq_set(): there is another error. Any context may call it.
func (e *errseq) set(k *sim.K) {
	k.Step(opErrseqSet, &e.o, sim.Write)
	e.n++
	e.seen = false
}

// sample is errseq_sample(): what a file that is being opened starts from. An error
// that nobody has been told of is reported to it too.
func (e *errseq) sample(k *sim.K) uint32 {
	k.Step(opErrseqSample, &e.o, sim.Read)
	k.Machine().Fold(uint64(e.n))
	if e.n > 0 && !e.seen {
		return e.n - 1
	}
	return e.n
}

// checkAndAdvance is errseq_check_and_advance(): EIO if there was an error since.
func (e *errseq) checkAndAdvance(k *sim.K, since *uint32) error {
	k.Step(opErrseqCheck, &e.o, sim.Write)
	k.Machine().Fold(uint64(e.n - *since))
	if *since == e.n {
		return nil
	}
	*since = e.n
	e.seen = true
	return sim.EIO
}
