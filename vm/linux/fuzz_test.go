package linux

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"trapline/vm"
)

// FuzzProgram gives the loader files that may be anything: Run must come to an
// end, with an error of the user's or a result, and the simulated kernel must keep
// its own rules.
func FuzzProgram(f *testing.F) {
	for _, name := range []string{"basic", "basic_pie"} {
		data, err := os.ReadFile("testdata/oracle/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		for _, at := range []int{4, 16, 24, 32, 54, 56, 0x48, 0x50, 0x58, 0x60, 0x68, 0x70, 0x80, 0x1000} {
			bad := bytes.Clone(data)
			bad[at] ^= 0xff
			f.Add(bad)
		}
		f.Add(data[:100])
	}
	f.Add(vm.Victim())
	f.Add([]byte("#!/prog\n"))
	f.Add([]byte("#!/bin/sh -c\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := Run(Config{Path: "/prog", Program: content, Args: []string{"prog"}, MaxInsns: 20_000, MaxMemory: 16 << 20})
		if errors.Is(err, ErrKernel) {
			t.Error(err)
		}
	})
}
