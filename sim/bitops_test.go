package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
)

func TestBitArithmetic(t *testing.T) {
	set := func(old, bit uint64) uint64 { return old | bit }
	clr := func(old, bit uint64) uint64 { return old &^ bit }
	flip := func(old, bit uint64) uint64 { return old ^ bit }
	keep := func(old, _ uint64) uint64 { return old }
	for _, op := range []struct {
		name  string
		do    func(k *sim.K, nr int, f *sim.Flags) bool
		model func(old, bit uint64) uint64
		tells bool // whether the bit was set
	}{
		{"test_bit", (*sim.K).TestBit, keep, true},
		{"set_bit", func(k *sim.K, nr int, f *sim.Flags) bool { k.SetBit(nr, f); return false }, set, false},
		{"clear_bit", func(k *sim.K, nr int, f *sim.Flags) bool { k.ClearBit(nr, f); return false }, clr, false},
		{"change_bit", func(k *sim.K, nr int, f *sim.Flags) bool { k.ChangeBit(nr, f); return false }, flip, false},
		{"test_and_set_bit", (*sim.K).TestAndSetBit, set, true},
		{"test_and_clear_bit", (*sim.K).TestAndClearBit, clr, true},
		{"test_and_change_bit", (*sim.K).TestAndChangeBit, flip, true},
		{"test_and_set_bit_lock", (*sim.K).TestAndSetBitLock, set, true},
		{"clear_bit_unlock", func(k *sim.K, nr int, f *sim.Flags) bool { k.ClearBitUnlock(nr, f); return false }, clr, false},
		{"", func(k *sim.K, nr int, f *sim.Flags) bool { k.SetBitNonatomic(nr, f); return false }, set, false},
		{"", func(k *sim.K, nr int, f *sim.Flags) bool { k.ClearBitNonatomic(nr, f); return false }, clr, false},
		{"READ_ONCE", func(k *sim.K, nr int, f *sim.Flags) bool { return f.Read(k)>>nr&1 != 0 }, keep, true},
	} {
		rapid.Check(t, func(t *rapid.T) {
			old, nr := rapid.Uint64().Draw(t, "old"), rapid.IntRange(0, 63).Draw(t, "nr")
			bit := uint64(1) << nr
			var f sim.Flags
			var told bool
			m := sim.NewMachine()
			defer m.Close()
			m.Record(func(m *sim.Machine) {
				f.Init(m.Setup(), "flags", old)
				m.Go("t", func(k *sim.K) { told = op.do(k, nr, &f) })
			}, sim.Undisturbed)
			if f.Peek() != op.model(old, bit) || told != (op.tells && old&bit != 0) {
				t.Errorf("%s of bit %d of %x: is %x, and told %t", op.name, nr, old, f.Peek(), told)
			}
			name := ""
			for _, r := range m.Records() {
				name += r.Text[:strings.IndexByte(r.Text, '(')]
			}
			if name != op.name {
				t.Errorf("the steps are %s, want %s", name, op.name)
			}
		})
	}
}

// flagged is what the programs of these tests share: flags, and data that bit 0
// of them locks.
type flagged struct {
	flags  sim.Flags
	fields sim.Bitfield
	data   sim.Cell[int]
	a, b   sim.Mutex
	got    [3]bool
}

var (
	lowBit  = sim.Bits{Shift: 0, Width: 1}
	highBit = sim.Bits{Shift: 4, Width: 3}
)

func flagProgram(observe func(w *flagged), tasks ...func(k *sim.K, w *flagged)) sim.Program {
	return func(m *sim.Machine) {
		w, k := &flagged{}, m.Setup()
		w.flags.Init(k, "flags", 0)
		w.fields.Init(k, "fields")
		w.data.Init(k, "data")
		k.MutexInit(&w.a, "a")
		k.MutexInit(&w.b, "b")
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(w) })
		}
	}
}

