package events

import (
	"errors"
	"fmt"
	"strings"

	"trapline/sim"
)

// maxEventName is MAX_EVENT_NAME_LEN, the zero at the end included.
const maxEventName = 64

// A File is what a path names.
type File struct {
	Inode   uint64 // its identity: two paths of one file have the same
	Regular bool   // it is neither a directory nor a device
}

// errNotOurs is ECANCELED: the line is for another kind of event.
var errNotOurs = errors.New("not an uprobe")

// A command is a line that is being worked on, struct trace_probe_log.
type command struct {
	args  []string
	index int      // the argument that errors are about
	log   *Refusal // what went to error_log
}

// define is __trace_uprobe_create(), up to the registration.
func (r *Registry) define(c *command) (*Probe, error) {
	p := &Probe{Event: &Event{Group: "uprobes"}}
	e := p.Event
	switch c.args[0][0] {
	case 'r':
		e.Return = true
	case 'p':
	default:
		return nil, errNotOurs
	}
	if len(c.args) < 2 {
		return nil, errNotOurs
	}
	if len(c.args)-2 > maxArgs {
		c.index = 2
		return nil, c.refuse(sim.E2BIG, 0, tooManyArgs)
	}
	name, named := strings.CutPrefix(c.args[0][1:], ":")
	place := c.args[1]
	colon := strings.LastIndexByte(place, ':')
	if !strings.Contains(place, "/") || colon < 0 || !isDigit(at(place, colon+1)) {
		return nil, errNotOurs
	}
	c.index = 1
	p.Path = place[:colon]
	var err error
	if p.File, err = r.files.Lookup(p.Path); err != nil {
		return nil, c.refuse(err, 0, fileNotFound)
	}
	if !p.File.Regular {
		return nil, c.refuse(sim.EINVAL, 0, noRegularFile)
	}
	if err := c.parsePlace(p, place, colon+1); err != nil {
		return nil, err
	}
	c.index = 0
	if named {
		if err := c.parseName(e, name); err != nil {
			return nil, err
		}
	}
	if e.Name == "" {
		e.Name = p.autoName()
	}
	size := 0
	for i, arg := range c.args[2:] {
		c.index = i + 2
		a, err := c.parseArg(arg, p.Args, e.Return, size)
		if err != nil {
			return nil, err
		}
		size += a.Size()
		p.Args = append(p.Args, a)
	}
	p.size = size
	return p, nil
}

// parsePlace parses OFFSET[%return][(REF)], which begins at start of PATH:OFFSET.
// The offset is read last.
func (c *command) parsePlace(p *Probe, place string, start int) error {
	rest := place[start:]
	if open := strings.IndexByte(rest, '('); open >= 0 {
		ref := rest[open+1:]
		end := strings.IndexByte(ref, ')')
		if end < 0 {
			return c.refuse(sim.EINVAL, len(place), refcntOpenBrace)
		}
		if end+1 < len(ref) {
			return c.refuse(sim.EINVAL, start+open+1+end+1, badRefcntSuffix)
		}
		v, err := unsigned(ref[:end], 0)
		if err != nil {
			return c.refuse(err, start+open+1, badRefcnt)
		}
		p.RefCtr = v
		rest = rest[:open]
	}
	if i := strings.IndexByte(rest, '%'); i >= 0 {
		if rest[i:] != "%return" {
			return c.refuse(sim.EINVAL, start+i, badAddrSuffix)
		}
		p.Event.Return = true
		rest = rest[:i]
	}
	v, err := unsigned(rest, 0)
	if err != nil {
		return c.refuse(err, start, badUprobeOffs)
	}
	p.Offset = v
	return nil
}

// parseName is traceprobe_parse_event_name(): [GRP/][EVENT].
func (c *command) parseName(e *Event, name string) error {
	offset := 2
	i := strings.IndexByte(name, '/')
	if i < 0 {
		i = strings.IndexByte(name, '.')
	}
	if i >= 0 {
		switch group := name[:i]; {
		case group == "":
			return c.refuse(sim.EINVAL, offset, noGroupName)
		case len(group)+1 > maxEventName:
			return c.refuse(sim.EINVAL, offset, groupTooLong)
		case !goodSystemName(group):
			return c.refuse(sim.EINVAL, offset, badGroupName)
		}
		e.Group = name[:i]
		name = name[i+1:]
		offset += i + 1
		if name == "" {
			return nil
		}
	}
	switch {
	case name == "":
		return c.refuse(sim.EINVAL, offset, noEventName)
	case len(name) >= maxEventName:
		return c.refuse(sim.EINVAL, offset, eventTooLong)
	case !goodName(name):
		return c.refuse(sim.EINVAL, offset, badEventName)
	}
	e.Name = name
	return nil
}

// autoName is the name of an event that is given none. It is the same for
// return probes.
func (p *Probe) autoName() string {
	tail := p.Path[strings.LastIndexByte(p.Path, '/')+1:]
	if i := strings.IndexAny(tail, ".-_"); i >= 0 {
		tail = tail[:i]
	}
	name := fmt.Sprintf("p_%s_0x%x", tail, p.Offset)
	return name[:min(len(name), maxEventName-1)]
}
