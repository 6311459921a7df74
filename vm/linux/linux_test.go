package linux

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

var longRun = flag.Bool("long", false, "more seeds")

// seeds are those that outputs are compared for.
func seeds() int {
	if *longRun {
		return 50
	}
	return 3
}

// guest runs a program with every seed, and returns what it printed and its exit
// status, which must be the same for all.
func guest(t *testing.T, c Config, stdin string) (out string, code int) {
	t.Helper()
	if c.MaxInsns == 0 {
		c.MaxInsns = 400_000_000
	}
	c.CPUs = 2
	for seed := range seeds() {
		var stdout, stderr, notes bytes.Buffer
		c.Seed, c.Stdin, c.Stdout, c.Stderr, c.Notes = uint64(seed), strings.NewReader(stdin), &stdout, &stderr, &notes
		r, err := Run(c)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s%s%s", seed, err, stdout.String(), stderr.String(), notes.String())
		}
		if r.Exhausted != "" {
			t.Fatalf("seed %d: the run has used up its %s\n%s", seed, r.Exhausted, stdout.String())
		}
		got := stdout.String() + stderr.String()
		if seed == 0 {
			out, code = got, r.ExitCode()
		} else if got != out || r.ExitCode() != code {
			t.Fatalf("seed %d: exit status %d, output\n%s\nwith seed 0 it was %d and\n%s", seed, r.ExitCode(), got, code, out)
		}
	}
	return out, code
}

// program is a Config for a file of the host.
func program(t testing.TB, file string, args ...string) Config {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := "/bin/" + filepath.Base(file)
	return Config{Path: name, Program: content, Args: append([]string{name}, args...)}
}

// tool finds a program of the host, or skips the test.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not there (Debian: busybox-static, musl-tools, gcc)", name)
	}
	return path
}

// compile makes a static program of C.
func compile(t testing.TB, cc string, source string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "prog")
	cmd := exec.Command(tool(t, cc), append([]string{"-O1", "-o", out, source}, flags...)...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("%s: %v\n%s", cc, err, msg)
	}
	return out
}

// TestOracle runs the programs that a real kernel was probed with, without probes,
// and compares what they print with what they printed there.
func TestOracle(t *testing.T) {
	data, err := os.ReadFile("testdata/oracle/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Prog, Input string
		Argv, Out         []string
		Exit              int
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			cfg := program(t, "testdata/oracle/"+c.Prog, c.Argv[1:]...)
			out, code := guest(t, cfg, c.Input+"q")
			want := strings.Join(append(c.Out, "bye"), "\n") + "\n"
			if out != want || code != c.Exit {
				t.Errorf("exit status %d, want %d; output\n%s\nwant\n%s", code, c.Exit, out, want)
			}
		})
	}
}

// TestStaticGo runs a Go program with goroutines, timers, signals and pipes.
func TestStaticGo(t *testing.T) {
	out := filepath.Join(t.TempDir(), "prog")
	cmd := exec.Command(tool(t, "go"), "build", "-o", out, "./testdata/gostatic")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	got, code := guest(t, program(t, out, "x", "y"), "")
	const want = "args 2\nsum 24975000\nsignal user defined signal 1\nticks 3\nread piped\ndeadline true\nrecovered nil pointer\ncollected true\n"
	if got != want || code != 3 {
		t.Errorf("exit status %d, output\n%s", code, got)
	}
}

func TestHello(t *testing.T) {
	for _, c := range []struct {
		cc    string
		flags []string
	}{{"musl-gcc", []string{"-static"}}, {"gcc", []string{"-static", "-lm"}}, {"gcc", []string{"-static-pie", "-fPIE", "-lm"}}} {
		t.Run(c.cc+c.flags[0], func(t *testing.T) {
			prog := compile(t, c.cc, "testdata/hello.c", c.flags...)
			out, code := guest(t, program(t, prog, "a b", ""), "line one\nline two\n")
			const want = "hello 3 [a b] []\nin: line one\nin: line two\n1.5 2.718282 3.141593\nchild 42\nalarm 14\n"
			if out != want || code != 7 {
				t.Errorf("exit status %d, output\n%s", code, out)
			}
		})
	}
}

