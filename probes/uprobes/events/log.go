package events

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"trapline/sim"
)

// The texts of error_log that uprobes can get, by what they say; the kernel's
// table of them is ERRORS in trace_probe.h. People search for them, so they are
// the kernel's, spelling included.
const (
	fileNotFound    = "Failed to find the given file"
	noRegularFile   = "Not a regular file"
	badRefcnt       = "Invalid reference counter offset"
	refcntOpenBrace = "Reference counter brace is not closed"
	badRefcntSuffix = "Reference counter has wrong suffix"
	badUprobeOffs   = "Invalid uprobe offset"
	badAddrSuffix   = "Invalid probed address suffix"
	noGroupName     = "Group name is not specified"
	groupTooLong    = "Group name is too long"
	badGroupName    = "Group name must follow the same rules as C identifiers"
	noEventName     = "Event name is not specified"
	eventTooLong    = "Event name is too long"
	badEventName    = "Event name must follow the same rules as C identifiers"
	eventExist      = "Given group/event name is already used by another event"
	retvalOnProbe   = "$retval is not available on probe"
	badArgNum       = "Invalid argument number"
	badVar          = "Invalid $-valiable specified"
	badRegName      = "Invalid register name"
	badMemAddr      = "Invalid memory address"
	badImm          = "Invalid immediate value"
	immstrNoClose   = "String is not closed with '\"'"
	badFileOffs     = "Invalid file offset value"
	symOnUprobe     = "Symbol is not available with uprobe"
	tooManyOps      = "Dereference is too much nested"
	derefNeedBrace  = "Dereference needs a brace"
	badDerefOffs    = "Invalid dereference offset"
	derefOpenBrace  = "Dereference brace is not closed"
	commCantDeref   = "$comm can not be dereferenced"
	badFetchArg     = "Invalid fetch argument"
	arrayNoClose    = "Array is not closed"
	badArraySuffix  = "Array has wrong suffix"
	badArrayNum     = "Invalid array size"
	arrayTooBig     = "Array number is too big"
	badType         = "Unknown type is specified"
	badString       = "String accepts only memory argument"
	badBitfield     = "Invalid bitfield"
	argNameTooLong  = "Argument name is too long"
	noArgName       = "Argument name is not specified"
	badArgName      = "Argument name must follow the same rules as C identifiers"
	usedArgName     = "This argument name is already used"
	argTooLong      = "Argument expression is too long"
	noArgBody       = "No argument expression"
	diffProbeType   = "Probe type is different from existing probe"
	diffArgType     = "Argument type or name is different from existing probe"
	sameProbe       = "There is already the exact same probe event"
	tooManyArgs     = "Too many arguments are specified"
	needStringType  = "$comm and immediate-string only accepts string type"
	nofentryArgs    = "$arg* can be used only on function entry or exit"
	nosupBTFArg     = "BTF is not available or not supported"
)

// logSize is TRACING_LOG_ERRS_MAX.
const logSize = 8

// A Refusal is an entry of error_log: why a line was refused.
type Refusal struct {
	Errno   sim.Errno // what the write returned
	Text    string
	Command string // the line as the kernel has taken it apart, with single spaces
	Column  int    // of Command, from 0, where the caret stands

	log string // who says so, trace_uprobe if it is empty
}

// Error is the text; see [Refusal.Report] for the whole entry.
func (r *Refusal) Error() string { return r.Text }

// Unwrap is the error number.
func (r *Refusal) Unwrap() error { return r.Errno }

// Report writes the entry as error_log shows it, without the time that stands in
// front of it in brackets.
func (r *Refusal) Report() string {
	const prefix = "  Command: "
	return fmt.Sprintf("%s: error: %s\n%s%s\n%s^\n", cmp.Or(r.log, "trace_uprobe"), r.Text, prefix, r.Command,
		strings.Repeat(" ", len(prefix)+r.Column))
}

// logRefusal puts an entry into error_log, which has room for the last ones.
func (r *Registry) logRefusal(entry *Refusal) {
	r.log = append(r.log, entry)
	r.logged++
	if len(r.log) > logSize {
		r.log = r.log[1:]
	}
}

// Since is what error_log got last after the first n entries; [Registry.Logged]
// counts them. It is nil if there was nothing.
func (r *Registry) Since(n int) *Refusal {
	if r.logged == n {
		return nil
	}
	return r.log[len(r.log)-1]
}

// Logged is how many entries error_log has had.
func (r *Registry) Logged() int { return r.logged }

// refuse is trace_probe_log_err(): the column counts from the argument that is
// being looked at. One behind the last stands for what is missing there.
func (c *command) refuse(err error, offset int, text string) error {
	r := &Refusal{Errno: sim.EINVAL, Text: text, Command: strings.Join(c.args, " ")}
	errors.As(err, &r.Errno)
	if c.index >= len(c.args) {
		r.Column = len(r.Command) + 1
	} else {
		r.Column = offset
		for _, a := range c.args[:c.index] {
			r.Column += len(a) + 1
		}
	}
	c.log = r
	return r
}
