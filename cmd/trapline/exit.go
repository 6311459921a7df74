package main

import (
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
)

// The statuses with which trapline ends.
const (
	exitOK        = 0
	exitViolation = 1 // a rule was broken, or a claim did not hold
	exitMistake   = 2 // the user's mistake
	exitDiverged  = 3 // a replay did something else
	exitFault     = 4 // trapline's own fault, or the machine's it runs on
	// exitInterrupted is what shells make of a SIGINT. It is for a search whose
	// end would have decided the status.
	exitInterrupted = 130
)

// exit ends the command with a status; what there is to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// failure is an error with the status that it ends the command with.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// mistake is an error of the user's, with a hint in brackets at its end.
func mistake(format string, args ...any) error {
	return &failure{exitMistake, fmt.Errorf(format, args...)}
}

// status is the exit status for an error.
func status(err error) int {
	var e exit
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return int(e)
	case errors.As(err, &f):
		return f.code
	default:
		return exitFault
	}
}

// fault is the error for a recovered panic. One of ours says where it comes from; left
// alone it would end the process with the status of a mistake. Any other one is in the code
// of a design or of a scenario, or in what it calls.
func fault(recovered any) error {
	text := fmt.Sprint(recovered)
	if _, ok := recovered.(string); ok && !ours.MatchString(text) {
		return fmt.Errorf("a panic in the code that was asked: %s (a rule that it breaks is for k.BugOn; panic is for mistakes of trapline's own)", text)
	}
	return fmt.Errorf("a bug of trapline's own, please report it: %s\n%s", text, debug.Stack())
}

// ours matches what our own panics say: they begin with the package.
var ours = regexp.MustCompile(`^[a-z0-9/]+: `)