func TestBusybox(t *testing.T) {
	busybox := tool(t, "busybox")
	var nums strings.Builder
	for i := range 400 {
		fmt.Fprintln(&nums, (i*7919)%401)
	}
	files := fstest.MapFS{
		"nums": {Data: []byte(nums.String()), Mode: 0o644},
		"d/a":  {Data: []byte("alpha\n"), Mode: 0o644},
	}
	for _, c := range []struct {
		script, want string
		code         int
	}{
		{"echo hi | cat; echo $((6 * 7))", "hi\n42\n", 0},
		{"sha256sum d/a", "b6a98d9ce9a2d9149288fa3df42d377c3e42737afdcdaf714e33c0a100b51060  d/a\n", 0},
		{"sort -n nums | head -3; sort -n nums | tail -1", "0\n1\n2\n400\n", 0},
		{"awk '{ s += $1 } END { printf \"%d %.3f\\n\", s, s / 7 }' nums", "80099 11442.714\n", 0},
		{"gzip -c nums | gunzip -c | cmp - nums && echo same", "same\n", 0},
		{"i=0; while [ $i -lt 12 ]; do echo $i | (read x; echo got $x); i=$((i+1)); done | sort -r | head -2", "got 9\ngot 8\n", 0},
		{"trap 'echo usr1' USR1; kill -USR1 $$; (sleep 5; echo slept) & wait; exit 5", "usr1\nslept\n", 5},
		{"echo new > d/b; echo more >> d/b; cat d/*; rm d/a; ls d; mkdir e; mv d/b e/c; cat e/c", "alpha\nnew\nmore\nb\nnew\nmore\n", 0},
		{"ls /nothing", "ls: /nothing: No such file or directory\n", 1},
		{"kill -9 $$", "", 137},
		{"cat /../../etc/passwd; ln -s /etc/shadow l; cat l", "cat: can't open '/../../etc/passwd': No such file or directory\ncat: can't open 'l': No such file or directory\n", 1},
		{"yes | head -2; echo $?", "y\ny\n0\n", 0},
	} {
		t.Run(c.script, func(t *testing.T) {
			cfg := program(t, busybox, "sh", "-c", c.script)
			cfg.Mounts = []Mount{{At: "/", Files: files}}
			out, code := guest(t, cfg, "")
			if out != c.want || code != c.code {
				t.Errorf("exit status %d, want %d; output\n%s\nwant\n%s", code, c.code, out, c.want)
			}
		})
	}
}

// TestLua runs a static Lua interpreter (Debian: liblua5.4-dev).
func TestLua(t *testing.T) {
	prog := compile(t, "gcc", "testdata/lua.c", "-static", "-I/usr/include/lua5.4", "-llua5.4", "-lm", "-ldl")
	const script = `
local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end
print(fib(15))
local t = {}
for i = 1, 300 do t[i] = (i * 7919) % 301 end
table.sort(t)
print(t[1], t[300], #t)
print(string.format("%.6f %5d %s", math.sin(1), 42, ("x"):rep(3)))
print(("hello world"):gsub("o", "0"))
print(pcall(error, "caught"))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(co(), co(), co())
print(2^53, 7 // 2, 7 % -3, 1 / 3)
`
	out, code := guest(t, program(t, prog), script)
	const want = "610\n1\t300\t300\n0.841471    42 xxx\nhell0 w0rld\t2\nfalse\tcaught\n1\t2\t3\n9.007199254741e+15\t3\t-2\t0.33333333333333\n"
	if out != want || code != 0 {
		t.Errorf("exit status %d, output\n%s", code, out)
	}
}

// TestSameSeedSameRun: everything that happens follows from the seed, and another
// seed is another run.
func TestSameSeedSameRun(t *testing.T) {
	run := func(seed uint64) Result {
		c := program(t, "testdata/oracle/forks")
		c.Seed, c.Stdin, c.MaxInsns, c.CPUs = seed, strings.NewReader("ktkvq"), 100_000_000, 2
		r, err := Run(c)
		if err != nil || r.Exhausted != "" {
			t.Fatal(r, err)
		}
		return r
	}
	hashes := map[uint64]bool{}
	for seed := range uint64(5) {
		first, again := run(seed), run(seed)
		if first != again {
			t.Errorf("seed %d: %+v, and then %+v", seed, first, again)
		}
		hashes[first.Hash] = true
	}
	if len(hashes) != 5 {
		t.Errorf("five seeds made %d runs", len(hashes))
	}
}

// TestBudgets: a program that does not stop is stopped.
func TestBudgets(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   Budget
		change func(c *Config)
	}{
		{"instructions", Instructions, func(c *Config) { c.MaxInsns = 1000 }},
		{"time", Time, func(c *Config) { c.Interrupted = func() bool { return true } }},
		{"memory", Memory, func(c *Config) { c.MaxMemory = 12 << 10 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := program(t, "testdata/oracle/basic")
			cfg.Stdin = strings.NewReader("asbnq")
			c.change(&cfg)
			if r, err := Run(cfg); err != nil || r.Exhausted != c.want {
				t.Errorf("%+v, %v; want the %s to be used up", r, err, c.want)
			}
		})
	}
}

// TestRefused lists what is no program, with what the user is told.
func TestRefused(t *testing.T) {
	hello := compile(t, "gcc", "testdata/hello.c", "-lm")
	dynamic, err := os.ReadFile(hello)
	if err != nil {
		t.Fatal(err)
	}
	basic, err := os.ReadFile("testdata/oracle/basic")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{dynamic, "asks for an interpreter"},
		{nil, "the file is empty"},
		{[]byte("hello"), "is not an ELF file"},
		{basic[:1000], "cut off"},
		{[]byte("#!/nothing\n"), "-ENOENT"},
	} {
		_, err := Run(Config{Path: "/prog", Program: c.content, Args: []string{"prog"}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
}
