package sim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// pair is data of two words that belong together, under a seqlock.
type pair struct {
	lock  sim.SeqLock
	count sim.SeqCount
	a, b  sim.Word[int]
	plain sim.Cell[int]
	saw   [2][]string
}

func pairProgram(observe func(p *pair), tasks ...func(k *sim.K, p *pair)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		p := &pair{}
		k.SeqlockInit(&p.lock, "seq")
		k.SeqcountInit(&p.count, "count")
		p.a.Init(k, "a", 0)
		p.b.Init(k, "b", 0)
		p.plain.Init(k, "plain")
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, p) })
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(p) })
		}
	}
}

func (p *pair) add(k *sim.K) {
	p.a.Write(k, p.a.Read(k)+1)
	p.b.Write(k, p.b.Read(k)+1)
}

func (p *pair) read(k *sim.K) string { return fmt.Sprint(p.a.Read(k), p.b.Read(k)) }

func writePair(k *sim.K, p *pair) {
	k.WriteSeqlock(&p.lock)
	p.add(k)
	k.WriteSequnlock(&p.lock)
}

// readPair notes what it has read at each try, and that it tried again.
func readPair(k *sim.K, p *pair) {
	for {
		seq := k.ReadSeqbegin(&p.lock)
		saw := p.read(k)
		if !k.ReadSeqretry(&p.lock, seq) {
			p.saw[0] = append(p.saw[0], saw)
			return
		}
		p.saw[0] = append(p.saw[0], saw+"!")
	}
}

