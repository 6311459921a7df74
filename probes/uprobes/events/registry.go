package events

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trapline/sim"
)

// A FileSystem finds the files that probes are put into: kern_path().
type FileSystem interface {
	// Lookup returns what a path names, or the error number of the kernel.
	Lookup(path string) (File, error)
}

// An Event is one event of tracefs: a name, and the probes that share it.
type Event struct {
	Group, Name string
	Return      bool
	Probes      []*Probe // in the order in which they were defined
	Enabled     bool     // the caller's, from the file enable; an enabled event is busy

	filter *filter
}

// A Probe is a line of uprobe_events.
type Probe struct {
	Event  *Event
	Path   string // as it was written
	File   File
	Offset uint64 // in the file
	RefCtr uint64 // offset of the reference counter in the file, 0 if there is none
	Args   []Arg
	Hits   uint64 // the caller's: how often it was hit, at the entry also of a return probe

	size int // of the arguments in a record
}

// A Registry is the file uprobe_events of one machine.
type Registry struct {
	files    FileSystem
	reserved func(group, name string) bool
	probes   []*Probe
	log      []*Refusal
	logged   int // entries of the log so far
}

// New makes an empty registry.
func New(files FileSystem) *Registry {
	return &Registry{files: files, reserved: isKernels}
}

// Reserve tells which events the kernel has of its own; their names are taken.
// Without it, those are that a kernel has whatever drivers there are.
func (r *Registry) Reserve(taken func(group, name string) bool) { r.reserved = taken }

// writeSize is WRITE_BUFSIZE: a line is shorter.
const writeSize = 4096

// Write is a write(2) to uprobe_events: lines, each of which defines an event,
// adds a probe to one, or removes some. It stops at the first that is refused,
// whose error is a [*Refusal] where the kernel explains itself in error_log, and
// a [sim.Errno] where it does not. Lines before that one have been obeyed.
func (r *Registry) Write(data []byte) (int, error) {
	for done := 0; done < len(data); {
		// A zero ends what the kernel sees of a chunk.
		chunk, _, _ := strings.Cut(string(data[done:min(done+writeSize-1, len(data))]), "\x00")
		for first := true; done < len(data); first = false {
			line, after, ended := strings.Cut(chunk, "\n")
			size := len(line)
			if ended {
				size++
			} else if done+size < len(data) {
				if !first {
					break // it begins the next chunk
				}
				return 0, sim.EINVAL // the line is too long
			}
			done += size
			line, _, _ = strings.Cut(line, "#")
			if err := r.Command(line); err != nil {
				return 0, err
			}
			chunk = after
		}
	}
	return len(data), nil
}

// Command obeys one line without a comment.
func (r *Registry) Command(line string) error {
	c := &command{args: split(line)}
	if strings.HasPrefix(line, "-") {
		return r.remove(c)
	}
	if len(c.args) == 0 {
		return nil
	}
	p, err := r.define(c)
	if err == nil {
		err = r.register(c, p)
	}
	if c.log != nil {
		r.logRefusal(c.log)
	}
	if errors.Is(err, errNotOurs) {
		return sim.EINVAL
	}
	return err
}

// register is register_trace_uprobe().
func (r *Registry) register(c *command, p *Probe) error {
	for _, q := range r.probes { // validate_ref_ctr_offset()
		if q.File == p.File && q.Offset == p.Offset && q.RefCtr != p.RefCtr {
			return sim.EINVAL
		}
	}
	c.index = 0
	old := r.Event(p.Event.Group, p.Event.Name)
	switch {
	case old == nil:
		if r.reserved(p.Event.Group, p.Event.Name) {
			return c.refuse(sim.EEXIST, 0, eventExist)
		}
		p.Event.Probes = []*Probe{p}
	case old.Return != p.Event.Return:
		return c.refuse(sim.EEXIST, 0, diffProbeType)
	default:
		if i := differentArg(p.Args, old.Probes[0].Args); i >= 0 {
			c.index = i + 2
			return c.refuse(sim.EEXIST, 0, diffArgType)
		}
		if slices.ContainsFunc(old.Probes, p.same) {
			return c.refuse(sim.EEXIST, 0, sameProbe)
		}
		p.Event = old
		old.Probes = append(old.Probes, p)
	}
	r.probes = append(r.probes, p)
	return nil
}

