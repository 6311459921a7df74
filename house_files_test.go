package trapline_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/build"
	"go/build/constraint"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxSize is the size of the largest file that the repository takes.
const maxSize = 1 << 20

// machinePath matches a path that exists on one machine only.
var machinePath = regexp.MustCompile(`(?:^|[^\w./~-])/(?:home|root|tmp|work|Users)\b`)

func TestFilesSuitEveryMachine(t *testing.T) {
	for _, path := range files(t) {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and git does not know yet
		}
		if err != nil {
			t.Fatal(err)
		}
		report(t, fileComplaints(filepath.ToSlash(path), data))
	}
}

func TestFileRuleComplains(t *testing.T) {
	// The paths are written in two parts, so that this file is not refused.
	for _, c := range []struct{ name, path, text, want string }{
		{"path in code", "sim/a.go", "package sim\n\nconst x = \"/" + "home/me/x\"", "sim/a.go:3: absolute path /" + "home"},
		{"path in prose", "README.md", "Look in /" + "tmp.", "README.md:1: absolute path /" + "tmp"},
		{"path of another system", "sim/a.go", "package sim // /" + "Users/me", "sim/a.go:1: absolute path /" + "Users"},
		{"path in test data", "vm/testdata/maps", "/" + "root/prog", ""},
		{"relative path", "README.md", "Look in ./" + "work/x, a/" + "work and ../" + "tmp.", ""},
		{"address", "README.md", "See https://example.org/" + "home/x.", ""},
		{"other words", "README.md", "true/workable /" + "homes and read/" + "root", ""},
		{"large", "vm/testdata/prog", strings.Repeat("x", maxSize+1), "vm/testdata/prog:1: 1048577 bytes"},
		{"not too large", "vm/testdata/prog", strings.Repeat("x", maxSize), ""},
		{"architecture", "probes/probe_arm.go", "package probes", "probes/probe_arm.go:1: the go command takes the ending for a platform"},
		{"system", "vm/map_linux_test.go", "package vm", "vm/map_linux_test.go:1: the go command takes the ending for a platform"},
		{"underscore in front", "vm/_map.go", "package vm", "vm/_map.go:1: the go command ignores the file"},
		{"a system in the middle", "vm/linux_map.go", "package vm", ""},
		{"a system alone", "vm/linux.go", "package vm", ""},
		{"a year in front", "probes/uprobes/2011_srcu_templist.go", "package uprobes", ""},
		{"intended", "vm/host_amd64_test.go", "//go:build amd64\n\npackage vm", ""},
		{"not Go", "vm/note_linux.md", "It runs.", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, fileComplaints(c.path, []byte(c.text)), c.want)
		})
	}
}

// fileComplaints judges any file by its name and its bytes.
func fileComplaints(path string, data []byte) []string {
	var complaints []string
	if len(data) > maxSize {
		complaints = append(complaints, fmt.Sprintf("%s:1: %d bytes; keep files below %d: make the data smaller, or make it in the test", path, len(data), maxSize))
	}
	if c := nameComplaint(path, data); c != "" {
		complaints = append(complaints, c)
	}
	if slices.Contains(strings.Split(path, "/"), "testdata") || bytes.IndexByte(data, 0) >= 0 {
		return complaints
	}
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if found := machinePath.Find(text); found != nil {
			name := found[bytes.IndexByte(found, '/'):]
			complaints = append(complaints, fmt.Sprintf("%s:%d: absolute path %s; other machines do not have it: use a relative path, or t.TempDir in a test", path, line, name))
		}
	}
	return complaints
}

// nameComplaint finds files that the go command leaves out for their name. A
// file that is meant for one platform says so in a //go:build line as well.
func nameComplaint(path string, data []byte) string {
	base := path[strings.LastIndexByte(path, '/')+1:]
	if !strings.HasSuffix(base, ".go") {
		return ""
	}
	if strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
		return path + ":1: the go command ignores the file; begin its name with a letter or a digit"
	}
	nowhere := build.Context{
		GOOS: "nowhere", GOARCH: "nothing", Compiler: "gc",
		OpenFile: func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("package p\n")), nil
		},
	}
	if ok, err := nowhere.MatchFile("", base); ok || err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if constraint.IsGoBuild(strings.TrimSpace(line)) {
			return ""
		}
	}
	return path + ":1: the go command takes the ending for a platform; choose another ending, or write the //go:build line if it is meant"
}

// files lists what is in the repository, or is about to be: what git tracks or
// does not ignore, and the whole tree where there is no git.
func files(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err == nil && len(out) > 0 {
		return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	}
	var paths []string
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular():
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files found: %v", err)
	}
	return paths
}
