package insn

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"trapline/probes/uprobes/defects"
	"trapline/sim"
)

// A pattern is a line of sweep.tsv.gz: 16 bytes, and what the kernel said when a
// process mapped a file with a probe on them.
type pattern struct {
	group string
	text  []byte
	want  string // ok, or the name of an error number
}

func patterns(t *testing.T) []pattern {
	t.Helper()
	f, err := os.Open("testdata/sweep.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []pattern
	lines := bufio.NewScanner(z)
	lines.Scan() // the names of the columns
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		text, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pattern{fields[0], text, fields[2]})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// verdict names an error as the captures do.
func verdict(err error) string {
	var errno sim.Errno
	if errors.As(err, &errno) {
		return errno.Error()[1:]
	}
	return "ok"
}

func TestFirstBytesAsTheKernel(t *testing.T) {
	all := patterns(t)
	if len(all) != 14644 {
		t.Fatalf("%d patterns", len(all))
	}
	wrong := map[string]int{}
	for _, p := range all {
		_, err := Analyse(p.text, 0x400000, defects.Linux618)
		if got := verdict(err); got != p.want {
			if wrong[p.group]++; wrong[p.group] <= 12 {
				t.Errorf("%s %x: %s, the kernel says %s", p.group, p.text, got, p.want)
			}
		}
	}
	for group, n := range wrong {
		t.Errorf("%s: %d wrong", group, n)
	}
}
