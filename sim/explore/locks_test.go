package explore_test

import (
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
)

// lockWorld is what the tasks of programs of locks for readers and writers share
// beside the rest.
type lockWorld struct {
	rw     sim.RWLock
	percpu sim.PercpuRWSem
	seq    sim.SeqLock
}

// The verbs of locks for readers and writers, with what is to go on inside. The
// second are those that break a rule in an interrupt, or under each other.
var (
	lockVerbs = []string{"rw_read", "rw_write", "rw_try", "percpu_read", "percpu_write", "percpu_try", "seq_read", "seq_write", "read", "xchg", "cmpxchg", "write"}
	lockWild  = append([]string{"down_try", "down_write_try", "downgrade", "down_read", "down_write", "rw_unsafe", "seq_excl", "locked", "mutex", "irq", "cell"}, lockVerbs...)
)

func (w *lockWorld) init(k *sim.K) {
	k.RWLockInit(&w.rw, "rw")
	k.PercpuInitRWSem(&w.percpu, "percpu")
	k.SeqlockInit(&w.seq, "seq")
}

// lockAct does one operation, inside of which body is done. What it sees goes to
// saw.
func (w *world) lockAct(k *sim.K, a act, body func(), saw func(int)) {
	x := &w.x[a.which]
	try := func(ok bool) bool {
		if ok {
			saw(1)
		}
		return ok
	}
	switch a.verb {
	case "rw_read":
		flags := k.ReadLockIRQSave(&w.rw)
		body()
		k.ReadUnlockIRQRestore(&w.rw, flags)
	case "rw_write":
		flags := k.WriteLockIRQSave(&w.rw)
		body()
		k.WriteUnlockIRQRestore(&w.rw, flags)
	case "rw_unsafe":
		k.WriteLock(&w.rw)
		x.Write(k, 1)
		k.WriteUnlock(&w.rw)
	case "rw_try":
		if a.which == 0 {
			if try(k.ReadTrylock(&w.rw)) {
				k.ReadUnlock(&w.rw)
			}
		} else if try(k.WriteTrylock(&w.rw)) {
			k.WriteUnlock(&w.rw)
		}
	case "percpu_read":
		k.PercpuDownRead(&w.percpu)
		body()
		k.PercpuUpRead(&w.percpu)
	case "percpu_write":
		k.PercpuDownWrite(&w.percpu)
		body()
		k.PercpuUpWrite(&w.percpu)
	case "percpu_try":
		if try(k.PercpuDownReadTrylock(&w.percpu)) {
			k.PercpuUpRead(&w.percpu)
		}
	case "seq_read":
		for {
			seq := k.ReadSeqbegin(&w.seq)
			v := x.Read(k)
			if !k.ReadSeqretry(&w.seq, seq) {
				saw(v)
				break
			}
		}
	case "seq_excl":
		flags := k.WriteSeqlockIRQSave(&w.seq)
		saw(x.Read(k))
		k.WriteSequnlockIRQRestore(&w.seq, flags)
	case "seq_write":
		flags := k.WriteSeqlockIRQSave(&w.seq)
		body()
		k.WriteSequnlockIRQRestore(&w.seq, flags)
	case "down_try":
		if try(k.DownReadTrylock(&w.rwsem)) {
			body()
			k.UpRead(&w.rwsem)
		}
	case "down_write_try":
		if try(k.DownWriteTrylock(&w.rwsem)) {
			k.UpWrite(&w.rwsem)
		}
	case "downgrade":
		k.DownWrite(&w.rwsem)
		k.DowngradeWrite(&w.rwsem)
		saw(x.Read(k))
		k.UpRead(&w.rwsem)
	case "locked":
		if k.MutexIsLocked(&w.mutex[0]) {
			saw(1)
		}
	default:
		panic("no verb " + a.verb)
	}
}

// The searches are held to one without reduction for programs of locks too.
func TestSearchesOfLocks(t *testing.T) {
	for name, verbs := range map[string][]string{"quiet": lockVerbs, "wild": lockWild} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				p := programs(verbs).Draw(rt, "program")
				want, ok := all(p, name == "quiet", mostExecutions)
				if !ok {
					return
				}
				if len(want.titles) == 0 && name == "quiet" {
					wantEachTraceOnce(rt, p, want)
				} else if len(want.titles) > 0 && name == "wild" {
					wantEveryViolation(rt, p, want)
				}
				wantBounded(rt, p, name == "quiet", want)
			})
		})
	}
}
