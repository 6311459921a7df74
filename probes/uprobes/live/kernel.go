package live

import (
	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/events"
	"trapline/sim"
	"trapline/vm"
	"trapline/vm/linux"
)

// A File is what a path names.
type File struct {
	Name    string // absolute and without links: two paths of one file have the same
	Content []byte
	Regular bool // it is neither a directory nor a device
}

// A FileSystem finds the files that probes are put into.
type FileSystem interface {
	// Lookup returns what a path names, or the error number of the kernel.
	Lookup(path string) (File, error)
}

// A Kernel is what a kernel knows of uprobes.
type Kernel struct {
	defects  defects.Set
	files    *inodes
	registry *events.Registry
	trace    trace

	uprobes  []*uprobe // those with consumers
	byPlace  map[place]*uprobe
	attached map[*events.Probe]*consumer
	lastID   uint64

	spaces []*space
	byMM   map[*vm.MM]*space
	tasks  map[*linux.Thread]*task

	// Recorded, if it is set, is told of every line of the trace.
	Recorded func(Line)

	current *linux.Thread // that has made a system call last
	run     int           // the number of the run, from 1
	runs    int
}

// New makes a kernel that has the given defects.
func New(files FileSystem, d defects.Set) *Kernel {
	inodes := &inodes{files: files, number: map[string]uint64{}}
	k := &Kernel{
		defects: d, files: inodes, registry: events.New(inodes), byPlace: map[place]*uprobe{}, attached: map[*events.Probe]*consumer{},
		byMM: map[*vm.MM]*space{}, tasks: map[*linux.Thread]*task{},
	}
	k.trace.buffer.Defects, k.trace.was, k.trace.comms = d, map[*events.Event]bool{}, map[thread]string{}
	return k
}

// Run runs a program with the probes of the kernel. It may be called while
// another program waits for its input.
func (k *Kernel) Run(c linux.Config) (linux.Result, error) {
	current, run := k.current, k.run
	k.runs++
	k.current, k.run = nil, k.runs
	c.Probes = hooks{k}
	r, err := linux.Run(c)
	k.forget(k.run)
	k.current, k.run = current, run
	return r, err
}

// handle is the task that does what is asked for while a program waits: the one
// that waits. It is nil if no program runs.
func (k *Kernel) handle() *sim.K {
	if k.current == nil {
		return nil
	}
	return k.current.K()
}

// inodes gives files numbers, and keeps what they hold.
type inodes struct {
	files  FileSystem
	number map[string]uint64
	list   []File
}

// Lookup is kern_path().
func (i *inodes) Lookup(path string) (events.File, error) {
	f, err := i.files.Lookup(path)
	if err != nil {
		return events.File{}, err
	}
	n := i.number[f.Name]
	if n == 0 {
		i.list = append(i.list, f)
		n = uint64(len(i.list))
		i.number[f.Name] = n
	}
	return events.File{Inode: n, Regular: f.Regular}, nil
}

func (i *inodes) of(f events.File) File { return i.list[f.Inode-1] }
