package linux

import (
	"bytes"
	"path"

	"trapline/sim"
	"trapline/vm"
	"trapline/vm/x86"
)

// execve(2): how a program gets into memory, and what it finds there.

// Limits of what execve takes.
const (
	maxArgs      = 2 << 20 // bytes of arguments and environment
	maxArgString = 128 << 10
	maxScripts   = 4
)

// dynBase is ELF_ET_DYN_BASE: where the heap of a program goes that can be loaded
// anywhere.
const dynBase = 0x555555554000

// exec replaces the program of the process: bprm_execve() with load_elf_binary().
// Up to the point of no return an error leaves everything as it was.
func (t *Thread) exec(n *node, name string, argv, env []string) error {
	n, data, name, argv, err := t.script(n, name, argv, 0)
	if err != nil {
		return err
	}
	p, err := vm.ParseProgram(data)
	if err != nil {
		t.sys.failedExec(name, err)
		return eNOEXEC
	}
	total := 0
	for _, list := range [][]string{argv, env} {
		for _, s := range list {
			if len(s) >= maxArgString {
				return e2BIG
			}
			total += len(s) + 9
		}
	}
	if total > maxArgs {
		return e2BIG
	}
	s := &space{mm: vm.MMAlloc(t.k, path.Base(name)), users: 1, exe: n, path: name}
	if t.sys.probes != nil {
		s.mm.Hooks = t.sys.probes.Hooks()
	}
	s.mm.Full = func() bool { return t.sys.full(1) }
	if err := t.load(s, p, argv, env); err != nil {
		vm.MMPut(t.k, s.mm)
		return err
	}

	t.killOthers()
	if t.exiting {
		vm.MMPut(t.k, s.mm)
		return nil
	}
	if t.sys.probes != nil {
		t.sys.probes.Exec(t)
	}
	if t.space != nil {
		t.releaseRobust()
		old := t.space
		t.space = s
		t.proc.vforked = false
		t.dropSpace(old)
		t.cpu.SwitchMM(t.k, s.mm)
	} else {
		t.space = s
		t.newCPU(t.k)
	}
	t.comm = path.Base(name)
	if len(t.comm) > 15 {
		t.comm = t.comm[:15]
	}
	t.proc.comm = t.comm
	t.begin(s)
	return nil
}

// begin is the end of begin_new_exec() and start_thread(): what the new program
// does not inherit, and its first instruction.
func (t *Thread) begin(s *space) {
	if t.files.users > 1 {
		table := t.copyFiles()
		t.putFiles()
		t.files = table
	}
	for fd, d := range t.files.fds {
		if d.file != nil && d.cloexec {
			t.files.fds[fd] = descriptor{}
			t.put(d.file)
		}
	}
	actions := &sighand{users: 1}
	for sig, a := range t.sig.actions {
		if a.handler == sigIgn {
			actions.actions[sig].handler = sigIgn
		}
	}
	t.sig.users--
	t.sig = actions
	t.alt = altStack{}
	t.robust, t.clearTID, t.setTID = 0, 0, 0
	t.sys.deleteTimers(t.proc)
	state := x86.Initial()
	state.RIP, state.R[rsp] = s.entry, s.startSP
	t.cpu.SetState(state)
	t.origRAX = noCall
}

// script is load_script(): a file that begins with #! is given to its interpreter. It
// returns the program, what it holds, its name and its arguments.
func (t *Thread) script(n *node, name string, argv []string, depth int) (*node, []byte, string, []string, error) {
	fail := func(err error) (*node, []byte, string, []string, error) { return nil, nil, "", nil, err }
	switch {
	case !n.isReg() || n.mode&0o111 == 0:
		return fail(eACCES)
	case n.writers > 0:
		return fail(sim.ETXTBSY)
	}
	data, err := t.contentOf(n)
	if err != nil {
		return fail(err)
	}
	if !bytes.HasPrefix(data, []byte("#!")) {
		return n, data, name, argv, nil
	}
	if depth == maxScripts {
		return fail(eLOOP)
	}
	line, _, found := bytes.Cut(data[2:min(len(data), 256)], []byte("\n"))
	interp, arg, _ := bytes.Cut(bytes.Trim(line, " \t"), []byte(" "))
	if len(interp) == 0 || !found && len(data) > 256 {
		return fail(eNOEXEC)
	}
	args := []string{string(interp)}
	if arg = bytes.Trim(arg, " \t"); len(arg) > 0 {
		args = append(args, string(arg))
	}
	args = append(args, name)
	if len(argv) > 1 {
		args = append(args, argv[1:]...)
	}
	to, err := t.find(t.fs.cwd, string(interp), true)
	if err != nil {
		return fail(err)
	}
	return t.script(to, string(interp), args, depth+1)
}

