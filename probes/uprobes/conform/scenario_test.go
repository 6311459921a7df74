package conform

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"trapline/probes/uprobes/defects"
)

// programFiles are the programs of the captures.
func programFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, pattern := range []string{"testdata/bin/*.gz", "../insn/testdata/insn*.gz"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			packed, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimSuffix(filepath.Base(name), ".gz")] = &fstest.MapFile{Data: content, Mode: 0o755}
		}
	}
	return files
}

func TestScenarios(t *testing.T) {
	names, err := filepath.Glob("testdata/scn/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d scenarios: %v", len(names), err)
	}
	files := programFiles(t)
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			res, err := Scenario(data, files, &out, defects.Linux618)
			if err != nil || res.Wrong != 0 {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

func TestSites(t *testing.T) {
	var out strings.Builder
	res, err := Sites(unpack(t, "../insn/testdata/sites.jsonl.gz", SitesKind), programFiles(t), &out, defects.Linux618)
	if err != nil || res != (Result{Cases: 390}) {
		t.Errorf("%+v, %v\n%s", res, err, out.String())
	}
}
