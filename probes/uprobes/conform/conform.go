package conform

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"trapline/sim"
)

// A Kind is a format of captures.
type Kind uint8

// The kinds.
const (
	Unknown           Kind = iota
	SequencesKind          // of definitions
	PatternsKind           // of first bytes
	SitesKind              // instructions, a JSON object a line
	ScenarioKind           // a session, a JSON object
	gzipMagic         = "\x1f\x8b"
	maxUncompressed   = 256 << 20
	patternsFirstLine = "group\tbytes\tresult\t"
)

// A Result counts what was compared.
type Result struct {
	Cases int // performed
	Wrong int // that differ
	// Unexecuted are instruction sites of which only the definition and the text
	// were compared: the simulated processor lacks the instruction, or values vary.
	Unexecuted int
}

// Unpack decompresses data if it is compressed, and says which kind it is.
func Unpack(data []byte) ([]byte, Kind, error) {
	if bytes.HasPrefix(data, []byte(gzipMagic)) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, Unknown, err
		}
		data, err = io.ReadAll(io.LimitReader(z, maxUncompressed+1))
		if err != nil {
			return nil, Unknown, err
		}
		if len(data) > maxUncompressed {
			return nil, Unknown, fmt.Errorf("more than %d MiB when it is decompressed (divide it)", maxUncompressed>>20)
		}
	}
	start := bytes.TrimLeft(data, " \t\r\n")
	first, _, _ := bytes.Cut(start, []byte("\n"))
	switch {
	case bytes.HasPrefix(start, []byte(patternsFirstLine)):
		return data, PatternsKind, nil
	case bytes.HasPrefix(start, []byte("[")):
		return data, SequencesKind, nil
	case bytes.HasPrefix(start, []byte("{")) && bytes.Contains(first, []byte(`"asm"`)):
		return data, SitesKind, nil
	case bytes.HasPrefix(start, []byte("{")):
		return data, ScenarioKind, nil
	}
	return data, Unknown, nil
}

// verdict names an error as the captures do: without a minus sign, and "0" for
// none.
func verdict(err error) string {
	var errno sim.Errno
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &errno):
		return errno.Error()[1:]
	}
	return err.Error()
}

// A reporter writes the differences of the cases one after the other.
type reporter struct {
	w   io.Writer
	res Result
	bad bool // the case has a difference
	err error
}

func (r *reporter) begin() {
	r.res.Cases++
	r.bad = false
}

func (r *reporter) differ(format string, args ...any) {
	if !r.bad {
		r.bad = true
		r.res.Wrong++
	}
	if _, err := fmt.Fprintf(r.w, format+"\n", args...); err != nil && r.err == nil {
		r.err = err
	}
}