// differentArg is trace_probe_compare_arg_type(): the first argument that
// differs in type, number or name, or that one of the two does not have; -1 if
// there is none.
func differentArg(a, b []Arg) int {
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	for i := range a {
		if a[i].Type != b[i].Type || a[i].Count != b[i].Count || a[i].Name != b[i].Name {
			return i
		}
	}
	return -1
}

// same is trace_uprobe_has_same_uprobe() for one probe.
func (p *Probe) same(q *Probe) bool {
	if p.File != q.File || p.Offset != q.Offset {
		return false
	}
	return slices.EqualFunc(p.Args, q.Args, func(a, b Arg) bool { return a.Text == b.Text })
}

// remove is dyn_event_release(): it frees every probe that matches.
func (r *Registry) remove(c *command) error {
	name, ok := strings.CutPrefix(c.args[0], "-:")
	if !ok {
		return sim.EINVAL
	}
	group, event, hasGroup := strings.Cut(name, "/")
	if !hasGroup {
		group, event = "", name
		if event == "" {
			return sim.EINVAL
		}
	}
	var err error = sim.ENOENT
	for _, p := range slices.Clone(r.probes) {
		if event != "" && event != p.Event.Name || hasGroup && group != p.Event.Group || !p.matches(c.args[1:]) {
			continue
		}
		if err = r.release(p); err != nil {
			return err
		}
	}
	return err
}

// matches is trace_uprobe_match_command_head() and the arguments behind it.
func (p *Probe) matches(args []string) bool {
	if len(args) == 0 {
		return true
	}
	if args[0] != p.place() || len(args)-1 > len(p.Args) {
		return false
	}
	for i, a := range args[1:] {
		if a != p.Args[i].Name+"="+p.Args[i].Text {
			return false
		}
	}
	return true
}

// release is unregister_trace_uprobe(). Of several probes of an event, all but
// the last are freed even while it is enabled: a use after free in the kernel,
// since they are still consumers.
func (r *Registry) release(p *Probe) error {
	e := p.Event
	if len(e.Probes) == 1 && e.Enabled {
		return sim.EBUSY
	}
	is := func(q *Probe) bool { return q == p }
	e.Probes = slices.DeleteFunc(e.Probes, is)
	r.probes = slices.DeleteFunc(r.probes, is)
	return nil
}

// Clear is the opening of uprobe_events for writing with O_TRUNC: it removes all
// events, or none if one of them is enabled.
func (r *Registry) Clear() error {
	for _, p := range r.probes {
		if p.Event.Enabled {
			return sim.EBUSY
		}
	}
	for len(r.probes) > 0 {
		if err := r.release(r.probes[0]); err != nil {
			return err
		}
	}
	return nil
}

// Event finds an event, nil if there is none of that name.
func (r *Registry) Event(group, name string) *Event {
	for _, p := range r.probes {
		if p.Event.Name == name && p.Event.Group == group {
			return p.Event
		}
	}
	return nil
}

// Probes lists the probes in the order in which they were defined.
func (r *Registry) Probes() []*Probe { return slices.Clone(r.probes) }

// Log is error_log: the last refusals that the kernel explains, oldest first.
func (r *Registry) Log() []*Refusal { return slices.Clone(r.log) }

// place writes PATH:OFFSET[(REF)] as uprobe_events shows it.
func (p *Probe) place() string {
	s := fmt.Sprintf("%s:0x%016x", p.Path, p.Offset)
	if p.RefCtr != 0 {
		s += fmt.Sprintf("(0x%x)", p.RefCtr)
	}
	return s
}

// String is the line of uprobe_events, which defines the same probe again.
func (p *Probe) String() string {
	kind := "p"
	if p.Event.Return {
		kind = "r"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s/%s %s", kind, p.Event.Group, p.Event.Name, p.place())
	for i := range p.Args {
		fmt.Fprintf(&b, " %s=%s", p.Args[i].Name, p.Args[i].Text)
	}
	return b.String()
}

// Profile is the line of uprobe_profile.
func (p *Probe) Profile() string {
	return fmt.Sprintf("  %s %-44s %15d", p.Path, p.Event.Name, p.Hits)
}
