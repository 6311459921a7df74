package vm

// Prot are the PROT_ flags of mmap(2) and mprotect(2).
type Prot uint8

// What a program may do with memory.
const (
	ProtRead  Prot = 1
	ProtWrite Prot = 2
	ProtExec  Prot = 4
	ProtNone  Prot = 0
)

// MapFlags are the MAP_ flags of mmap(2), with the numbers of x86-64. Flags that
// are not listed are ignored, as by the kernel.
type MapFlags uint32

// How memory is mapped. Of MapShared, MapPrivate and MapSharedValidate there
// must be one.
const (
	MapShared         MapFlags = 0x01
	MapPrivate        MapFlags = 0x02
	MapSharedValidate MapFlags = 0x03
	mapType           MapFlags = 0x0f
	MapFixed          MapFlags = 0x10
	MapAnonymous      MapFlags = 0x20
	Map32Bit          MapFlags = 0x40
	MapGrowsDown      MapFlags = 0x100
	MapLocked         MapFlags = 0x2000
	MapPopulate       MapFlags = 0x8000
	MapFixedNoReplace MapFlags = 0x100000
)

// MremapFlags are the MREMAP_ flags of mremap(2).
type MremapFlags uint64

// How mremap may move an area.
const (
	MremapMayMove   MremapFlags = 1
	MremapFixed     MremapFlags = 2
	MremapDontUnmap MremapFlags = 4
)

// VMFlags is vm_flags, with the numbers of include/linux/mm.h.
type VMFlags uint32

const (
	// VMRead is VM_READ, and VMExec VM_EXEC: the area may be read, executed. x86
	// has no way to let a program execute what it may not read.
	VMRead VMFlags = 0x1
	// VMWrite is VM_WRITE: the area may be written to.
	VMWrite VMFlags = 0x2
	// VMExec is VM_EXEC, see VMRead.
	VMExec VMFlags = 0x4
	// VMShared is VM_SHARED: writes go to the file; without it the first write
	// to a page makes a private copy of the page.
	VMShared VMFlags = 0x8
	// VMMayRead is VM_MAYREAD, and so on: what mprotect() may allow.
	VMMayRead VMFlags = 0x10
	// VMMayWrite is VM_MAYWRITE. With VMShared it also says that the area has the
	// file open for writing.
	VMMayWrite VMFlags = 0x20
	// VMMayExec is VM_MAYEXEC.
	VMMayExec VMFlags = 0x40
	// VMMayShare is VM_MAYSHARE: the area was mapped with MAP_SHARED, though the
	// file may not be open for writing.
	VMMayShare VMFlags = 0x80
	// VMGrowsDown is VM_GROWSDOWN: a fault just below the area extends it, as for
	// stacks.
	VMGrowsDown VMFlags = 0x100
	// VMLocked is VM_LOCKED: the program has its pages locked in memory.
	VMLocked VMFlags = 0x2000
	// VMDontCopy is VM_DONTCOPY: children do not inherit the area.
	VMDontCopy VMFlags = 0x20000
	// VMDontExpand is VM_DONTEXPAND: mremap() cannot make the area larger.
	VMDontExpand VMFlags = 0x40000
)

const (
	vmAccess = VMRead | VMWrite | VMExec
	vmMay    = VMMayRead | VMMayWrite | VMMayExec
	mayShift = 4 // from VM_READ to VM_MAYREAD, and so on
)

// vmFlags is calc_vm_prot_bits().
func (p Prot) vmFlags() VMFlags { return VMFlags(p & (ProtRead | ProtWrite | ProtExec)) }

// writesFile says that the area has its file open for writing.
func (f VMFlags) writesFile() bool { return f&(VMMayWrite|VMShared) == VMMayWrite|VMShared }

// String shows the flags as in /proc/PID/maps: "r-xp".
func (f VMFlags) String() string {
	s := []byte("---p")
	for i, bit := range [...]VMFlags{VMRead, VMWrite, VMExec} {
		if f&bit != 0 {
			s[i] = "rwx"[i]
		}
	}
	if f&VMMayShare != 0 {
		s[3] = 's'
	}
	return string(s)
}