// Of tasks that set one bit, one is told that it was the first.
func TestTestAndSetBitHasOneWinner(t *testing.T) {
	try := func(i int) func(k *sim.K, w *flagged) {
		return func(k *sim.K, w *flagged) { w.got[i] = !k.TestAndSetBit(5, &w.flags) }
	}
	winners := map[[3]bool]bool{}
	r := search(t, flagProgram(func(w *flagged) { winners[w.got] = true }, try(0), try(1), try(2)))
	if len(winners) != 3 || !winners[[3]bool{true}] || !winners[[3]bool{false, true}] || !winners[[3]bool{false, false, true}] || r.Executions != 6 || r.Blocked != 0 {
		t.Errorf("the winners are %v; %s", winners, r.Coverage())
	}
}

func setBit(k *sim.K, w *flagged)        { k.SetBit(1, &w.flags) }
func setBitPlain(k *sim.K, w *flagged)   { k.TestBit(9, &w.flags); k.SetBitNonatomic(2, &w.flags) }
func clearBitPlain(k *sim.K, w *flagged) { k.ClearBitNonatomic(3, &w.flags) }

func setLow(k *sim.K, w *flagged)  { w.fields.Set(k, lowBit, 1) }
func setHigh(k *sim.K, w *flagged) { w.fields.Set(k, highBit, 5) }
func getHigh(k *sim.K, w *flagged) { w.fields.Get(k, highBit) }

func under(l func(w *flagged) *sim.Mutex, f func(k *sim.K, w *flagged)) func(k *sim.K, w *flagged) {
	return func(k *sim.K, w *flagged) {
		k.MutexLock(l(w))
		f(k, w)
		k.MutexUnlock(l(w))
	}
}

func one(w *flagged) *sim.Mutex { return &w.a }
func two(w *flagged) *sim.Mutex { return &w.b }

func TestPartsOfOneWord(t *testing.T) {
	type tasks = []func(k *sim.K, w *flagged)
	bitLock := func(k *sim.K, w *flagged) {
		if !k.TestAndSetBitLock(0, &w.flags) {
			w.data.Set(k, w.data.Get(k)+1)
			k.ClearBitUnlock(0, &w.flags)
		}
	}
	for _, test := range []struct {
		name  string
		want  string
		tasks tasks
	}{
		{"atomic bits", "", tasks{setBit, func(k *sim.K, w *flagged) { k.ClearBit(2, &w.flags); k.TestBit(1, &w.flags) }}},
		{"an atomic bit and a plain one", "KCSAN: data-race in set_bit / set_bit_plain", tasks{setBit, setBitPlain}},
		{"two plain bits", "KCSAN: data-race in clear_bit_plain / set_bit_plain", tasks{setBitPlain, clearBitPlain}},
		{"a plain bit and one that is tested", "KCSAN: data-race in clear_bit_plain / test_bit", tasks{testBit, clearBitPlain}},
		{"a plain bit under the lock that all take", "", tasks{under(one, setBit), under(one, setBitPlain), under(one, clearBitPlain)}},
		{"a plain bit under the lock that some take", "KCSAN: data-race in set_bit / set_bit_plain", tasks{setBit, under(one, setBitPlain)}},
		{"a bit as a lock", "", tasks{bitLock, bitLock, bitLock}},
		{"a bit as a lock that is dropped too soon", "KCSAN: data-race in early_unlock", tasks{earlyUnlock, earlyUnlock}},
		{"fields under one lock", "", tasks{under(one, setLow), under(one, setHigh)}},
		{"fields under a lock each", "KCSAN: data-race in set_high / set_low", tasks{under(one, setLow), under(two, setHigh)}},
		{"a field that is only read", "KCSAN: data-race in get_high / set_low", tasks{under(one, setLow), getHigh}},
		{"fields that are only read", "", tasks{getHigh, getHigh}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, flagProgram(nil, test.tasks...))
			switch {
			case test.want == "" && len(r.Findings) == 0:
			case len(r.Findings) != 1 || r.Findings[0].Violation.Title != test.want:
				t.Errorf("found %v, want %q", r.Findings, test.want)
			}
		})
	}
}