// seqEnds are what the reader has seen, in both searches.
func seqEnds(t *testing.T, tasks ...func(k *sim.K, p *pair)) []string {
	t.Helper()
	var ends []string
	for _, o := range []explore.Options{{SelfCheck: true}, {Strategy: explore.Bounded, Preemptions: 20}} {
		var all []string
		r, err := explore.Run(context.Background(), pairProgram(func(p *pair) { all = append(all, fmt.Sprint(p.saw[0])) }, tasks...), o)
		if err != nil || !r.Complete || r.Blocked != 0 && o.SelfCheck {
			t.Fatal(err, r.Coverage(), r.Blocked)
		}
		for _, f := range r.Findings {
			t.Errorf("%s, schedule %s", f.Violation, f.Schedule)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		if o.SelfCheck {
			ends = all
		} else if !slices.Equal(all, ends) {
			t.Errorf("dpor sees %q, bounded %q", ends, all)
		}
	}
	return ends
}

// What a reader keeps fits together, although what it reads on the way does not;
// and it tries again no more often than there are writers.
func TestSeqlockReaders(t *testing.T) {
	want := []string{"[0 0! 1 1]", "[0 0]", "[0 1! 1 1]", "[1 0! 1 1]", "[1 1! 1 1]", "[1 1]"}
	if got := seqEnds(t, writePair, readPair); !slices.Equal(got, want) {
		t.Errorf("one writer: %q, want %q", got, want)
	}
	for _, end := range seqEnds(t, writePair, writePair, readPair) {
		var tries int
		for _, c := range end {
			tries += b2i(c == '!')
		}
		if last := end[len(end)-4:]; last[0] != last[2] || tries > 2 {
			t.Errorf("two writers: %q", end)
		}
	}
}

// Writers do not lose each other's updates, nor wait for readers.
func TestSeqlockWriters(t *testing.T) {
	var ends []string
	r := search(t, pairProgram(func(p *pair) { ends = append(ends, fmt.Sprint(p.a.Peek(), p.b.Peek())) }, writePair, writePair))
	if len(r.Findings) > 0 || !slices.Equal(slices.Compact(ends), []string{"2 2"}) {
		t.Error(r.Findings, ends)
	}
	r = search(t, pairProgram(nil, func(k *sim.K, p *pair) {
		k.ReadSeqbegin(&p.lock)
	}, writePair))
	if len(r.Findings) > 0 {
		t.Error("a writer waits for a reader:", r.Findings[0].Violation)
	}
}

// A reader that does not wait knows afterwards whether somebody was writing.
func TestRawSeqcount(t *testing.T) {
	write := func(k *sim.K, p *pair) {
		k.PreemptDisable()
		k.WriteSeqcountBegin(&p.count)
		p.add(k)
		k.WriteSeqcountEnd(&p.count)
		k.PreemptEnable()
	}
	begin := func(k *sim.K, p *pair) {
		seq := k.RawSeqcountBegin(&p.count)
		saw := p.read(k)
		if seq%2 != 0 {
			panic("an odd number")
		}
		if !k.ReadSeqcountRetry(&p.count, seq) {
			p.saw[0] = []string{saw}
		}
	}
	if got, want := seqEnds(t, write, begin), []string{"[0 0]", "[1 1]", "[]"}; !slices.Equal(got, want) {
		t.Errorf("raw_seqcount_begin: %q, want %q", got, want)
	}
	read := func(k *sim.K, p *pair) { p.saw[0] = []string{fmt.Sprint(k.RawReadSeqcount(&p.count))} }
	if got, want := seqEnds(t, write, read), []string{"[0]", "[1]", "[2]"}; !slices.Equal(got, want) {
		t.Errorf("raw_read_seqcount: %q, want %q", got, want)
	}
	wait := func(k *sim.K, p *pair) { p.saw[0] = []string{fmt.Sprint(k.ReadSeqcountBegin(&p.count))} }
	if got, want := seqEnds(t, write, wait), []string{"[0]", "[2]"}; !slices.Equal(got, want) {
		t.Errorf("read_seqcount_begin: %q, want %q", got, want)
	}
}

func TestSeqcountRules(t *testing.T) {
	section := func(k *sim.K, p *pair) {
		k.WriteSeqcountBegin(&p.count)
		k.WriteSeqcountEnd(&p.count)
	}
	for _, test := range []struct {
		name  string
		want  sim.Kind
		tasks []func(k *sim.K, p *pair)
	}{
		{"preemptible writer", sim.PreemptibleWriter, []func(k *sim.K, p *pair){section}},
		{"writer in a reader that can be preempted", sim.PreemptibleWriter, []func(k *sim.K, p *pair){func(k *sim.K, p *pair) {
			k.RCUReadLock()
			section(k, p)
		}}},
		{"preemptible raw writer", sim.Kind{}, []func(k *sim.K, p *pair){func(k *sim.K, p *pair) {
			k.RawWriteSeqcountBegin(&p.count)
			p.add(k)
			k.RawWriteSeqcountEnd(&p.count)
		}, func(k *sim.K, p *pair) {
			seq := k.RawSeqcountBegin(&p.count)
			if saw := p.read(k); !k.ReadSeqcountRetry(&p.count, seq) && saw != "0 0" && saw != "1 1" {
				panic(saw)
			}
		}}},
		{"writer with preemption off", sim.Kind{}, []func(k *sim.K, p *pair){func(k *sim.K, p *pair) {
			k.PreemptDisable()
			section(k, p)
			k.PreemptEnable()
		}}},
		{"writer in an interrupt", sim.Kind{}, []func(k *sim.K, p *pair){func(k *sim.K, p *pair) {
			p.a.Read(k)
			k.Interrupt("irq", func(k *sim.K) { section(k, p) })
		}}},
		{"writer that ends without having begun", sim.BadUnlock, []func(k *sim.K, p *pair){func(k *sim.K, p *pair) { k.WriteSeqcountEnd(&p.count) }}},
		{"writer that does not end", sim.HeldAtExit, []func(k *sim.K, p *pair){func(k *sim.K, p *pair) {
			k.PreemptDisable()
			k.WriteSeqcountBegin(&p.count)
		}}},
		{"plain data", sim.DataRace, []func(k *sim.K, p *pair){
			func(k *sim.K, p *pair) { k.WriteSeqlock(&p.lock); p.plain.Set(k, 1); k.WriteSequnlock(&p.lock) },
			func(k *sim.K, p *pair) {
				for {
					seq := k.ReadSeqbegin(&p.lock)
					p.plain.Get(k)
					if !k.ReadSeqretry(&p.lock, seq) {
						return
					}
				}
			},
		}},
		{"plain data of writers only", sim.Kind{}, []func(k *sim.K, p *pair){
			func(k *sim.K, p *pair) { k.WriteSeqlock(&p.lock); p.plain.Set(k, 1); k.WriteSequnlock(&p.lock) },
			func(k *sim.K, p *pair) { k.WriteSeqlock(&p.lock); p.plain.Set(k, 2); k.WriteSequnlock(&p.lock) },
		}},
		{"not initialised", sim.NotInitialised, []func(k *sim.K, p *pair){func(k *sim.K, _ *pair) {
			var l sim.SeqLock
			k.ReadSeqbegin(&l)
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, pairProgram(nil, test.tasks...))
			if len(r.Findings) == 0 && test.want != (sim.Kind{}) {
				t.Errorf("no rule is broken, want %s", test.want.Name)
			}
			for _, f := range r.Findings {
				if f.Violation.Kind != test.want {
					t.Errorf("%s (%s), want %q", f.Violation, f.Violation.Kind.Name, test.want.Name)
				}
			}
		})
	}
}
