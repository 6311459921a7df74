package conform

import (
	"path"
	"slices"
	"strings"

	"trapline/probes/uprobes/events"
	"trapline/sim"
)

// programs are the files in /oracle/bin of the captures' machine.
var programs = []string{
	"args", "basic", "basic_pie", "codeblob.bin", "forks", "insn", "insnf", "maps", "nop5", "patch", "refctr", "rets",
	"sysxol", "sysxol2", "xol",
}

// irregular are files there that are neither regular nor missing.
var irregular = []string{"/", "/oracle", "/oracle/bin", "/dev", "/dev/null", "/dev/zero", "/proc", "/proc/self", "/bin"}

// captured is the file system of the captures' machine, whose directory was
// /oracle.
type captured struct{}

// Lookup finds a file as kern_path() would there.
func (captured) Lookup(name string) (events.File, error) {
	if name == "" {
		return events.File{}, sim.ENOENT
	}
	clean := name
	if !strings.HasPrefix(clean, "/") {
		clean = "/oracle/" + clean
	}
	isDir := strings.HasSuffix(clean, "/")
	clean = path.Clean(clean)
	dir, base := path.Split(clean)
	switch i := slices.Index(programs, base); {
	case i >= 0 && dir == "/oracle/bin/" && !isDir:
		return events.File{Inode: uint64(i + 1), Regular: true}, nil
	case clean == "/proc/self/status" && !isDir:
		return events.File{Inode: 1 << 32, Regular: true}, nil
	}
	if i := slices.Index(irregular, clean); i >= 0 {
		return events.File{Inode: 1<<33 + uint64(i)}, nil
	}
	for p := clean; p != "/"; p = path.Dir(p) {
		if d, b := path.Split(p); d == "/oracle/bin/" && slices.Contains(programs, b) {
			return events.File{}, sim.ENOTDIR
		}
	}
	return events.File{}, sim.ENOENT
}
