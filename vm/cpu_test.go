package vm_test

import (
	"testing"

	"trapline/pagecache"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// sumCode adds up the RCX words at RDI, a page apart, and then does it again, and
// again: a program that needs a translation every few instructions.
var sumCode = []byte("" +
	"\x48\x89\xfe" + // 0: mov %rdi,%rsi
	"\x48\x89\xca" + // 3: mov %rcx,%rdx
	"\x48\x03\x06" + // 6: add (%rsi),%rax
	"\x48\xff\x06" + // 9: incq (%rsi)
	"\x48\x81\xc6\x00\x10\x00\x00" + // 12: add $4096,%rsi
	"\x48\xff\xca" + // 19: dec %rdx
	"\x75\xee" + // 22: jne 6
	"\xeb\xe6") // 24: jmp 0

// runSum runs n instructions of sumCode over so many pages, handles the faults, and
// returns how many there were.
func runSum(k *sim.K, mm *vm.MM, cpu *vm.CPU, pages, n uint64) (faults int, err error) {
	s := x86.Initial()
	s.RIP = codeBase
	s.R[x86.RDI], s.R[x86.RCX] = base, pages
	cpu.SetState(s)
	for n > 0 {
		done, e := cpu.Run(k, n)
		n -= done
		if e.Kind == x86.PageFault {
			faults++
			if err := vm.DoPageFault(k, mm, e.Addr, vm.FaultFlagsOf(e.Code)); err != nil {
				return faults, err
			}
		}
	}
	return faults, nil
}

// sumWorld maps sumCode and so many pages of anonymous memory.
func sumWorld(k *sim.K, mm *vm.MM, pages uint64) (*vm.CPU, error) {
	code := pagecache.NewInode(k, "sum", sumCode, pagecache.Ramfs)
	if _, err := vm.Mmap(k, mm, vm.MmapArgs{Addr: codeBase, Length: page, Prot: vm.ProtRead | vm.ProtExec, Flags: private | fixed, File: code}); err != nil {
		return nil, err
	}
	if _, err := vm.Mmap(k, mm, vm.MmapArgs{Addr: base, Length: pages * page, Prot: rw, Flags: anon | fixed}); err != nil {
		return nil, err
	}
	cpu := vm.NewCPU(k, "cpu")
	cpu.SwitchMM(k, mm)
	return cpu, nil
}

// TestExecute runs a program with more pages than the TLB has entries: each is
// faulted in once, read-only entries apart, and what it wrote is there.
func TestExecute(t *testing.T) {
	m := sim.NewMachine()
	defer m.Close()
	const pages = 1000
	m.MaxSteps = 1 << 20
	o := m.Run(func(m *sim.Machine) {
		m.Go("program", func(k *sim.K) {
			mm := vm.MMAlloc(k, "mm")
			cpu, err := sumWorld(k, mm, pages)
			if err != nil {
				t.Error(err)
				return
			}
			faults, err := runSum(k, mm, cpu, pages, 3*(2+5*pages)+2)
			if err != nil || faults != pages+1 {
				t.Errorf("%d faults, %v; want %d", faults, err, pages+1)
			}
			b := []byte{0}
			for i := range uint64(pages) {
				if err := vm.CopyFromUser(k, mm, at(i), b); err != nil || b[0] != 3 {
					t.Errorf("page %d holds %d, %v", i, b[0], err)
					break
				}
			}
			// What was in the TLB is not any more.
			if err := vm.DoMunmap(k, mm, at(pages-1), page); err != nil {
				t.Error(err)
			}
			if _, err := runSum(k, mm, cpu, pages, 2+5*pages); err == nil {
				t.Error("the program goes on with a page that is unmapped")
			}
			cpu.SwitchMM(k, nil)
			vm.MMPut(k, mm)
			k.Assume(false) // the page of the code is left in the cache
		})
	}, sim.Undisturbed)
	if o.Violation != nil {
		t.Fatal(o.Violation)
	}
}

// TestPageLimit checks that a fault beyond the limit fails, and not the program
// before it.
func TestPageLimit(t *testing.T) {
	o := run(t, func(k *sim.K, mm *vm.MM, inode *pagecache.Inode) {
		l := &calls{t, k, mm, inode}
		mm.Full, mm.AddressLimit = func() bool { return mm.Pages() >= 2 }, 8*page
		l.mmap(0, 4, rw, anon)
		l.want(vm.DoPageFault(k, mm, at(0), vm.FaultWrite), nil)
		l.want(vm.DoPageFault(k, mm, at(1), vm.FaultWrite), nil)
		l.want(vm.DoPageFault(k, mm, at(1), vm.FaultWrite), nil)
		l.want(vm.DoPageFault(k, mm, at(2), vm.FaultWrite), sim.ENOMEM)
		_, err := vm.Mmap(k, mm, vm.MmapArgs{Length: 5 * page, Prot: rw, Flags: anon})
		l.want(err, sim.ENOMEM)
		_, err = vm.Mmap(k, mm, vm.MmapArgs{Length: 4 * page, Prot: rw, Flags: anon | vm.MapPopulate})
		l.want(err, nil)
	})
	if o.Violation != nil {
		t.Fatal(o.Violation.Report)
	}
}

// BenchmarkExecute measures programs whose pages fit in the TLB, and that need a
// walk of the page table every other access.
func BenchmarkExecute(b *testing.B) {
	for _, c := range []struct {
		name  string
		pages uint64
	}{{"in the TLB", 64}, {"beyond the TLB", 4096}} {
		b.Run(c.name, func(b *testing.B) {
			m := sim.NewMachine()
			defer m.Close()
			m.MaxSteps = 1 << 30
			m.Run(func(m *sim.Machine) {
				m.Go("program", func(k *sim.K) {
					mm := vm.MMAlloc(k, "mm")
					cpu, err := sumWorld(k, mm, c.pages)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := runSum(k, mm, cpu, c.pages, 2+5*c.pages); err != nil {
						b.Error(err)
					}
					b.ReportAllocs()
					b.ResetTimer()
					if _, err := runSum(k, mm, cpu, c.pages, uint64(b.N)); err != nil {
						b.Error(err)
					}
					b.StopTimer()
					k.Assume(false)
				})
			}, sim.Undisturbed)
		})
	}
}
