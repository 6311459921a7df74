package sim

// mixed is a word that some code uses in steps, with marked accesses, and other
// code as plain data. Marked accesses race with plain ones, not with each other.
// The steps are steps on its object, so that an access of either sort conflicts
// with those of both.
type mixed struct {
	Data
	marks []access // the last marked read of each task, and its last marked change
}

// mark reports the marked access that the step just taken has made.
func (x *mixed) mark(k *K, mode Mode, how how) {
	if k.setup || k.m.aborting {
		return
	}
	if k.m.weak != nil {
		k.marks(x, mode, how)
		return
	}
	how |= marked
	x.check(k, mode, how, x.write)
	if mode != Read {
		for _, r := range x.reads {
			x.check(k, mode, how, r)
		}
	}
	a := k.access(mode)
	a.how = how
	if mode != Read {
		a.epoch-- // the step has published it already, and begun the next
	}
	for i := range x.marks {
		if m := &x.marks[i]; m.k == k && (m.mode == Read) == (mode == Read) {
			*m = a
			return
		}
	}
	if k.m.States && len(x.marks) == 0 {
		k.m.tracking.mixed = append(k.m.tracking.mixed, x)
	}
	x.marks = append(x.marks, a)
}

// plain reports a plain access.
func (x *mixed) plain(k *K, mode Mode, how how) {
	if k.setup || k.m.aborting {
		return
	}
	if mode == Read {
		x.Read(k)
	} else {
		x.change(k, how)
	}
	if k.m.weak != nil {
		return
	}
	for _, m := range x.marks {
		if mode != Read || m.mode != Read {
			x.check(k, mode, how, m)
		}
	}
}