// load maps the segments of the program, its stack and its heap.
func (t *Thread) load(s *space, p *vm.Program, argv, env []string) error {
	mm, k := s.mm, t.k
	inode := t.inodeOf(s.exe)
	low := p.Segments[0].Vaddr &^ (x86.PageSize - 1)
	last := p.Segments[len(p.Segments)-1]
	bias := uint64(0)
	if p.Relocatable {
		// One area for all of it finds the place; the segments are mapped over it.
		length := pageUp(last.Vaddr+last.Memsz) - low
		at, err := vm.Mmap(k, mm, vm.MmapArgs{Length: length, Flags: vm.MapPrivate | vm.MapAnonymous})
		if err != nil {
			return err
		}
		if err := vm.DoMunmap(k, mm, at, length); err != nil {
			return err
		}
		bias = at - low
	}
	for _, seg := range p.Segments {
		if err := t.mapSegment(s, seg, bias, inode); err != nil {
			return err
		}
	}
	end := pageUp(last.Vaddr + last.Memsz + bias)
	if p.Relocatable {
		end = dynBase
	}
	vm.SetBrk(mm, end)
	s.entry = p.Entry + bias
	// Later mappings lie where they do beside a vdso, though there is none.
	if _, err := vm.InstallSpecialMapping(k, mm, 0, vdsoSize, vm.VMRead|vm.VMMayRead|vm.VMDontExpand, "[vvar]", nil); err != nil {
		return err
	}
	return t.setupStack(s, p, bias, argv, env)
}

// vdsoSize is what [vvar], [vvar_vclock] and [vdso] take together.
const vdsoSize = 8 * x86.PageSize

func pageUp(addr uint64) uint64 { return (addr + x86.PageSize - 1) &^ (x86.PageSize - 1) }

// mapSegment is elf_load(): the pages of the file, zeroes in the last of them
// behind what the file has, and zeroes up to the end.
func (t *Thread) mapSegment(s *space, seg vm.Segment, bias uint64, inode fileInode) error {
	start := seg.Vaddr + bias
	fileEnd, end := start+seg.Filesz, start+seg.Memsz
	from := start &^ (x86.PageSize - 1)
	if seg.Filesz > 0 {
		_, err := vm.Mmap(t.k, s.mm, vm.MmapArgs{Addr: from, Length: pageUp(fileEnd) - from, Prot: seg.Prot,
			Flags: vm.MapPrivate | vm.MapFixedNoReplace, File: inode, Pgoff: (seg.Off - (start - from)) / x86.PageSize, ReadOnly: true})
		if err != nil {
			return err
		}
		if end > fileEnd && seg.Prot&vm.ProtWrite != 0 {
			n := min(pageUp(fileEnd), pageUp(end)) - fileEnd
			if n > 0 {
				if err := vm.CopyToUser(t.k, s.mm, fileEnd, make([]byte, n)); err != nil {
					return err
				}
			}
		}
		from = pageUp(fileEnd)
	}
	if to := pageUp(end); to > from {
		_, err := vm.Mmap(t.k, s.mm, vm.MmapArgs{Addr: from, Length: to - from, Prot: seg.Prot,
			Flags: vm.MapPrivate | vm.MapFixedNoReplace | vm.MapAnonymous})
		return err
	}
	return nil
}

// killOthers is de_thread(): the other threads of the process end, and this one
// takes the number of the first.
func (t *Thread) killOthers() {
	p := t.proc
	if len(p.threads) > 1 {
		for _, u := range p.threads {
			if u != t {
				u.killed = true
				u.sigPending = true
			}
		}
		t.sleep(func() bool { return len(p.threads) == 1 || p.exiting }, never, false)
		if p.exiting {
			t.exit(p.exitStatus)
			return
		}
	}
	t.tid = p.pid
}

// sysExecve is execve(path, argv, envp).
func sysExecve(t *Thread, a args) (uint64, error) {
	return sysExecveat(t, args{atFDCWD, a[0], a[1], a[2]})
}

// sysExecveat is execveat(dir, path, argv, envp, flags).
func sysExecveat(t *Thread, a args) (uint64, error) {
	name, err := t.path(a[1])
	if err != nil {
		return 0, err
	}
	n, err := t.lookup(a[0], a[1], a[4], a[4]&atNofollow == 0)
	if err != nil {
		return 0, err
	}
	argv, err := t.strings(a[2])
	if err != nil {
		return 0, err
	}
	env, err := t.strings(a[3])
	if err != nil {
		return 0, err
	}
	if len(argv) == 0 {
		argv = []string{""} // as since v5.18
	}
	if n == t.sys.exeNode(t) && name == "" {
		name = t.space.path
	}
	return 0, t.exec(n, name, argv, env)
}

// strings reads an array of strings that ends with a null pointer.
func (t *Thread) strings(addr uint64) ([]string, error) {
	var list []string
	total := 0
	for addr != 0 {
		p, err := t.load64(addr)
		if err != nil {
			return nil, err
		}
		if p == 0 {
			break
		}
		s, err := t.readString(p, maxArgString)
		if err == sim.ENOENT {
			return nil, e2BIG
		}
		if err != nil {
			return nil, err
		}
		if total += len(s) + 9; total > maxArgs {
			return nil, e2BIG
		}
		list = append(list, s)
		addr += 8
	}
	return list, nil
}
