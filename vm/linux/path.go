package linux

import (
	"strings"

	"trapline/sim"
)

// Limits of path names.
const (
	pathMax  = 4096
	nameMax  = 255
	maxLinks = 40
)

// A walk is what a path name leads to: the directory, the last name, and the
// node there, nil if there is none.
type walk struct {
	dir  *node
	name string
	node *node
}

// walk follows a path from dir, or from the root. With follow a symbolic link at
// the end is followed too.
func (t *Thread) walk(dir *node, path string, follow bool) (walk, error) {
	links := 0
	return t.walkOn(dir, path, follow, &links)
}

func (t *Thread) walkOn(dir *node, path string, follow bool, links *int) (walk, error) {
	switch {
	case path == "":
		return walk{}, sim.ENOENT
	case len(path) >= pathMax:
		return walk{}, eNAMETOOLONG
	case path[0] == '/':
		dir = t.sys.root
	}
	at := walk{dir, ".", dir}
	rest := path
	for {
		rest = strings.TrimLeft(rest, "/")
		if rest == "" {
			return at, nil
		}
		if at.node == nil {
			return walk{}, sim.ENOENT
		}
		if !at.node.isDir() {
			return walk{}, eNOTDIR
		}
		name, after, slash := strings.Cut(rest, "/")
		if len(name) > nameMax {
			return walk{}, eNAMETOOLONG
		}
		last := strings.Trim(after, "/") == ""
		dir := at.node
		t.sys.list(dir)
		switch name {
		case ".":
			at = walk{dir, ".", dir}
		case "..":
			if dir.parent != nil {
				dir = dir.parent
			}
			at = walk{dir, "..", dir}
		default:
			at = walk{dir, name, t.sys.child(t, dir, name)}
		}
		if n := at.node; n != nil && n.isLink() && (!last || follow || slash) {
			if *links++; *links > maxLinks {
				return walk{}, eLOOP
			}
			to, err := t.walkOn(dir, t.linkTarget(n), true, links)
			if err != nil {
				return walk{}, err
			}
			at = to
		}
		if last && slash && at.node != nil && !at.node.isDir() {
			return walk{}, eNOTDIR
		}
		rest = after
	}
}

// child is an entry of a directory. Those of /proc that are the task's own are
// made when they are asked for.
func (s *system) child(t *Thread, dir *node, name string) *node {
	if n := dir.children[name]; n != nil {
		return n
	}
	if dir == s.proc {
		return s.procPID(t, name)
	}
	return nil
}

func (t *Thread) linkTarget(n *node) string {
	if n.link != nil {
		return n.link(t)
	}
	return n.target
}

// find is walk for a file that must be there.
func (t *Thread) find(dir *node, path string, follow bool) (*node, error) {
	w, err := t.walk(dir, path, follow)
	if err != nil {
		return nil, err
	}
	if w.node == nil {
		return nil, sim.ENOENT
	}
	return w.node, nil
}

// pathOf is the absolute name of a file.
func (s *system) pathOf(n *node) string {
	if n == s.root {
		return "/"
	}
	path := ""
	for n != s.root {
		if n.parent == nil || n.parent.children[n.name] != n {
			return "(unreachable)" + path
		}
		path = "/" + n.name + path
		n = n.parent
	}
	return path
}

// split is the elements of a path name.
func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
