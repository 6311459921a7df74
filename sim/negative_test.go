package sim_test

import (
	"testing"

	"trapline/sim"
)

// negative is one of the false reports of RCU and of lockdep that Linux had for its
// probes: a program that breaks no rule, though it looks like one that does, and that
// one.
type negative struct {
	entry string
	legal func() sim.Program
	kind  sim.Kind // of what the look-alike does
	bug   func() sim.Program
}

// consumers is a list of consumers with the locks that it may be walked under.
type consumers struct {
	list sim.RCUHList[consumer]
	node sim.RCUHNode[consumer]
	sem  sim.RWSem
	seq  sim.SeqCount
	seen int
}

type consumer struct{ life sim.Life }

func (c *consumers) init(k *sim.K) {
	k.InitRWSem(&c.sem, "consumer_rwsem")
	k.SeqcountInit(&c.seq, "ri_seqcount")
	c.list.Init(k, "consumers")
	uc := &consumer{}
	k.Born(&uc.life, "consumer")
	c.node.Init(k, "consumer->node", uc)
	c.node.In(&uc.life)
	c.list.AddHead(k, &c.node)
}

// walk is filter_chain(), for who holds what the condition says.
func (c *consumers) walk(k *sim.K, condition bool) {
	for range c.list.All(k, condition) {
		c.seen++
	}
}

// among makes a program of tasks that share a list of one consumer.
func among(tasks ...func(k *sim.K, c *consumers)) func() sim.Program {
	return func() sim.Program {
		return func(m *sim.Machine) {
			c := &consumers{}
			c.init(m.Setup())
			for _, f := range tasks {
				m.Go("t", func(k *sim.K) { f(k, c) })
			}
		}
	}
}

// TestNegativeControls holds the machine to silence where the kernel's own checkers
// were not silent and ought to have been.
func TestNegativeControls(t *testing.T) {
	unregister := func(k *sim.K, c *consumers) {
		k.DownWrite(&c.sem)
		c.list.Del(k, &c.node)
		k.UpWrite(&c.sem)
	}
	timer := func(k *sim.K, c *consumers) {
		k.RawWriteSeqcountBegin(&c.seq)
		k.RawWriteSeqcountEnd(&c.seq)
	}
	for _, n := range []negative{
		{
			// a56a38fd9196: the list is one that readers of RCU tasks trace walk, too.
			entry: "N-01: a list is walked under its semaphore by no reader of RCU",
			legal: among(unregister, func(k *sim.K, c *consumers) {
				k.DownRead(&c.sem)
				c.walk(k, k.LockdepIsHeld(&c.sem) || k.RCUReadLockTraceHeld())
				k.UpRead(&c.sem)
			}),
			kind: sim.SuspiciousRCU,
			bug: among(unregister, func(k *sim.K, c *consumers) {
				k.DownRead(&c.sem)
				c.walk(k, k.RCUReadLockTraceHeld())
				k.UpRead(&c.sem)
			}),
		},
		{
			// f8c857238a39: hprobe_expire() for the parent's own list, at fork.
			entry: "N-02: a task walks a list that is its own",
			legal: among(func(k *sim.K, c *consumers) { c.walk(k, true) }),
			kind:  sim.SuspiciousRCU,
			bug:   among(func(k *sim.K, c *consumers) { c.walk(k, false) }),
		},
		{
			// 0cd575cab10e: ri_timer() is the only writer, and no reader tries again.
			entry: "N-03: the only writer of a seqcount can be preempted",
			legal: among(timer, func(k *sim.K, c *consumers) {
				seq := k.RawSeqcountBegin(&c.seq)
				if k.ReadSeqcountRetry(&c.seq, seq) {
					c.seen++ // it takes the slow way
				}
			}),
			kind: sim.PreemptibleWriter,
			bug: among(func(k *sim.K, c *consumers) {
				k.WriteSeqcountBegin(&c.seq)
				k.WriteSeqcountEnd(&c.seq)
			}),
		},
	} {
		t.Run(n.entry, func(t *testing.T) {
			if r := search(t, n.legal()); len(r.Findings) > 0 {
				t.Errorf("not silent: %s", r.Findings[0].Violation)
			}
			if r := search(t, n.bug()); len(r.Findings) == 0 || r.Findings[0].Violation.Kind != n.kind {
				t.Errorf("the look-alike has %d findings, want one of %s", len(r.Findings), n.kind.Name)
			}
		})
	}
}
