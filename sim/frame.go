package sim

import (
	"fmt"
	"path"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode"
)

// Frame is one call on the stack of simulated code.
type Frame struct {
	// Func is the name of the function in the kernel's spelling:
	// uprobeReadpage is uprobe_readpage.
	Func string
	// File and Line say where in the Go source it stands, from the root of
	// the module.
	File string
	Line int
}

// String is the frame as a symbolised kernel backtrace prints it. There is no
// machine code, so the offsets are nought.
func (f Frame) String() string {
	return fmt.Sprintf("%s+0x0/0x0 %s:%d", f.Func, f.File, f.Line)
}

const self = "trapline/sim."

// callers is the simulated part of the current stack, innermost call first: the
// machine itself, the Go runtime and nameless wrappers are left out.
func callers() []Frame {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var stack []Frame
	for {
		f, more := frames.Next()
		if name := kernelName(f.Function); name != "" {
			stack = append(stack, Frame{name, sourceFile(f), f.Line})
		}
		if !more || f.Function == self+"(*Machine).Run" { // below it is the host
			return stack
		}
	}
}

// site is a cheap fingerprint of the current stack, good for one process.
func site() uint64 {
	var pcs [16]uintptr
	h := uint64(0)
	for _, pc := range pcs[:runtime.Callers(2, pcs[:])] {
		h = mix(h, uint64(pc))
	}
	return h
}

// kernelName is the kernel's spelling of a Go function, or "" for one that does
// not belong on a kernel's stack.
func kernelName(function string) string {
	if strings.HasPrefix(function, self) || !simulated(function) {
		return ""
	}
	function = strings.ReplaceAll(function, "[...]", "")
	if i := strings.LastIndexByte(function, '/'); i >= 0 {
		function = function[i+1:]
	}
	name := ""
	_, rest, _ := strings.Cut(function, ".")
	for part := range strings.SplitSeq(rest, ".") {
		part, _, _ = strings.Cut(part, "-") // the body of a range over a function
		switch {
		case closure.MatchString(part):
			// It goes by the function that it stands in.
		case part == "" || strings.ContainsAny(part, "()[]*"):
			// The receiver, or type arguments.
		default:
			name = part
		}
	}
	return snake(name)
}

// closure is what the compiler calls a function without a name, after the
// function that it stands in.
var closure = regexp.MustCompile(`^(func|init|glob|gowrap|deferwrap)?[0-9]*$`)

// home is the first element of the path of the main module.
var home = func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		first, _, _ := strings.Cut(info.Main.Path, "/")
		return first
	}
	return ""
}()

// simulated says whether a function can be simulated code: the packages of the
// standard library are those whose path begins with an element without a dot
// that is not the main module's.
func simulated(function string) bool {
	first, _, inFolder := strings.Cut(function, "/")
	if !inFolder {
		first, _, _ = strings.Cut(function, ".")
	}
	return first == "trapline" || first == "main" || first == home || inFolder && strings.Contains(first, ".")
}

// snake turns mapUprobePage into map_uprobe_page.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		if unicode.IsUpper(r) {
			if i > 0 && (unicode.IsLower(rs[i-1]) || unicode.IsDigit(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// sourceFile is the file of a frame from the root of its module: the package
// path without its first element, and the base name. It is the same on every
// machine.
func sourceFile(f runtime.Frame) string {
	pkg := f.Function
	slash := strings.LastIndexByte(pkg, '/')
	if dot := strings.IndexByte(pkg[slash+1:], '.'); dot >= 0 {
		pkg = pkg[:slash+1+dot]
	}
	if _, rest, ok := strings.Cut(pkg, "/"); ok {
		return path.Join(rest, path.Base(f.File))
	}
	return path.Base(f.File)
}
