package trapline_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// example is the design that CONTRIBUTING.md shows: it is no part of the catalogue.
const (
	example     = "probes/kprobes/testdata/2026_one_mutex.go.txt"
	exampleAs   = "probes/kprobes/2026_one_mutex.go"
	exampleName = "2026-one-mutex"
)

// TestExampleDesign puts the example where a design belongs, and asks it everything: one
// file is all that it takes, and what it says of itself is right.
func TestExampleDesign(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	dir := t.TempDir()
	from, err := filepath.Abs(example)
	if err != nil {
		t.Fatal(err)
	}
	as, err := filepath.Abs(exampleAs)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {as: from}})
	if err != nil {
		t.Fatal(err)
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "trapline")
	if err := os.WriteFile(file, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", file, "-o", binary, "./cmd/trapline").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, _ := exec.Command(binary, "check", exampleName, "--json").Output()
	asked, found := 0, 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); asked++ {
		var row struct {
			Scenario  string   `json:"scenario"`
			Titles    []string `json:"titles"`
			Coverage  string   `json:"coverage"`
			ClaimHeld bool     `json:"claim_held"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if !row.ClaimHeld {
			t.Errorf("%s: %q is not what is claimed (%s)", row.Scenario, row.Titles, row.Coverage)
		}
		found += len(row.Titles)
	}
	if asked < 5 || found == 0 {
		t.Errorf("%d scenarios, %d failures", asked, found)
	}
}
