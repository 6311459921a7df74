package kprobes

import "trapline/sim"

// ExitProber is what a design with [Exits] has besides: fprobe, which has ftrace call
// it at the entry of a function and takes its return from there.
type ExitProber interface {
	Tracer
	ReturnProber
	// RegisterFprobe arms a probe, UnregisterFprobe disarms it, as with kretprobes.
	RegisterFprobe(k *sim.K, fp *Fprobe) error
	// UnregisterFprobe is the other half.
	UnregisterFprobe(k *sim.K, fp *Fprobe)
}

// Fprobe is struct fprobe with an exit_handler.
type Fprobe struct{ Kretprobe }

var opFprobe = sim.NewOp("READ_ONCE(%s->rethook)")

// RegisterFprobe is register_fprobe().
func (d *today) RegisterFprobe(k *sim.K, fp *Fprobe) error {
	if err := rethookAlloc(k, &fp.Kretprobe); err != nil {
		return err
	}
	d.ftraceRunUpdateCode(k, func(k *sim.K) {
		d.returns.exits.Assign(k, &fp.Kretprobe)
		d.text.pokeText(k, fp.Addr, Call)
		d.text.sync(k)
	})
	return nil
}

// UnregisterFprobe is part of [ExitProber].
func (d *today) UnregisterFprobe(k *sim.K, fp *Fprobe) { d.former.unregisterFprobe(k, fp) }

// unregisterFprobe is unregister_fprobe(): ftrace must not lead here any more when the
// rethook goes.
func (d *today) unregisterFprobe(k *sim.K, fp *Fprobe) {
	stopReturns(k, fp.hook(k))
	d.unregisterFtraceFunction(k, fp)
	fp.hook(k).put(k) // rethook_free()
}

// unregisterFtraceFunction is unregister_ftrace_function(): when it returns nobody is in
// the handler.
func (d *today) unregisterFtraceFunction(k *sim.K, fp *Fprobe) {
	d.ftraceRunUpdateCode(k, func(k *sim.K) {
		d.returns.exits.Assign(k, nil)
		d.text.pokeText(k, fp.Addr, Own)
		d.text.sync(k)
	})
	k.SynchronizeRCU()
}

// fprobeHandler is fprobe_handler(), if there is an fprobe at the address. Preemption is
// off.
func (d *today) fprobeHandler(k *sim.K, addr Addr) bool {
	rp := d.returns.exits.DereferenceSched(k)
	if rp == nil || rp.Addr != addr {
		return false
	}
	k.Use(opFprobe, &rp.Life)
	rh := rp.hook(k)
	if !rh.rethookTryGet(k) {
		rp.missed(k)
		return true
	}
	frames := d.returns.of(k)
	*frames = append(*frames, rh)
	return true
}
