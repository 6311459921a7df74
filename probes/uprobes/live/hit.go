package live

import (
	"encoding/binary"

	"trapline/probes/uprobes/events"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/linux"
	"trapline/vm/x86"
)

// The signals that uprobes raise.
const (
	sigILL   = 4
	sigTRAP  = 5
	sigSEGV  = 11
	siKernel = 0x80
)

// handleBreakpoint is handle_swbp().
func (k *Kernel) handleBreakpoint(t *linux.Thread) {
	h := t.K()
	addr := t.CPU().RIP() - 1
	u, trap := k.find(h, t.MM(), addr)
	if u == nil {
		if trap {
			t.ForceSig(linux.SigInfo{Signo: sigTRAP, Code: siKernel})
		} else { // it is gone by now: the program tries again
			t.CPU().SetRIP(addr)
		}
		return
	}
	s := t.CPU().State()
	s.RIP = addr
	t.CPU().SetState(s)
	in, _ := k.insnAt(k.space(h, t.MM()), u, addr)
	if in == nil {
		return
	}
	k.handlers(t, u, &s)
	if in.CanOptimise {
		k.optimise(t, u, addr)
	}
	if in.Emulate(&s, memory{h, t.MM()}) {
		t.CPU().SetState(s)
		if s.RFLAGS&x86.TF != 0 {
			k.userTrap(t)
		}
		return
	}
	if k.beginStep(t, &s, in, addr) {
		t.CPU().SetState(s)
	}
}

// handlers is handler_chain(), with the handlers of trace events. The registers are
// those at the probed instruction.
func (k *Kernel) handlers(t *linux.Thread, u *uprobe, s *x86.State) {
	var wanted []uint64
	for _, c := range u.consumers {
		c.probe.Hits++
		if c.probe.Event.Return {
			wanted = append(wanted, c.id)
		} else {
			k.record(t, c, s, 0)
		}
	}
	if wanted != nil {
		k.prepareReturn(t, u, s, wanted)
	}
}

// record writes a hit to the trace.
func (k *Kernel) record(t *linux.Thread, c *consumer, s *x86.State, function uint64) {
	h := &events.Hit{Memory: memory{t.K(), t.MM()}, Comm: t.Comm(), PID: t.TID(), Func: function}
	h.Regs = events.Regs{R: s.R, IP: s.RIP, Flags: s.RFLAGS, CS: 0x33, SS: 0x2b, OrigAX: ^uint64(0)}
	tr := &k.trace
	t.WaitEvent(func() bool { return !tr.busy })
	tr.busy = true
	rec := tr.buffer.Record(c.probe, h)
	tr.busy = false
	if !c.probe.Event.Passes(rec, events.Context{Comm: h.Comm}) {
		return
	}
	text := c.probe.Event.Print(rec)
	l := Line{Comm: t.Comm(), PID: t.TID(), Run: k.run, Time: t.Now(), Text: text}
	tr.lines = append(tr.lines, l)
	tr.comms[thread{l.Run, l.PID}] = l.Comm
	if k.Recorded != nil {
		k.Recorded(l)
	}
}

// memory is the memory of a program as the kernel copies from it and to it.
type memory struct {
	h  *sim.K
	mm *vm.MM
}

// Read is copy_from_user().
func (m memory) Read(addr uint64, p []byte) int { return m.pieces(addr, p, vm.CopyFromUser) }

// Write is copy_to_user().
func (m memory) Write(addr uint64, p []byte) int { return m.pieces(addr, p, vm.CopyToUser) }

// pieces copies page by page, and says how far it got.
func (m memory) pieces(addr uint64, p []byte, transfer func(*sim.K, *vm.MM, uint64, []byte) error) int {
	done := 0
	for done < len(p) {
		at := addr + uint64(done)
		n := min(len(p)-done, pageSize-int(at%pageSize))
		if transfer(m.h, m.mm, at, p[done:done+n]) != nil {
			break
		}
		done += n
	}
	return done
}

func putWord(p []byte, v uint64) { binary.LittleEndian.PutUint64(p, v) }
