package memory

import "errors"

// Explain finds an execution whose end satisfies bad, and says of it which store each
// load read and why a newer one was not visible, and which pair of barriers would
// have forbidden it. It returns "" if there is no such execution.
func Explain(p Program, o Options, bad func(*State) bool) (string, error) {
	return "", errors.New("not yet")
}
