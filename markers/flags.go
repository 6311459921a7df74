package markers

import (
	"fmt"

	"trapline/sim"
)

// flag is one of the two flags of a marker_entry.
type flag uint8

const (
	rcuPending flag = 1 << iota // rcu_pending:1
	ptype                       // ptype:1
)

// String shows the flags that are set.
func (f flag) String() string {
	return fmt.Sprintf("{rcu_pending %d, ptype %d}", f&rcuPending, f&ptype>>1)
}

// flags are the two flags. As posted they are bit-fields that share a byte: to set one
// is to load the byte, and to store it with the other flag as it was when it was loaded.
// "rcu_pending and ptype share the same word and modifications of one can trash
// modifications of the other on a different cpu", says the review. As plain ints each
// has a word of its own.
type flags struct {
	ints   bool
	word   sim.Word[flag]
	second sim.Word[flag]
}

func (f *flags) init(k *sim.K, ints bool, life *sim.Life) {
	f.ints = ints
	name := "entry->rcu_pending:1, ptype:1"
	if ints {
		name = "entry->rcu_pending"
		f.second.Init(k, "entry->ptype", 0)
		f.second.In(life)
	}
	f.word.Init(k, name, 0)
	f.word.In(life)
}

// wordOf is the word that a flag lies in.
func (f *flags) wordOf(which flag) *sim.Word[flag] {
	if f.ints && which == ptype {
		return &f.second
	}
	return &f.word
}

// getFlag reads a flag.
func (f *flags) getFlag(k *sim.K, which flag) bool { return f.wordOf(which).Read(k)&which != 0 }

// setFlag changes a flag.
func (f *flags) setFlag(k *sim.K, which flag, v bool) {
	w := f.wordOf(which)
	if f.ints {
		w.Write(k, which&mask(v))
		return
	}
	loaded := w.Read(k)
	k.WarnOn(which == rcuPending && !v && loaded&which == 0, "the callback was pending, and rcu_pending has been lost")
	w.Write(k, loaded&^which|which&mask(v))
}

func mask(v bool) flag {
	if v {
		return ^flag(0)
	}
	return 0
}

var _ = sim.Plumbing("set_flag", "get_flag", "free_later", "wait_for_callback")
