package vm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/sim/explore"
	"trapline/vm"
)

// A world is a small program for a search: what tasks do to watched address spaces,
// and what each execution came to.
type world struct {
	m     *sim.Machine
	k     *sim.K
	code  *pagecache.Inode
	file  *pagecache.Inode
	users []*user
	mms   []*vm.MM
	ends  map[string]int
	end   []string // what the execution has come to, by task
}

// search is explored, for worlds in which no two tasks drop a reference to a page of
// which either may be the last one: those commute, and the last one frees the page.
func search(t *testing.T, build func(w *world), want ...string) {
	t.Helper()
	explored(t, build, want...)
	if _, err := explore.CheckIndependence(context.Background(), program(map[string]int{}, build), explore.Options{Executions: 5}); err != nil {
		t.Error(err)
	}
}

// explored explores all interleavings of a world and checks that the executions come to
// what is wanted, sorted. There must be no violation, and a second search must not
// come to anything else.
func explored(t *testing.T, build func(w *world), want ...string) {
	t.Helper()
	ends := map[string]int{}
	r := explore.Check(t, program(ends, build), explore.Options{SelfCheck: true})
	if r.Blocked != 0 && !r.Varying {
		t.Errorf("%d executions were blocked", r.Blocked)
	}
	t.Logf("%d executions", r.Executions)
	var all []string
	for end := range ends {
		all = append(all, end)
	}
	slices.Sort(all)
	if !slices.Equal(all, want) {
		t.Errorf("the executions come to\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
	other := map[string]int{}
	explore.Check(t, program(other, build), explore.Options{Strategy: explore.Bounded, Preemptions: 2, AllowIncomplete: true})
	for end := range other {
		if ends[end] == 0 {
			t.Errorf("another search comes to %q, which the first has not seen", end)
		}
	}
}

func program(ends map[string]int, build func(w *world)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		w := &world{m: m, k: k, ends: ends, code: newCode(k)}
		w.file = pagecache.NewInode(k, "file", fileContent, pagecache.Ramfs)
		for i := range uint64(filePages) {
			pagecache.Populate(k, w.file, i)
		}
		build(w)
		m.After(func(k *sim.K) {
			for _, u := range w.users {
				u.cpu.SwitchMM(k, nil)
			}
			if v := vm.CheckQuiet(w.mms...); v != nil {
				k.Fail(v)
			}
			for _, mm := range w.mms {
				vm.ExitMmap(k, mm)
			}
			for _, inode := range []*pagecache.Inode{w.code, w.file} {
				if v := pagecache.CheckQuiet(inode); v != nil {
					k.Fail(v)
				}
				pagecache.Evict(k, inode)
			}
			slices.Sort(w.end)
			w.ends[strings.Join(w.end, " ")]++
		})
	}
}

// space is a watched address space with what args map in it.
func (w *world) space(args ...vm.MmapArgs) *vm.MM {
	mm := vm.NewMM(w.k, "mm")
	mm.Watched = true
	w.mms = append(w.mms, mm)
	for _, a := range args {
		if _, err := vm.Mmap(w.k, mm, a); err != nil {
			panic(err)
		}
	}
	return mm
}

// thread is a program that runs in mm, on a processor of its own.
func (w *world) thread(mm *vm.MM) *user {
	u := newUser(w.k, mm, w.code)
	u.cpu.SwitchMM(w.k, mm)
	// The page of code is mapped, and in the TLB: it is not what is looked at.
	if _, err := u.execute(w.k, insnNop, 0, 0); err != nil {
		panic(err)
	}
	w.users = append(w.users, u)
	return u
}

// says adds to what the execution has come to.
func (w *world) says(format string, args ...any) { w.end = append(w.end, fmt.Sprintf(format, args...)) }

// anonPage is a page of the program's own.
var anonPage = vm.MmapArgs{Addr: base, Length: page, Prot: rw, Flags: anon | fixed}

// TestMunmapAgainstFault: a thread that writes to a page while another unmaps it has
// written before, or gets a signal; it never writes to a page that is free.
func TestMunmapAgainstFault(t *testing.T) {
	for _, c := range []struct {
		name    string
		touched bool
	}{{"not there", false}, {"mapped and in the TLB", true}} {
		t.Run(c.name, func(t *testing.T) {
			search(t, func(w *world) {
				mm := w.space(anonPage)
				u := w.thread(mm)
				if c.touched {
					if err := u.store(w.k, base, 1); err != nil {
						panic(err)
					}
				}
				w.m.Go("writer", func(k *sim.K) {
					err := u.store(k, base, 2)
					w.says("writer %v", err)
				})
				w.m.Go("munmap", func(k *sim.K) {
					err := vm.DoMunmap(k, mm, base, page)
					w.says("munmap %v", err)
				})
			},
				"munmap <nil> writer <nil>",
				"munmap <nil> writer SIGSEGV, code 1, at 0x400000")
		})
	}
}

// peek is what mm has at addr, as a program would read it without a fault.
func peek(mm *vm.MM, addr uint64) byte {
	b, _ := vm.Peek(mm, addr)
	return b
}

// TestForkAgainstWrite: the child has a write of another thread of the parent or has
// it not, and nothing that comes after the fork.
func TestForkAgainstWrite(t *testing.T) {
	search(t, func(w *world) {
		mm := w.space(anonPage)
		a := w.thread(mm)
		if err := a.store(w.k, base, 1); err != nil {
			panic(err)
		}
		w.m.Go("writer", func(k *sim.K) {
			if err := a.store(k, base, 2); err != nil {
				w.says("%v", err)
			}
		})
		w.m.Go("fork", func(k *sim.K) {
			child, err := vm.DupMM(k, mm, "child")
			if err != nil {
				w.says("%v", err)
				return
			}
			w.mms = append(w.mms, child)
			if err := vm.CopyToUser(k, mm, base+1, []byte{3}); err != nil {
				w.says("%v", err)
			}
			w.says("child %d %d, parent %d %d", peek(child, base), peek(child, base+1), peek(mm, base), peek(mm, base+1))
		})
	},
		"child 1 0, parent 1 3",
		"child 1 0, parent 2 3",
		"child 2 0, parent 2 3")
}

// TestThreadsCopyOnce: two threads that write to a page that they share with a child
// end up with one copy of it, and both writes are there.
func TestThreadsCopyOnce(t *testing.T) {
	search(t, func(w *world) {
		mm := w.space(anonPage)
		a, b := w.thread(mm), w.thread(mm)
		if err := a.store(w.k, base, 1); err != nil {
			panic(err)
		}
		child, err := vm.DupMM(w.k, mm, "child")
		if err != nil {
			panic(err)
		}
		w.mms = append(w.mms, child)
		left := 2
		for i, u := range []*user{a, b} {
			w.m.Go(fmt.Sprint("writer ", i), func(k *sim.K) {
				if err := u.store(k, base+uint64(i), 5); err != nil {
					w.says("%v", err)
				}
				if left--; left == 0 {
					w.says("%d %d, child %d %d", peek(mm, base), peek(mm, base+1), peek(child, base), peek(child, base+1))
				}
			})
		}
	}, "5 5, child 1 0")
}

// TestParentAndChildCopy: whoever writes first has a copy, and the other one goes on
// with the page if it comes when that is its own; neither sees the other's write.
func TestParentAndChildCopy(t *testing.T) {
	explored(t, func(w *world) {
		mm := w.space(anonPage)
		parent := w.thread(mm)
		if err := parent.store(w.k, base, 1); err != nil {
			panic(err)
		}
		forked, err := vm.DupMM(w.k, mm, "child")
		if err != nil {
			panic(err)
		}
		w.mms = append(w.mms, forked)
		child := w.thread(forked)
		for i, u := range []*user{parent, child} {
			w.m.Go(fmt.Sprint("writer ", i), func(k *sim.K) {
				if err := u.store(k, base, byte(7+i)); err != nil {
					w.says("%v", err)
				}
				v, err := u.load(k, base)
				w.says("%d: %d %v", i, v, err)
			})
		}
	}, "0: 7 <nil> 1: 8 <nil>")
}

// TestMprotectAgainstStore: a store comes before the change, or gets a signal.
func TestMprotectAgainstStore(t *testing.T) {
	search(t, func(w *world) {
		mm := w.space(anonPage)
		u := w.thread(mm)
		if err := u.store(w.k, base, 1); err != nil {
			panic(err)
		}
		w.m.Go("writer", func(k *sim.K) { w.says("writer %v", u.store(k, base, 2)) })
		w.m.Go("mprotect", func(k *sim.K) {
			err := vm.Mprotect(k, mm, base, page, vm.ProtRead)
			w.says("mprotect %v, %d", err, peek(mm, base))
		})
	},
		"mprotect <nil>, 1 writer SIGSEGV, code 2, at 0x400000",
		"mprotect <nil>, 2 writer <nil>")
}

// TestMremapAgainstLoad: a load finds the page at its old place, or nothing.
func TestMremapAgainstLoad(t *testing.T) {
	search(t, func(w *world) {
		mm := w.space(anonPage)
		u := w.thread(mm)
		if err := u.store(w.k, base, 1); err != nil {
			panic(err)
		}
		w.m.Go("reader", func(k *sim.K) {
			b, err := u.load(k, base)
			w.says("old %d %v", b, err)
			b, err = u.load(k, at(8))
			w.says("new %d %v", b, err)
		})
		w.m.Go("mremap", func(k *sim.K) {
			_, err := vm.Mremap(k, mm, base, page, page, vm.MremapMayMove|vm.MremapFixed, at(8))
			w.says("mremap %v", err)
		})
	},
		"mremap <nil> new 0 SIGSEGV, code 1, at 0x408000 old 1 <nil>",
		"mremap <nil> new 1 <nil> old 0 SIGSEGV, code 1, at 0x400000",
		"mremap <nil> new 1 <nil> old 1 <nil>")
}

// TestLockedAddIsOneAccess: two threads add to a byte, and no addition is lost.
func TestLockedAddIsOneAccess(t *testing.T) {
	search(t, func(w *world) {
		mm := w.space(anonPage)
		left := 2
		for i := range left {
			u := w.thread(mm)
			w.m.Go(fmt.Sprint("adder ", i), func(k *sim.K) {
				if _, err := u.execute(k, insnLocked, base, 1); err != nil {
					w.says("%v", err)
				}
				if left--; left == 0 {
					w.says("%d", peek(mm, base))
				}
			})
		}
	}, "2")
}

// TestForgottenFlush: a processor that goes on with an entry of its TLB that nobody
// has flushed is found out.
func TestForgottenFlush(t *testing.T) {
	for _, c := range []struct {
		name string
		args vm.MmapArgs
		bug  func(k *sim.K, mm *vm.MM)
	}{
		{"of memory that is gone", anonPage, func(k *sim.K, mm *vm.MM) { vm.MunmapWithoutFlush(k, mm, base, page) }},
		{"of the right to write", anonPage, func(k *sim.K, mm *vm.MM) { vm.WrprotectWithoutFlush(k, mm, base) }},
		{"of a page of a file", vm.MmapArgs{Addr: base, Length: page, Prot: rw, Flags: vm.MapShared | fixed},
			func(k *sim.K, mm *vm.MM) { vm.MunmapWithoutFlush(k, mm, base, page) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program(map[string]int{}, func(w *world) {
				args := c.args
				if args.Flags&vm.MapAnonymous == 0 {
					args.File = w.file
				}
				mm := w.space(args)
				u := w.thread(mm)
				if err := u.store(w.k, base, 1); err != nil {
					panic(err)
				}
				w.m.Go("writer", func(k *sim.K) { _ = u.store(k, base, 2) })
				w.m.Go("bug", func(k *sim.K) { c.bug(k, mm) })
			})
			explore.Expect(t, p, "BUG: stale TLB entry used in access_user_memory", explore.Options{SelfCheck: true})
		})
	}
}
