package linux

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onHost runs a program where we are, in a directory.
func onHost(t *testing.T, dir, file, stdin string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.Command(file, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, []string{"PATH=/none"}, strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Skipf("%s: %v", file, err)
	}
	return stdout.String() + stderr.String(), cmd.ProcessState.ExitCode()
}

// granted is a directory of files, as both see it.
func granted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var nums strings.Builder
	for i := range 200 {
		nums.WriteString(strings.Repeat("9", (i*7919)%5) + "\n")
	}
	for name, text := range map[string]string{
		"granted": "given text\n", "nums": nums.String(), "d/e/b.h": "x\ny\n",
		"text": "the quick brown fox\njumps over the lazy dog\nTHE END\n\ttab:sep:fields\n1,2,3\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sameAsHost compares what a program prints and how it ends with the same program on
// the host, for every seed.
func sameAsHost(t *testing.T, file, stdin string, args ...string) {
	t.Helper()
	dir := granted(t)
	c := program(t, file, args...)
	c.Dir, c.Mounts, c.Env = "/given", []Mount{{At: "/given", Files: os.DirFS(dir)}}, []string{"PATH=/none"}
	c.Args[0] = file
	got, code := guest(t, c, stdin)
	want, wantCode := onHost(t, dir, file, stdin, args...)
	if got != want || code != wantCode {
		t.Errorf("exit status %d, on the host %d; output\n%s\non the host\n%s", code, wantCode, got, want)
	}
}

func TestShellAsOnHost(t *testing.T) {
	busybox := tool(t, "busybox")
	for name, script := range map[string]string{
		"sed":     `sed -e 's/\(the\) *\([a-z]*\)/\2-\1/g;$!N;P;D' text; sed -n '/fox/,/END/{=;p}' text; sed -i 's/quick/slow/' text; cat text`,
		"awk":     `awk -F: '{print NF, $2} END{printf "%d %5.2f %e %g\n", NR, 3.14159, 1e10/3, 1/3}' text; awk 'BEGIN{s="aXbXc"; gsub(/X/,"-",s); print s; print 2^53+1, 0.1+0.2, 1e300*1e300; exit 5}'; echo $?`,
		"archive": `tar cf x.tar d nums; mkdir o; tar xf x.tar -C o; cmp nums o/nums && ls -R o; gzip -c nums | gunzip | cmp - nums && bzip2 -k nums && bunzip2 -c nums.bz2 | md5sum`,
		"find":    `find . -type f | sort; find d -type f -exec echo got {} \;; seq 20 | xargs -n 7 echo; find . -name nums -print0 | xargs -0 wc`,
		"numbers": `echo '2 3 + p 10 k 2 v p 16 o 255 p' | dc; echo 'scale=20; sqrt(2); 2^64; define f(x){ if(x<2) return 1; return x*f(x-1);} f(30)' | bc; printf '%d|%-5d|%05d|%x|%5.1f|%s\n' 1 2 3 255 2.25 x; echo $((0x1f)) $((-7%3))`,
		"dump":    `od -c text | head -3; hexdump -C nums | tail -2; tr a-z A-Z < text | cut -c1-9; sort -r nums | uniq -c; sha512sum text`,
		"traps":   `trap 'echo bye' EXIT; trap 'echo usr1' USR1; kill -USR1 $$; (trap 'echo sub; exit 4' INT; kill -INT $(exec sh -c 'echo $PPID'); sleep 9); echo $?; sh -c 'kill -9 $$'; echo $?`,
		"jobs":    `sleep 0.05 & wait $!; (exit 7) & wait $!; echo $?; sleep 100 & kill $!; wait $!; echo $?; for i in 3 1 2; do (sleep 0.0$i; echo $i) & wait $!; done; mkfifo p; (echo through > p) & cat p; wait`,
		"files":   `echo hi > f; echo more >> f; mv f g; ln g h; ln -s h l; cat l; stat -c '%h %s %F %b' g l; (echo one; echo two) > both; cat both; truncate -s 5000 g; wc -c g; { read a; cat; } < both; rm nothing; echo $?`,
		"here":    "x=5; cat <<E\nval $x $(echo sub) $((x*3))\nE\nread a; echo $a; cat; set -u; echo $undefined",
	} {
		t.Run(name, func(t *testing.T) { sameAsHost(t, busybox, "first\nrest\nof it\n", "sh", "-c", script) })
	}
}

func TestFilesAsOnHost(t *testing.T) {
	for _, cc := range []string{"gcc", "musl-gcc"} {
		t.Run(cc, func(t *testing.T) { sameAsHost(t, compile(t, cc, "testdata/native/files.c", "-static", "-w"), "") })
	}
}

// lateInput is a standard input that notes how much had been printed when it was
// asked for.
type lateInput struct {
	out   *bytes.Buffer
	asked []string
	text  io.Reader
}

func (l *lateInput) Read(p []byte) (int, error) {
	l.asked = append(l.asked, l.out.String())
	return l.text.Read(p)
}

// TestOthersGoOn: what waits for input does not keep others from going on.
func TestOthersGoOn(t *testing.T) {
	c := program(t, tool(t, "busybox"), "sh", "-c", `(i=0; while [ $i -lt 50 ]; do i=$((i+1)); done; echo counted; sleep 1; echo slept) & read x; echo "$x"; wait`)
	for seed := range uint64(3) {
		var out bytes.Buffer
		in := &lateInput{out: &out, text: strings.NewReader("input\n")}
		c.Seed, c.Stdin, c.Stdout = seed, in, &out
		if r, err := Run(c); err != nil || r.Status != 0 {
			t.Fatal(r, err)
		}
		if out.String() != "counted\ninput\nslept\n" || in.asked[0] != "counted\n" {
			t.Errorf("seed %d: %q; when input was asked for there were %q", seed, out.String(), in.asked)
		}
	}
}

// TestTwoReadInput: each of two processes that wait for the same input gets a part of it.
func TestTwoReadInput(t *testing.T) {
	c := program(t, tool(t, "busybox"), "sh", "-c", `exec 3<&0; (dd bs=5 count=1 <&3 2>/dev/null) & dd bs=5 count=1 2>/dev/null; wait`)
	for seed := range uint64(8) {
		var out bytes.Buffer
		c.Seed, c.Stdin, c.Stdout, c.Stderr = seed, strings.NewReader("one1\ntwo2\n"), &out, &out
		r, err := Run(c)
		if err != nil || r.Status != 0 || out.String() != "one1\ntwo2\n" && out.String() != "two2\none1\n" {
			t.Errorf("seed %d: status %#x, %v, output\n%s", seed, r.Status, err, &out)
		}
	}
}
