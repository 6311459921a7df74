package events

import (
	"errors"
	"slices"
	"strings"

	"trapline/sim"
)

// The texts that a refused filter gets, the kernel's table ERRORS in
// trace_events_filter.c. A number behind FILT_ERR_ is the place in that table.
const (
	filterInvalidOp    = "Invalid operator"
	filterTooManyOpen  = "Too many '('"
	filterTooManyClose = "Too few '('"
	filterNoQuote      = "Missing matching quote"
	filterNoBrace      = "Missing '{'"
	filterNoBraceEnd   = "Missing '}'"
	filterTooLong      = "Operand too long"
	filterWantString   = "Expecting string field"
	filterWantDigit    = "Expecting numeric field"
	filterBadGroup     = "Couldn't find or set field in one of a subsystem's events"
	filterIllegalOp    = "Illegal operation for field type"
	filterNoField      = "Field not found"
	filterIllegalInt   = "Illegal integer value"
	filterTooManyTerms = "Too many terms in predicate expression"
	filterBadCPUs      = "Invalid cpulist"
	filterBadValue     = "Invalid value (did you forget quotes)?"
	filterNoFunction   = "Function not found"
	filterErrno        = "Error"
	filterNone         = "No filter found"
)

// filterLog is what the entries of error_log for filters begin with.
const filterLog = "event filter parse error"

// maxFilter is the size of a page: a write of so much is refused.
const maxFilter = 4096

// A filter is struct event_filter.
type filter struct {
	text    string // what the file shows
	program []branch
}

// A Context is what a filter can ask for besides the record.
type Context struct {
	Comm string
	CPU  int
}

// SetFilter is a write to the file filter of an event: an expression, or 0 for
// none. One that is refused takes the filter that was there away, and the file then
// shows why; the error is a [*Refusal].
func (r *Registry) SetFilter(e *Event, text string) error { return r.setFilter(e, text, false) }

// SetGroupFilter is a write to the file filter of a group, process_system_preds(): each
// of its events gets the filter, or shows that it cannot have it, but not why. It returns
// ENOENT if there is no such group.
func (r *Registry) SetGroupFilter(group, text string) error {
	if len(text) >= maxFilter {
		return sim.EINVAL
	}
	var events []*Event
	for _, p := range r.probes {
		if p.Event.Group == group && !slices.Contains(events, p.Event) {
			events = append(events, p.Event)
			_ = r.setFilter(p.Event, text, true) // the events show it
		}
	}
	if events == nil {
		return sim.ENOENT
	}
	return nil
}

func (r *Registry) setFilter(e *Event, text string, ofGroup bool) error {
	if len(text) >= maxFilter {
		return sim.EINVAL
	}
	text, _, _ = strings.Cut(text, "\x00")
	for text != "" && isSpace(text[len(text)-1]) { // strstrip() leaves what is in front
		text = text[:len(text)-1]
	}
	if text[spaces(text, 0):] == "0" {
		e.filter = nil
		return nil
	}
	program, err := parseFilter(e, text)
	e.filter = &filter{text: text, program: program}
	if err == nil {
		return nil
	}
	var wrong *filterError
	if !errors.As(err, &wrong) {
		return err
	}
	if ofGroup {
		wrong = &filterError{wrong.errno, filterBadGroup, 0}
	}
	refusal := &Refusal{Errno: wrong.errno, Text: wrong.text, Command: text, Column: wrong.column, log: filterLog}
	e.filter.text = wrong.show(text)
	r.logRefusal(refusal)
	return refusal
}

// Filter is what the file filter of an event shows.
func (e *Event) Filter() string {
	if e.filter == nil {
		return "none"
	}
	return e.filter.text
}

// Passes says whether the filter lets a record into the trace:
// filter_match_preds().
func (e *Event) Passes(rec []byte, c Context) bool {
	if e.filter == nil || e.filter.program == nil {
		return true
	}
	for len(rec) < e.header()+e.Probes[0].size {
		rec = append(rec, 0) // what did not fit into a page
	}
	prog := e.filter.program
	i := 0
	for ; prog[i].term != nil; i++ {
		if prog[i].term.match(rec, c) == prog[i].when {
			i = prog[i].target
		}
	}
	return prog[i].target != 0
}

// A filterError is struct filter_parse_error, and what the write returns.
type filterError struct {
	errno  sim.Errno
	text   string // filterErrno if the kernel has no more to say
	column int
}

func (e *filterError) Error() string { return e.text }

// show is append_filter_err(): what the file shows from now on.
func (e *filterError) show(text string) string {
	if e.text == filterErrno {
		return text + "\nError: (0)\n"
	}
	pos := min(e.column, len(text))
	if pos > 0 {
		pos++
	}
	return text + "\n" + strings.Repeat(" ", max(0, pos-1)) + "^\nparse_error: " + e.text + "\n"
}
