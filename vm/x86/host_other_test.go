//go:build !(linux && amd64)

package x86

import "testing"

func TestAgainstHost(t *testing.T) {
	t.Skip("instructions are compared with the host only where it is amd64 with Linux")
}
