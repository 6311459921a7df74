package conform

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"trapline/probes/uprobes/defects"
	"trapline/probes/uprobes/insn"
)

// Patterns judges first bytes: a line has a group, 16 bytes in hexadecimal, and
// ok or the name of the error number.
func Patterns(data []byte, w io.Writer, d defects.Set) (Result, error) {
	r := &reporter{w: w}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if n == 1 || lines.Text() == "" {
			continue // the names of the columns
		}
		if len(fields) < 3 {
			return r.res, fmt.Errorf("patterns of first bytes: line %d has %d columns", n, len(fields))
		}
		text, err := hex.DecodeString(fields[1])
		if err != nil {
			return r.res, fmt.Errorf("patterns of first bytes: line %d: %w", n, err)
		}
		r.begin()
		_, err = insn.Analyse(text, 0, d)
		got := verdict(err)
		if got == "0" {
			got = "ok"
		}
		if got != fields[2] {
			r.differ("pattern %s %s: %s, the kernel %s", fields[0], fields[1], got, fields[2])
		}
	}
	if err := lines.Err(); err != nil {
		return r.res, fmt.Errorf("patterns of first bytes: %w", err)
	}
	return r.res, r.err
}
