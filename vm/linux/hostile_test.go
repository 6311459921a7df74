package linux

import "testing"

// TestHostile: what no honest program asks for gets Linux's answer, and does not take
// the kernel with it.
func TestHostile(t *testing.T) {
	file := compile(t, "musl-gcc", "testdata/hostile/hostile.c", "-static")
	for arg, want := range map[string]string{
		"epolls": "one ok\nback Symbolic link loop\ntwo ok\nround Symbolic link loop\nthree ok\nfour ok\nfive Symbolic link loop\nwait ok\n",
		"far":    "seek ok\nwrite File too large\npreadv Invalid argument\npwritev Invalid argument\n",
		"dead":   "wait ok\nend\n",
		"timers": "sleep ok\n",
		"number": "queue Resource temporarily unavailable\ntimers Resource temporarily unavailable\n",
	} {
		t.Run(arg, func(t *testing.T) {
			if out, code := guest(t, program(t, file, arg), ""); out != want || code != 0 {
				t.Errorf("exit status %d, output\n%s\nwant\n%s", code, out, want)
			}
		})
	}
}

// TestEmptyFilesCount: what holds nothing takes room all the same.
func TestEmptyFilesCount(t *testing.T) {
	c := program(t, compile(t, "musl-gcc", "testdata/hostile/hostile.c", "-static"), "places")
	c.MaxMemory = 4 << 20
	if out, code := guest(t, c, ""); out != "mkdir No space left on device\n" || code != 0 {
		t.Errorf("exit status %d, output\n%s", code, out)
	}
}

// TestHostileBudgets: a budget ends a program that only waits, and what a program shares
// among many processes is counted.
func TestHostileBudgets(t *testing.T) {
	file := compile(t, "musl-gcc", "testdata/hostile/hostile.c", "-static")
	for _, c := range []struct {
		arg    string
		want   Budget
		change func(c *Config)
	}{
		{"idle", Time, func(c *Config) {
			asked := 0
			c.Interrupted = func() bool { asked++; return asked > 1000 }
		}},
		{"memory", Memory, func(c *Config) { c.MaxMemory = 4 << 20 }},
	} {
		t.Run(c.arg, func(t *testing.T) {
			cfg := program(t, file, c.arg)
			c.change(&cfg)
			if r, err := Run(cfg); err != nil || r.Exhausted != c.want {
				t.Errorf("%+v, %v; want the budget of %s to be used up", r, err, c.want)
			}
		})
	}
}