func testBit(k *sim.K, w *flagged) { k.TestBit(1, &w.flags) }

func earlyUnlock(k *sim.K, w *flagged) {
	if !k.TestAndSetBitLock(0, &w.flags) {
		k.ClearBitUnlock(0, &w.flags)
		w.data.Set(k, 1)
	}
}

// What a bit operation publishes orders the plain accesses to the same word: here
// the reader of the bit knows of the plain change before it, and may make one of
// its own.
func TestBitIsAMessage(t *testing.T) {
	send := func(k *sim.K, w *flagged) { k.SetBitNonatomic(7, &w.flags); k.SetBit(1, &w.flags) }
	receive := func(k *sim.K, w *flagged) {
		k.MutexLock(&w.a)
		k.MutexUnlock(&w.a)
		if k.TestBit(1, &w.flags) {
			k.ClearBitNonatomic(7, &w.flags)
		}
	}
	// That the bit is tested at all races with the plain change.
	r := search(t, flagProgram(nil, send, receive))
	if len(r.Findings) != 1 || r.Findings[0].Violation.Kind != sim.DataRace {
		t.Errorf("found %v", r.Findings)
	}
	o := undisturbed(t, flagProgram(nil, send, receive))
	if o.Violation != nil {
		t.Errorf("with the message: %v", o.Violation)
	}
}

func TestBitfieldKeepsTheOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low, v, w := rapid.IntRange(1, 63).Draw(t, "low"), rapid.Uint64().Draw(t, "v"), rapid.Uint64().Draw(t, "w")
		a, b := sim.Bits{Shift: 0, Width: low}, sim.Bits{Shift: low, Width: 64 - low}
		undisturbedIn(t, func(k *sim.K) {
			var f sim.Bitfield
			f.Init(k, "fields")
			f.Set(k, a, v)
			f.Set(k, b, w)
			if f.Get(k, a) != v&(1<<low-1) || f.Get(k, b) != w&(1<<(64-low)-1) || f.Peek(b) != f.Get(k, b) {
				t.Errorf("%x and %x of %x and %x", f.Get(k, a), f.Get(k, b), v, w)
			}
		})
	})
}

// undisturbedIn runs f as the only task of a machine.
func undisturbedIn(t rapid.TB, f func(k *sim.K)) {
	t.Helper()
	m := sim.NewMachine()
	defer m.Close()
	if o := m.Run(func(m *sim.Machine) { m.Go("t", f) }, sim.Undisturbed); o.Violation != nil {
		t.Fatal(o.Violation)
	}
}

func TestBitsOutsideTheWord(t *testing.T) {
	for name, f := range map[string]func(k *sim.K){
		"bit 64":  func(k *sim.K) { k.SetBit(64, new(sim.Flags)) },
		"bit -1":  func(k *sim.K) { k.SetBitNonatomic(-1, new(sim.Flags)) },
		"no bits": func(*sim.K) { new(sim.Bitfield).Peek(sim.Bits{}) },
		"bits 60 to 64": func(*sim.K) {
			new(sim.Bitfield).Peek(sim.Bits{Shift: 60, Width: 5})
		},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "sim: ") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			m := sim.NewMachine()
			f(m.Setup())
		}()
	}
}

func TestMarkedRaceReport(t *testing.T) {
	v := undisturbed(t, flagProgram(nil, setBitPlain, setBit)).Violation
	if v == nil {
		t.Fatal("no rule is broken")
	}
	golden(t, "data-race-marked", lineNumber.ReplaceAllString(strings.ReplaceAll(v.Title+"\n\n"+v.Report, "sim_test/", "sim/"), ".go:N"))
}
